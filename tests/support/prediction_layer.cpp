#include "support/prediction_layer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "architectures/architecture.hpp"
#include "support/golden_files.hpp"
#include "support/normalised_error.hpp"
#include "support/paths.hpp"

namespace linnet::test {
namespace {

using Json = nlohmann::ordered_json;

Json tensor(const std::string& name, const std::vector<std::int64_t>& shape, double centre,
            double amplitude) {
  return {{"name", name},
          {"type", "F32"},
          {"shape", shape},
          {"centre", centre},
          {"amplitude", amplitude}};
}

// What has a value for each layer has one more.
void lengthen_arrays(Json& metadata, std::size_t layers) {
  for (auto& [key, entry] : metadata.items()) {
    if (entry["type"] != "array" || entry["value"].size() != layers) continue;
    const Json last = entry["value"].back();
    entry["value"].push_back(last);
  }
}

// No model with such a layer has these.
bool is_bias_of_heads(std::string_view name) {
  return name.ends_with(".attn_q.bias") || name.ends_with(".attn_k.bias") ||
         name.ends_with(".attn_v.bias");
}

}  // namespace

void add_prediction_layer(OracleCase& oracle, bool own_norm) {
  Json& metadata = oracle.json["metadata"];
  const std::string prefix = metadata["general.architecture"]["value"].get<std::string>() + ".";
  const std::size_t layers = metadata[prefix + "block_count"]["value"];
  const std::int64_t width = metadata[prefix + "embedding_length"]["value"];
  lengthen_arrays(metadata, layers);
  metadata[prefix + "block_count"]["value"] = layers + 1;
  metadata[prefix + "nextn_predict_layers"] = {{"type", "uint32"}, {"value", 1}};

  Json& tensors = oracle.json["tensors"];
  const std::string last = "blk." + std::to_string(layers - 1) + ".";
  const std::string added = "blk." + std::to_string(layers) + ".";
  const Json before = std::exchange(tensors, Json::array());
  for (const Json& tensor : before) {
    if (!is_bias_of_heads(tensor["name"].get<std::string>())) tensors.push_back(tensor);
  }
  for (Json layer : Json(tensors)) {
    const auto name = layer["name"].get<std::string>();
    if (!name.starts_with(last)) continue;
    layer["name"] = added + name.substr(last.size());
    tensors.push_back(std::move(layer));
  }
  std::vector<std::string> norms = {"enorm", "hnorm"};
  if (own_norm) norms.emplace_back("shared_head_norm");
  for (const std::string& norm : norms) {
    tensors.push_back(tensor(added + "nextn." + norm + ".weight", {width}, 1.0, 0.25));
  }
  tensors.push_back(tensor(added + "nextn.eh_proj.weight", {2 * width, width}, 0.0,
                           static_cast<float>(std::sqrt(1.5 / static_cast<double>(width)))));
}

std::vector<std::string> PredictionCase::names() {
  return case_names(in_repository("tests/data/predictions"));
}

PredictionCase PredictionCase::read(const std::string& name) {
  const Json golden = read_json(in_repository("tests/data/predictions/" + name + ".json"));
  PredictionCase result{OracleCase::read(golden["case"]), {}};
  add_prediction_layer(result.model, golden["own_norm"]);
  Json& metadata = result.model.json["metadata"];
  const std::string architecture = metadata["general.architecture"]["value"];
  if (!golden["places"]) metadata.erase(architecture + ".rope.dimension_sections");
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
  const View hidden = evaluated.hidden();
  std::vector<float> before(static_cast<std::size_t>(hidden.rows * hidden.columns));
  backend.download(hidden, before.data());

  WeightLoader loader(evaluated.file(), backend);
  loader.load_part();
  auto spec = read_prediction_spec(evaluated.file(), loader);
  if (!spec || !*spec) return ADD_FAILURE() << "no layer", before;
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
