#include "support/assistant_case.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "architectures/architecture.hpp"
#include "model/blocks/prediction.hpp"
#include "support/golden_files.hpp"
#include "support/normalised_error.hpp"
#include "support/paths.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::test {
namespace {

std::vector<float> row_of(Backend& backend, View rows, std::int64_t row) {
  std::vector<float> values(static_cast<std::size_t>(rows.columns));
  backend.download(some_rows(rows, row, 1), values.data());
  return values;
}

}  // namespace

AssistantCase AssistantCase::read() {
  AssistantCase result;
  result.assistant.json = read_json(in_repository("tests/data/assistants/gemma4.json"));
  const auto& json = result.assistant.json;
  result.target = OracleCase::read(json["target"]);
  result.target.json["metadata"].update(json["target_metadata"]);
  for (const auto& tensor : json["target_tensors"]) {
    result.target.json["tensors"].push_back(tensor);
  }
  // The target's own tokens are those that it has evaluated.
  result.target.json["tokens"] = json["tokens"];
  for (const auto& [position, row] : json["logits"].items()) {
    result.logits[std::stoi(position)] = {row.get<std::vector<float>>(),
                                          json["next_logits"][position].get<std::vector<float>>()};
  }
  return result;
}

std::unique_ptr<Model> load_assistant(const gguf::File& file, const Model& target,
                                      Backend& backend) {
  WeightLoader loader(file, backend);
  auto spec = read_model_spec(file, loader, draft_architectures());
  EXPECT_TRUE(spec) << spec.error().message;
  read_keys_of(target.spec(), *spec);
  const LayerPlace place{&backend};
  const SharedTables tables{target.tables_in(backend).tokens, nullptr};
  auto model = Model::load(std::move(*spec), loader, {&place, 1}, {1, 1}, tables);
  EXPECT_TRUE(model) << model.error().message;
  return std::move(*model);
}

std::array<std::vector<float>, 2> predict(Model& assistant, const EvaluatedModel& target,
                                          Backend& backend, std::int32_t position) {
  const Batch whole = target.sequence().batch();
  TokenId token = whole.tokens[static_cast<std::size_t>(position) + 1];
  std::vector<float> state = row_of(backend, target.hidden(), position);
  // The row sees the keys up to `position`, and turns as the token behind it.
  const std::int32_t sequence = 0, output = 0, length = position + 1;
  const std::vector<std::int32_t> places(3, position + 1);
  std::array<std::vector<float>, 2> result;
  for (std::vector<float>& logits : result) {
    const GivenRows given{0, 1, state.data()};
    Batch batch{{&token, 1},
                {{&position, 1}, {&sequence, 1}, whole.layout.page_tables, {&length, 1}},
                {&output, 1},
                /*keeps_hidden=*/true};
    batch.given = {&given, 1};
    batch.places = places;
    logits = row_of(backend, assistant.forward(batch, target.kv()), 0);
    state = row_of(backend, assistant.hidden(), 0);
    token = static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin());
  }
  return result;
}

double AssistantCase::error(Backend& backend) const {
  const EvaluatedModel evaluated(target, backend);
  const TemporaryFolder folder;
  EXPECT_TRUE(assistant.write(folder / "assistant.gguf"));
  const auto file = std::move(*gguf::File::open(folder / "assistant.gguf"));
  const auto model = load_assistant(file, evaluated.model(), backend);
  std::vector<float> got, want;
  for (const auto& [position, rows] : logits) {
    const auto predicted = predict(*model, evaluated, backend, position);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      got.insert(got.end(), predicted[i].begin(), predicted[i].end());
      want.insert(want.end(), rows[i].begin(), rows[i].end());
    }
  }
  return normalised_error(got, want);
}

}  // namespace linnet::test
