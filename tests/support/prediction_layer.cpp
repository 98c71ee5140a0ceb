#include "support/prediction_layer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "architectures/architecture.hpp"
#include "support/golden_files.hpp"
#include "support/normalised_error.hpp"
#include "support/paths.hpp"

namespace linnet::test {
namespace {

using Json = nlohmann::ordered_json;

// Adds the layer that tests/oracles/prediction_cases.py has put into `golden`, as it does itself.
void add_layer(const Json& golden, Json& model) {
  model["tokens"] = golden["tokens"];
  for (const auto& [key, entry] : golden["metadata"].items()) {
    if (entry.is_null()) {
      model["metadata"].erase(key);
    } else {
      model["metadata"][key] = entry;
    }
  }
  const auto is_left_out = [&](const Json& tensor) {
    const auto name = tensor["name"].get<std::string>();
    return std::ranges::any_of(golden["left_out"], [&](const Json& ending) {
      return name.ends_with(std::string(".").append(ending.get<std::string>()));
    });
  };
  Json tensors = Json::array();
  for (const Json& tensor : model["tensors"]) {
    if (!is_left_out(tensor)) tensors.push_back(tensor);
  }
  for (const Json& tensor : golden["tensors"]) tensors.push_back(tensor);
  model["tensors"] = std::move(tensors);
}

}  // namespace

std::vector<std::string> PredictionCase::names() {
  return case_names(in_repository("tests/data/predictions"));
}

PredictionCase PredictionCase::read(const std::string& name) {
  const Json golden = read_json(in_repository("tests/data/predictions/" + name + ".json"));
  PredictionCase result{OracleCase::read(golden["case"]), {}};
  add_layer(golden, result.model.json);
  for (const auto& [position, row] : golden["logits"].items()) {
    result.logits[std::stoi(position)] = row.get<std::vector<float>>();
  }
  return result;
}

WholeSequence::WholeSequence(std::vector<std::int32_t> tokens)
    : tokens_(std::move(tokens)),
      positions_(tokens_.size()),
      sequences_(tokens_.size(), 0),
      pages_(tokens_.size() / kPageTokens + 1),
      page_table_(pages_),
      length_(static_cast<std::int32_t>(tokens_.size())) {
  std::iota(positions_.begin(), positions_.end(), 0);
  std::iota(pages_.begin(), pages_.end(), 0);
}

Batch WholeSequence::batch() const {
  return {tokens_,
          {positions_, sequences_, {&page_table_, 1}, {&length_, 1}, {&slot_, 1}},
          positions_,
          /*keeps_hidden=*/true};
}

EvaluatedModel::EvaluatedModel(const OracleCase& model, Backend& backend,
                               std::vector<int> kept_layers)
    : sequence_(model.tokens()) {
  const Status written = model.write(path());
  EXPECT_TRUE(written) << written.error().message;
  auto file = gguf::File::open(path());
  EXPECT_TRUE(file) << file.error().message;
  file_ = std::move(*file);
  WeightLoader loader(*file_, backend);
  auto spec = read_model_spec(*file_, loader);
  EXPECT_TRUE(spec) << spec.error().message;
  if (const auto layer = read_prediction_spec(*file_, loader); layer && *layer) {
    kept_layers = (*layer)->prediction.target_layers;
  }
  spec->kept_layers = std::move(kept_layers);
  auto loaded =
      Model::load(std::move(*spec), loader, backend, {sequence_.rows(), sequence_.rows()});
  EXPECT_TRUE(loaded) << loaded.error().message;
  model_ = std::move(*loaded);
  kv_ = std::move(*model_->make_kv_store(KvType::kF32, sequence_.pages()));
  const auto states = model_->make_state_store(1);
  model_->forward(sequence_.batch(), *kv_, states->get());
}

namespace {

// What the layer makes of the model's hidden states, for all tokens.
std::vector<float> predict(const OracleCase& model, Backend& backend) {
  const EvaluatedModel evaluated(model, backend);
  WeightLoader loader(evaluated.file(), backend);
  loader.load_part();
  auto spec = read_prediction_spec(evaluated.file(), loader);
  if (!spec || !*spec) return ADD_FAILURE() << "no layer", std::vector<float>();
  const bool reads_results = !(*spec)->prediction.target_layers.empty();
  const View hidden = reads_results ? evaluated.model().kept(0) : evaluated.hidden();
  std::vector<float> before(static_cast<std::size_t>(hidden.rows * hidden.columns));
  backend.download(hidden, before.data());
  const LayerPlace place{&backend};
  const auto layer = Model::load(std::move(**spec), loader, {&place, 1}, evaluated.model().limits(),
                                 evaluated.model().tables_in(backend));
  if (!layer) return ADD_FAILURE() << layer.error().message, before;
  const auto kv = (*layer)->make_kv_store(KvType::kF32, evaluated.sequence().pages());
  Batch batch = evaluated.sequence().batch();
  const GivenRows given{1, hidden.rows - 1, before.data()};  // the first has none before it
  batch.given = {&given, 1};
  const View logits = (*layer)->forward(batch, **kv);
  std::vector<float> all(static_cast<std::size_t>(logits.rows * logits.columns));
  backend.download(logits, all.data());
  return all;
}

}  // namespace

double PredictionCase::error(Backend& backend) const {
  const std::vector<float> predicted = predict(model, backend);
  std::vector<float> got, want;
  for (const auto& [position, row] : logits) {
    const float* first = predicted.data() + position * model.vocabulary();
    got.insert(got.end(), first, first + row.size());
    want.insert(want.end(), row.begin(), row.end());
  }
  return normalised_error(got, want);
}

}  // namespace linnet::test
