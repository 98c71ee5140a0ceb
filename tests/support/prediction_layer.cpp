#include "support/prediction_layer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "architectures/architecture.hpp"
#include "model/blocks/prediction.hpp"
#include "support/golden_files.hpp"
#include "support/normalised_error.hpp"
#include "support/paths.hpp"

namespace linnet::test {
namespace {

using Json = nlohmann::ordered_json;

// Adds the layers that tests/oracles/prediction_cases.py has put into `golden`, as it does itself.
void add_layers(const Json& golden, Json& model) {
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

PredictionCase::Rows rows_of(const Json& golden) {
  PredictionCase::Rows rows;
  for (const auto& [position, row] : golden.items()) {
    rows[std::stoi(position)] = row.get<std::vector<float>>();
  }
  return rows;
}

PredictionCase read_from(const std::string& folder, const std::string& name) {
  const Json golden = read_json(in_repository(folder + "/" + name + ".json"));
  PredictionCase result{OracleCase::read(golden["case"]), rows_of(golden["logits"]), {}, {}};
  add_layers(golden, result.model.json);
  if (!golden.contains("guesses")) return result;
  for (const Json& further : golden["further_logits"]) {
    result.further_logits.push_back(rows_of(further));
  }
  for (const auto& [position, guesses] : golden["guesses"].items()) {
    result.guesses[std::stoi(position)] = guesses.get<std::vector<TokenId>>();
  }
  return result;
}

constexpr const char* kFolder = "tests/data/predictions";
constexpr const char* kChainedFolder = "tests/data/chained_predictions";

}  // namespace

std::vector<std::string> PredictionCase::names() { return case_names(in_repository(kFolder)); }
PredictionCase PredictionCase::read(const std::string& name) { return read_from(kFolder, name); }

std::vector<std::string> PredictionCase::chained_names() {
  return case_names(in_repository(kChainedFolder));
}
PredictionCase PredictionCase::read_chained(const std::string& name) {
  return read_from(kChainedFolder, name);
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

// The states that a layer reads of the model, those of all tokens.
std::vector<float> states_for(const PredictionSpec& layer, const EvaluatedModel& evaluated,
                              Backend& backend) {
  const bool reads_results = !layer.target_layers.empty();
  const View view = reads_results ? evaluated.model().kept(0) : evaluated.hidden();
  std::vector<float> states(static_cast<std::size_t>(view.rows * view.columns));
  backend.download(view, states.data());
  return states;
}

// What the layer `index` makes of the model's states, for all tokens.
std::vector<float> predict(const EvaluatedModel& evaluated, int index, Backend& backend) {
  WeightLoader loader(evaluated.file(), backend);
  loader.load_part();
  const auto spec = read_prediction_spec(evaluated.file(), loader);
  if (!spec || !*spec) return ADD_FAILURE() << "no layer", std::vector<float>();
  const std::vector<float> states = states_for((*spec)->prediction, evaluated, backend);
  const LayerPlace place{&backend};
  const auto layer = Model::load(prediction_layer(**spec, index), loader, {&place, 1},
                                 evaluated.model().limits(), evaluated.model().tables_in(backend));
  if (!layer) return ADD_FAILURE() << layer.error().message, states;
  const auto kv = (*layer)->make_kv_store(KvType::kF32, evaluated.sequence().pages());
  Batch batch = evaluated.sequence().batch();
  const GivenRows given{1, evaluated.sequence().rows() - 1, states.data()};
  batch.given = {&given, 1};  // the first has none before it
  const View logits = (*layer)->forward(batch, **kv);
  std::vector<float> all(static_cast<std::size_t>(logits.rows * logits.columns));
  backend.download(logits, all.data());
  return all;
}

}  // namespace

double PredictionCase::error(Backend& backend) const {
  const EvaluatedModel evaluated(model, backend);
  std::vector<Rows> layers = {logits};
  layers.insert(layers.end(), further_logits.begin(), further_logits.end());
  std::vector<float> got, want;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::vector<float> predicted = predict(evaluated, static_cast<int>(i), backend);
    for (const auto& [position, row] : layers[i]) {
      const float* first = predicted.data() + position * model.vocabulary();
      got.insert(got.end(), first, first + row.size());
      want.insert(want.end(), row.begin(), row.end());
    }
  }
  return normalised_error(got, want);
}

}  // namespace linnet::test
