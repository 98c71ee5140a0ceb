#include "support/eagle3_case.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "architectures/architecture.hpp"
#include "support/golden_files.hpp"
#include "support/normalised_error.hpp"
#include "support/paths.hpp"
#include "support/target_results.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::test {
namespace {

// One sequence of an EAGLE-3 model.
class Sequence {
 public:
  Sequence(Model& model, Backend& backend, std::int64_t tokens)
      : model_(model),
        backend_(backend),
        pages_(static_cast<std::size_t>(tokens / kPageTokens + 1)) {
    std::iota(pages_.begin(), pages_.end(), 0);
    page_table_ = pages_;
    kv_ = std::move(*model.make_kv_store(KvType::kF32, std::ssize(pages_)));
  }

  // The logits behind these tokens, which come next, each with a state.
  std::vector<std::vector<float>> predict(std::span<const TokenId> tokens,
                                          std::span<const float> states) {
    const auto rows = static_cast<std::int32_t>(tokens.size());
    std::vector<std::int32_t> positions(tokens.size()), outputs(tokens.size());
    std::iota(positions.begin(), positions.end(), length_);
    std::iota(outputs.begin(), outputs.end(), 0);
    const std::vector<std::int32_t> sequences(tokens.size(), 0);
    length_ += rows;
    const GivenRows given{0, rows, states.data()};
    Batch batch{tokens, {positions, sequences, {&page_table_, 1}, {&length_, 1}}, outputs, true};
    batch.given = {&given, 1};
    const View logits = model_.forward(batch, *kv_);
    std::vector<float> all(static_cast<std::size_t>(logits.rows * logits.columns));
    backend_.download(logits, all.data());
    std::vector<std::vector<float>> result;
    for (auto row = all.begin(); row != all.end(); row += logits.columns) {
      result.emplace_back(row, row + logits.columns);
    }
    return result;
  }

  // What the layer has made of the last token.
  std::vector<float> state() const {
    const View hidden = model_.hidden();
    std::vector<float> state(static_cast<std::size_t>(hidden.columns));
    backend_.download(some_rows(hidden, hidden.rows - 1, 1), state.data());
    return state;
  }

 private:
  Model& model_;
  Backend& backend_;
  std::vector<std::int32_t> pages_;
  std::span<const std::int32_t> page_table_;
  std::unique_ptr<KvStore> kv_;
  std::int32_t length_ = 0;
};

// [rows, width]
std::vector<float> fuse(Model& eagle, Backend& backend, std::int64_t rows,
                        std::span<const float> results) {
  const TargetResults all(eagle.spec().prediction, backend, results);
  const View fused = eagle.fuse(all.rows(0, rows));
  std::vector<float> states(static_cast<std::size_t>(fused.rows * fused.columns));
  backend.download(fused, states.data());
  return states;
}

}  // namespace

std::vector<std::string> Eagle3Case::names() {
  return case_names(in_repository("tests/data/eagle3"));
}

Eagle3Case Eagle3Case::read(const std::string& name) {
  Eagle3Case result;
  result.eagle.json = read_json(in_repository("tests/data/eagle3/" + name + ".json"));
  result.target = OracleCase::read(result.eagle.json["target"]);
  for (const auto& [position, row] : result.eagle.json["logits"].items()) {
    result.logits[std::stoi(position)] = row.get<std::vector<float>>();
  }
  return result;
}

std::unique_ptr<Model> load_eagle3(const gguf::File& file, const Model& target, Backend& backend,
                                   const BatchLimits& limits) {
  WeightLoader loader(file, backend);
  auto spec = read_model_spec(file, loader, draft_architectures());
  EXPECT_TRUE(spec) << spec.error().message;
  const LayerPlace place{&backend};
  SharedTables tables = target.tables_in(backend);
  if (!spec->prediction.tokens.empty()) tables = {};
  auto model = Model::load(std::move(*spec), loader, {&place, 1}, limits, tables);
  EXPECT_TRUE(model) << model.error().message;
  return std::move(*model);
}

std::vector<std::vector<float>> predict(Model& eagle, Backend& backend,
                                        std::span<const TokenId> tokens,
                                        std::span<const float> results) {
  const std::vector<float> states = fuse(eagle, backend, std::ssize(tokens), results);
  Sequence sequence(eagle, backend, std::ssize(tokens));
  // The last state belongs to the token that nobody knows yet.
  const auto known = std::span(states).first(states.size() - eagle.spec().width);
  auto rows = sequence.predict(tokens.subspan(1), known);
  const TokenId next = likeliest_token(eagle.spec(), rows.back());
  rows.push_back(sequence.predict({&next, 1}, sequence.state()).front());
  return rows;
}

TokenId likeliest_token(const ModelSpec& eagle, std::span<const float> logits) {
  const auto column = std::ranges::max_element(logits) - logits.begin();
  const auto& tokens = eagle.prediction.tokens;
  return tokens.empty() ? static_cast<TokenId>(column) : tokens[static_cast<std::size_t>(column)];
}

double Eagle3Case::error(Backend& backend) const {
  const TemporaryFolder folder;
  EXPECT_TRUE(target.write(folder / "target.gguf"));
  EXPECT_TRUE(eagle.write(folder / "eagle3.gguf"));
  const auto target_file = std::move(*gguf::File::open(folder / "target.gguf"));
  const auto file = std::move(*gguf::File::open(folder / "eagle3.gguf"));
  const std::vector<TokenId> tokens = eagle.tokens();
  const BatchLimits limits{std::ssize(tokens), std::ssize(tokens)};
  const auto target_model = load_target(target_file, backend, limits);
  const auto model = load_eagle3(file, *target_model, backend, limits);
  const std::size_t columns = static_cast<std::size_t>(model->spec().prediction.fused_columns());
  const auto rows =
      predict(*model, backend, tokens, golden_results(eagle, tokens.size() * columns));
  std::vector<float> got, want;
  for (const auto& [position, row] : logits) {
    const auto& predicted = rows.at(static_cast<std::size_t>(position));
    got.insert(got.end(), predicted.begin(), predicted.end());
    want.insert(want.end(), row.begin(), row.end());
  }
  return normalised_error(got, want);
}

}  // namespace linnet::test
