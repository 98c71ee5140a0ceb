#include "support/vision_case.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/golden_files.hpp"
#include "support/paths.hpp"
#include "vision/family.hpp"

namespace linnet::test {
namespace {

namespace fs = std::filesystem;

// A function: tests list the cases before main() begins.
fs::path folder(std::string_view part) {
  return fs::path(in_repository("tests/data/vision")) / part;
}

OracleCase read_case(std::string_view part, const std::string& name) {
  return {read_json(folder(part) / (name + ".json"))};
}

bool has_family(const std::string& tower) {
  const auto json = read_case("towers", tower).json["metadata"];
  const bool is_mixed = json.contains("clip.vision.projector_type");
  const std::string name =
      json[is_mixed ? "clip.vision.projector_type" : "clip.projector_type"]["value"];
  const auto known = all_vision_families();
  return std::ranges::find(known, name, &VisionFamily::name) != known.end();
}

}  // namespace

std::vector<std::string> vision_case_names() {
  std::vector<std::string> names = case_names(folder("towers"));
  std::erase_if(names, [](const std::string& name) { return !has_family(name); });
  return names;
}

VisionCase VisionCase::read(const std::string& name) { return {read_case("towers", name)}; }

void VisionCase::take_activation_of_llama_cpp(VisionSpec& spec) const {
  if (!is_gemma4()) return;
  for (LayerSpec& layer : spec.tower.layers) {
    EXPECT_EQ(layer.mlp.gate.activation, Activation::kGelu);
    layer.mlp.gate.activation = Activation::kGeluQuick;
  }
}

Pixels VisionCase::pixels() const {
  const auto& picture = model.json["picture"];
  const std::uint64_t start =
      fnv1a(picture["name"]) ^ (model.json["seed"].get<std::uint64_t>() * 0x9e3779b97f4a7c15u);
  Pixels pixels{{picture["width"], picture["height"]}, {}};
  for (std::int64_t i = 0; i < pixels.size.area() * 3; ++i) {
    const float value = weight_element(start, i, picture["centre"], picture["amplitude"]);
    pixels.values.push_back(is_gemma4() ? 2.0f * value - 1.0f : value);
  }
  return pixels;
}

std::vector<float> VisionCase::rows() const {
  const char* const first = "embedding_class_first";
  const auto& rows = model.json[model.json.contains(first) ? first : "embedding"]["values"];
  if (model.json["name"] != "llama4") return values_of(rows);
  const auto side = static_cast<std::size_t>(std::lround(std::sqrt(rows.size())));
  auto turned = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < rows.size(); ++i) turned.push_back(rows[i % side * side + i / side]);
  return values_of(turned);
}

VisionChain VisionChain::read(const std::string& name) { return {read_case("chains", name)}; }

std::vector<float> VisionChain::logits() const { return values_of(model.json["logits"]); }

std::vector<std::string> vision_chain_names() {
  std::vector<std::string> names = case_names(folder("chains"));
  std::erase_if(
      names, [](const std::string& name) { return !has_family(VisionChain::read(name).tower()); });
  return names;
}

}  // namespace linnet::test
