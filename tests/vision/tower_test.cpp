// Every golden case of tests/vision/golden/towers, on both CPU backends, against what llama.cpp
// makes of the same picture.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "support/normalised_error.hpp"
#include "support/oracle_case.hpp"
#include "support/paths.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"
#include "vision/family.hpp"
#include "vision/vision_model.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

fs::path towers() { return test::in_repository("tests/vision/golden/towers"); }

// Those of families that are there.
std::vector<std::string> tower_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(towers())) {
    std::ifstream in(entry.path());
    const auto json = nlohmann::ordered_json::parse(in);
    const auto& metadata = json["metadata"];
    const bool is_mixed = metadata.contains("clip.vision.projector_type");
    const std::string family =
        metadata[is_mixed ? "clip.vision.projector_type" : "clip.projector_type"]["value"];
    const auto known = all_vision_families();
    if (std::ranges::find(known, family, &VisionFamily::name) != known.end())
      names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

class TowerTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::ifstream in(towers() / (GetParam() + ".json"));
    case_.json = nlohmann::ordered_json::parse(in);
    const Status written = case_.write(path());
    ASSERT_TRUE(written) << written.error().message;
  }

  fs::path path() const { return folder_ / "mmproj.gguf"; }
  bool is_gemma4() const { return GetParam().starts_with("gemma4v"); }

  // Of what the file says nothing llama.cpp takes another activation than the models were trained
  // with, and Linnet takes.
  void take_activation_of_llama_cpp(VisionSpec& spec) const {
    if (!is_gemma4()) return;
    for (LayerSpec& layer : spec.tower.layers) {
      EXPECT_EQ(layer.mlp.gate.activation, Activation::kGelu);
      layer.mlp.gate.activation = Activation::kGeluQuick;
    }
  }

  Pixels pixels() const {
    const auto& picture = case_.json["picture"];
    const std::uint64_t start = test::fnv1a(picture["name"]) ^
                                (case_.json["seed"].get<std::uint64_t>() * 0x9e3779b97f4a7c15u);
    Pixels pixels{{picture["width"], picture["height"]}, {}};
    for (std::int64_t i = 0; i < pixels.size.area() * 3; ++i) {
      const float value = test::weight_element(start, i, picture["centre"], picture["amplitude"]);
      pixels.values.push_back(is_gemma4() ? 2.0f * value - 1.0f : value);
    }
    return pixels;
  }

  // [rows][columns]; where llama.cpp has the class token in another place than the models were
  // trained with, the rows of the right one. Llama 4's are those of a square picture from column to
  // column, which the models were trained with from row to row.
  std::vector<float> expected() const {
    const bool has_other = case_.json.contains("embedding_class_first");
    const auto& rows = case_.json[has_other ? "embedding_class_first" : "embedding"]["values"];
    const bool is_turned = GetParam() == "llama4";
    const std::size_t side = is_turned ? std::lround(std::sqrt(rows.size())) : 1;
    std::vector<float> values;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (const auto& value : rows[is_turned ? i % side * side + i / side : i]) {
        values.push_back(value);
      }
    }
    return values;
  }

  Result<PictureRows> encode(Backend& backend) const {
    const auto file = gguf::File::open(path());
    if (!file) return file.error();
    WeightLoader loader(*file, backend);
    auto spec = read_vision_spec(*file, loader);
    if (!spec) return spec.error();
    take_activation_of_llama_cpp(*spec);
    auto model = VisionModel::load(std::move(*spec), loader, backend);
    if (!model) return model.error();
    return (*model)->encode(pixels());
  }

  void expect_golden(Backend& backend) const {
    const auto got = encode(backend);
    ASSERT_TRUE(got) << got.error().message;
    const std::vector<float> want = expected();
    ASSERT_EQ(got->values.size(), want.size());
    EXPECT_LE(test::normalised_error(got->values, want), 1e-7);
  }

  const test::TemporaryFolder folder_;
  test::OracleCase case_;
};

TEST_P(TowerTest, ReferenceBackendGivesTheGoldenRows) { expect_golden(*make_reference_backend()); }

TEST_P(TowerTest, CpuBackendGivesTheGoldenRows) { expect_golden(*make_cpu_backend(2)); }

TEST_P(TowerTest, RowsDoNotDependOnTheNumberOfThreads) {
  const auto one = encode(*make_cpu_backend(1)), three = encode(*make_cpu_backend(3));
  ASSERT_TRUE(one && three);
  EXPECT_EQ(one->values, three->values);
}

INSTANTIATE_TEST_SUITE_P(Golden, TowerTest, testing::ValuesIn(tower_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
