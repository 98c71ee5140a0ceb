// Golden towers with something wrong in their metadata or tensors: an error or an encoder that
// runs, never a crash (build with the asan preset to see more). LINNET_MUTATIONS sets how many for
// each.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "support/encode_medium.hpp"
#include "support/mutated_case.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"
#include "support/vision_case.hpp"
#include "vision/family.hpp"
#include "vision/picture_pieces.hpp"
#include "vision/vision_model.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

test::OracleCase read_tower(const std::string& name) { return test::VisionCase::read(name).model; }

// Where that takes not long.
Status try_to_encode(VisionModel& model, const PicturePiece& piece) {
  constexpr std::int64_t kQuick = 1000;
  const VisionSpec& spec = model.spec();
  Pixels pixels = pixels_of(spec, piece.image);
  pixels.bars = piece.bars;
  if ((pixels.size / spec.patch_side).area() > kQuick) return {};
  const auto rows = test::encode(model, pixels);
  if (!rows) return rows.error();
  EXPECT_EQ(rows->rows * model.columns(), std::ssize(rows->values));
  return {};
}

// Loads the encoder, and encodes the first piece of a small picture, and tiles that are one.
Status try_to_encode(const fs::path& path, Backend& backend) {
  const auto file = gguf::File::open(path);
  if (!file) return file.error();
  WeightLoader loader(*file, backend);
  auto spec = read_vision_spec(*file, loader);
  if (!spec) return spec.error();
  auto model = VisionModel::load(std::move(*spec), loader, backend);
  if (!model) return model.error();
  const PicturePieces pieces = pieces_of((*model)->spec(), filled(40, 24, kWhite));
  if (Status status = try_to_encode(**model, pieces.pieces.front()); !status) return status;
  if (!pieces.pieces.back().bars) return {};
  return try_to_encode(**model, pieces.pieces.back());
}

class MutatedMmprojTest : public testing::TestWithParam<std::string> {};

TEST_P(MutatedMmprojTest, IsAnErrorOrRuns) {
  const test::TemporaryFolder folder;
  const fs::path path = folder / "mutated.gguf";
  const test::OracleCase original = read_tower(GetParam());
  const auto backend = make_cpu_backend(1);
  test::CaseMutator mutator;
  for (int i = 0; i < test::mutations(); ++i) {
    test::OracleCase mutated = original;
    mutator.mutate(mutated);
    const Status written = mutated.write(path);
    ASSERT_TRUE(written) << written.error().message;
    const Status status = try_to_encode(path, *backend);
    if (status) continue;
    EXPECT_THAT(status.error().message, testing::HasSubstr("mutated.gguf: "));
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, MutatedMmprojTest, testing::ValuesIn(test::vision_case_names()),
                         test::test_name<std::string>);

// The error of a tower with one key changed.
class HostileMmproj : public testing::Test {
 protected:
  std::string error_of(const test::OracleCase& tower) {
    const fs::path path = folder_ / "hostile.gguf";
    const Status written = tower.write(path);
    if (!written) return written.error().message;
    const Status status = try_to_encode(path, *backend_);
    return status ? "" : status.error().message;
  }

  std::string error_with(const std::string& name, const std::string& key, const Json& item) {
    test::OracleCase tower = read_tower(name);
    tower.json["metadata"][key] = item;
    return error_of(tower);
  }
  std::string error_with(const std::string& name, const std::string& key, std::int64_t value) {
    return error_with(name, key, Json{{"type", "uint32"}, {"value", value}});
  }

  std::string error_without(const std::string& name, const std::string& key) {
    test::OracleCase tower = read_tower(name);
    tower.json["metadata"].erase(key);
    return error_of(tower);
  }

  // With a tensor left out, or (`shape`) of another shape.
  std::string error_of_tensor(const std::string& name, const std::string& tensor,
                              const std::vector<std::int64_t>& shape = {}) {
    test::OracleCase tower = read_tower(name);
    Json& tensors = tower.json["tensors"];
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i]["name"] != tensor) continue;
      if (shape.empty()) {
        tensors.erase(i);
      } else {
        tensors[i]["shape"] = shape;
      }
      return error_of(tower);
    }
    return "no such tensor";
  }

  const test::TemporaryFolder folder_;
  const std::unique_ptr<Backend> backend_ = make_cpu_backend(1);
};

Json text(const std::string& value) { return {{"type", "string"}, {"value", value}}; }

Json numbers(const std::vector<double>& values) {
  return {{"type", "array"}, {"of", "float32"}, {"value", values}};
}

TEST_F(HostileMmproj, FilesThatAreNone) {
  const test::OracleCase model = test::OracleCase::read("llama-dense");
  EXPECT_THAT(error_of(model), testing::HasSubstr("is a model of architecture 'llama', expected"));
  EXPECT_THAT(error_without("gemma3", "clip.has_vision_encoder"),
              testing::HasSubstr("has no encoder of pictures"));
  EXPECT_THAT(error_with("gemma3", "clip.projector_type", text("gemma\n3")),
              testing::HasSubstr("unknown projector 'gemma"));
  EXPECT_THAT(error_without("gemma3", "clip.projector_type"),
              testing::HasSubstr("unknown projector ''"));
}

TEST_F(HostileMmproj, CountsThatCanNotBe) {
  const std::string prefix = "clip.vision.";
  for (const char* key :
       {"attention.head_count", "patch_size", "block_count", "image_size", "embedding_length"}) {
    EXPECT_THAT(error_with("gemma3", prefix + key, 0),
                testing::HasSubstr(prefix + key + " is 0, expected 1 to"));
    EXPECT_THAT(error_with("gemma3", prefix + key, 1 << 30),
                testing::HasSubstr(prefix + key + " is 1073741824, expected 1 to"));
    EXPECT_THAT(error_without("gemma3", prefix + key),
                testing::HasSubstr("missing metadata key " + prefix + key));
  }
  EXPECT_THAT(error_with("gemma3", prefix + "block_count", 1000),
              testing::HasSubstr("missing tensor v.blk.2."));
  EXPECT_THAT(error_with("gemma3", prefix + "attention.head_count", 3),
              testing::HasSubstr("has 64 columns, expected a multiple of its 3 heads"));
  EXPECT_THAT(
      error_with("qwen2vl", prefix + "attention.head_count", 32),
      testing::HasSubstr("heads of the tower have 2 columns (clip.vision.embedding_length by "
                         ".attention.head_count), expected a multiple of 4"));
}

TEST_F(HostileMmproj, SizesThatAreNoMultiples) {
  EXPECT_THAT(
      error_with("gemma3", "clip.vision.image_size", 30),
      testing::HasSubstr("pictures have sides of 30 pixels (clip.vision.image_size), expected a "
                         "multiple of"));
  EXPECT_THAT(
      error_with("lfm2", "clip.vision.patch_size", 6),
      testing::HasSubstr("pictures have sides of 512 pixels (clip.vision.image_size), expected a "
                         "multiple of 12"));
  EXPECT_THAT(error_with("gemma3", "clip.vision.image_size", 1 << 14),
              testing::HasSubstr("tensor v.position_embd.weight has places of"));
}

// Of a projector that merges nothing.
TEST_F(HostileMmproj, MergingThatNoStepDoes) {
  EXPECT_THAT(
      error_with("pixtral", "clip.vision.spatial_merge_size", 2),
      testing::HasSubstr("2 x 2 patches become a row (clip.vision.projector.scale_factor or "
                         ".spatial_merge_size), expected the 1 x 1 that"));
  EXPECT_THAT(error_with("gemma4v", "clip.vision.projector.scale_factor", 64),
              testing::HasSubstr("scale_factor is 64, expected 0 to 8"));
}

TEST_F(HostileMmproj, ColoursThatAreNone) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(error_with("gemma3", "clip.vision.image_std", numbers({0.5, 0.0, 0.5})),
              testing::HasSubstr("clip.vision.image_std has 0, expected more than 0"));
  EXPECT_THAT(error_with("gemma3", "clip.vision.image_std", numbers({nan, 1.0, 1.0})),
              testing::HasSubstr("image_std is nan"));
  EXPECT_THAT(error_with("gemma3", "clip.vision.image_mean", numbers({0.5, 0.5})),
              testing::HasSubstr("clip.vision.image_mean"));
  EXPECT_THAT(error_without("gemma3", "clip.vision.image_mean"),
              testing::HasSubstr("missing metadata key clip.vision.image_mean"));
}

TEST_F(HostileMmproj, TensorsThatAreMissing) {
  EXPECT_THAT(error_of_tensor("gemma3", "v.patch_embd.weight"),
              testing::HasSubstr("missing tensor v.patch_embd.weight"));
  EXPECT_THAT(error_of_tensor("gemma3", "mm.input_projection.weight"),
              testing::HasSubstr("missing tensor mm.input_projection.weight"));
  EXPECT_THAT(error_of_tensor("internvl", "v.class_embd"),
              testing::HasSubstr("missing tensor v.class_embd"));
  EXPECT_THAT(error_of_tensor("qwen2vl", "v.blk.1.ln2.weight"),
              testing::HasSubstr("missing tensor v.blk.1.ln2.weight"));
  EXPECT_THAT(error_of_tensor("glm4v", "mm.gate.weight"),
              testing::HasSubstr("missing tensor mm.gate.weight"));
  EXPECT_THAT(error_of_tensor("gemma4v", "v.position_embd.weight"),
              testing::HasSubstr("v.position_embd.weight has too few places"));
}

TEST_F(HostileMmproj, TensorsOfOtherShapes) {
  EXPECT_THAT(error_of_tensor("gemma3", "v.patch_embd.weight", {4, 4, 3, 32}),
              testing::HasSubstr("tensor v.patch_embd.weight has shape"));
  EXPECT_THAT(error_of_tensor("gemma4v", "v.std_bias", {32}),
              testing::HasSubstr("tensor v.std_bias has shape [32], expected [64]"));
  EXPECT_THAT(error_of_tensor("gemma4v", "v.position_embd.weight", {64, 2, 2}),
              testing::HasSubstr("v.position_embd.weight has too few places"));
  EXPECT_THAT(error_of_tensor("internvl", "v.blk.0.ls1.weight", {63}),
              testing::HasSubstr("tensor v.blk.0.ls1.weight has shape [63], expected [64]"));
  EXPECT_THAT(error_of_tensor("glm4v", "mm.patch_merger.weight", {2, 2, 64, 63}),
              testing::HasSubstr("mm."));
}

TEST_F(HostileMmproj, BoundsTheWrongWayRound) {
  test::OracleCase tower = read_tower("gemma4v-clipped");
  for (Json& tensor : tower.json["tensors"]) {
    if (tensor["name"] == "v.blk.0.attn_q.input_min") tensor["centre"] = 2.0;
  }
  EXPECT_THAT(error_of(tower), testing::HasSubstr("v.blk.0.attn_q.input_min has 2, expected at "
                                                  "most the 1.5 of v.blk.0.attn_q.input_max"));
}

TEST_F(HostileMmproj, LayersOfFeaturesThatAreNotThere) {
  const auto layers = [](const std::vector<int>& values) {
    return Json{{"type", "array"}, {"of", "int32"}, {"value", values}};
  };
  const std::string key = "clip.vision.feature_layer";
  for (const std::vector<int>& values : {std::vector{0, 3}, {1, 4}, {3, 3}}) {
    EXPECT_THAT(error_with("llava-features", key, layers(values)),
                testing::HasSubstr("has layers that are none of 1 to 3, or twice the same"));
  }
  EXPECT_THAT(error_with("llava-features", key, layers({-1})),
              testing::HasSubstr("feature_layer has -1, expected 0 to"));
  EXPECT_THAT(error_with("llava-features", key, text("all")),
              testing::HasSubstr("feature_layer, expected an array of at most"));
}

TEST_F(HostileMmproj, TilesThatCanNotBe) {
  const auto sizes = [](const std::vector<int>& values) {
    return Json{{"type", "array"}, {"of", "int32"}, {"value", values}};
  };
  EXPECT_THAT(error_with("llava", "clip.vision.image_grid_pinpoints", sizes({24, 25})),
              testing::HasSubstr("image_grid_pinpoints has 25, expected a multiple of 24 up to"));
  EXPECT_THAT(error_with("llava", "clip.vision.image_grid_pinpoints", sizes({24, 24000})),
              testing::HasSubstr("image_grid_pinpoints has 24000, expected a multiple of 24"));
  EXPECT_THAT(error_with("internvl", "clip.vision.preproc_max_tiles", 1 << 20),
              testing::HasSubstr("preproc_max_tiles is 1048576, expected 0 to 64"));
  EXPECT_THAT(error_with("idefics3", "clip.vision.preproc_image_size", 1 << 20),
              testing::HasSubstr("preproc_image_size is 1048576, expected 0 to 384"));
}

TEST_F(HostileMmproj, ResamplersThatCanNotBe) {
  EXPECT_THAT(error_with("minicpmv", "clip.minicpmv_version", 7),
              testing::HasSubstr("clip.minicpmv_version is 7, expected 2 to 6 or 100045"));
  EXPECT_THAT(error_with("minicpmv", "clip.minicpmv_query_num", 1 << 20),
              testing::HasSubstr("minicpmv_query_num is 1048576, expected 0 to 4096"));
  EXPECT_THAT(error_with("minicpmv", "clip.minicpmv_query_num", 6),
              testing::HasSubstr("tensor resampler.query has shape"));
  EXPECT_THAT(error_of_tensor("minicpmv", "resampler.kv.weight", {64, 200}),
              testing::HasSubstr("resampler.kv.weight has 200 rows, expected a multiple of 128"));
  EXPECT_THAT(error_of_tensor("minicpmv", "resampler.proj.weight"),
              testing::HasSubstr("missing tensor resampler.proj.weight"));
  EXPECT_THAT(error_with("minicpmv", "clip.vision.image_size", 1 << 14),
              testing::HasSubstr("tiles are cut from pictures of"));
}

TEST_F(HostileMmproj, HeadsThatCanNotShare) {
  EXPECT_THAT(error_with("exaone4_5", "clip.vision.attention.head_count_kv", 3),
              testing::HasSubstr("4 heads share 3 keys and values, expected a divisor"));
}

TEST_F(HostileMmproj, ConvolutionsThatCanNotBe) {
  EXPECT_THAT(error_of_tensor("step3vl", "mm.0.weight", {3, 3, 63, 72}),
              testing::HasSubstr("tensor mm.0.weight has shape"));
  EXPECT_THAT(error_of_tensor("step3vl", "mm.1.weight"),
              testing::HasSubstr("missing tensor mm.1.weight"));
  EXPECT_THAT(
      error_with("step3vl", "clip.vision.projector.scale_factor", 2),
      testing::HasSubstr(".spatial_merge_size), expected the 4 x 4 that the projector merges"));
  EXPECT_THAT(error_with("step3vl", "clip.vision.preproc_image_size", 1 << 20),
              testing::HasSubstr("preproc_image_size is 1048576, expected 0 to 8192"));
}

TEST_F(HostileMmproj, SamThatCanNotBe) {
  const std::string key = "clip.vision.sam.", name = "deepseekocr";
  EXPECT_THAT(error_with(name, key + "head_count", 5),
              testing::HasSubstr("has 48 columns, expected a multiple of its 5 heads"));
  EXPECT_THAT(error_with(name, key + "block_count", 1 << 20),
              testing::HasSubstr("sam.block_count is 1048576, expected 1 to"));
  EXPECT_THAT(error_with(name, key + "block_count", 4),
              testing::HasSubstr("missing tensor v.sam.blk.3."));
  EXPECT_THAT(error_with(name, "clip.vision.window_size", 4),
              testing::HasSubstr("tensor v.sam.blk.0.attn.pos_h.weight has shape"));
  EXPECT_THAT(
      error_of_tensor(name, "v.sam.pos_embd.weight", {48, 6, 6}),
      testing::HasSubstr("v.sam.pos_embd.weight has 6 places each way, expected a multiple"));
  EXPECT_THAT(error_of_tensor(name, "v.sam.net_3.weight", {3, 3, 40, 63}),
              testing::HasSubstr("v.sam.net_3.weight gives 63 columns, expected the 64 of"));
  EXPECT_THAT(error_of_tensor(name, "v.view_seperator"),
              testing::HasSubstr("missing tensor v.view_seperator"));
}

TEST_F(HostileMmproj, NetworksThatCanNotBe) {
  const std::string name = "gemma3nv";
  EXPECT_THAT(error_with(name, "clip.vision.image_size", 1 << 12),
              testing::HasSubstr("image_size is 4096, expected 1 to 1024"));
  EXPECT_THAT(error_with(name, "clip.vision.image_size", 400),
              testing::HasSubstr("the network makes 25 x 25 places of a picture"));
  EXPECT_THAT(error_with(name, "clip.vision.image_size", 130),
              testing::HasSubstr("image_size is 130, expected a multiple of the 9 places"));
  EXPECT_THAT(error_of_tensor(name, "v.blk.1.0.dw_mid.conv.weight", {5, 5, 1, 40}),
              testing::HasSubstr("tensor v.blk.1.0.dw_mid.conv.weight has shape"));
  EXPECT_THAT(error_of_tensor(name, "v.blk.2.1.pw_proj.conv.weight"),
              testing::HasSubstr("missing tensor v.blk.2.1.pw_proj.conv.weight"));
  EXPECT_THAT(error_of_tensor(name, "v.blk.2.2.attn.value.down_conv.weight"),
              testing::HasSubstr("missing tensor v.blk.2.2.attn.value.down_conv.weight"));
  EXPECT_THAT(error_of_tensor(name, "v.blk.2.2.attn.key.proj.weight", {1, 1, 32, 1025}),
              testing::HasSubstr("give 0 heads of 1025 columns, expected at least one"));
  EXPECT_THAT(error_of_tensor(name, "v.blk.1.0.pw_exp.conv.weight"),
              testing::HasSubstr("missing tensor v.blk.1.0.pw_exp.conv.weight"));
  EXPECT_THAT(error_of_tensor(name, "v.blk.3.0.layer_scale.gamma", {39}),
              testing::HasSubstr("tensor v.blk.3.0.layer_scale.gamma has shape [39], expected"));
}

TEST_F(HostileMmproj, TilesOfSamThatCanNotBe) {
  for (const char* name : {"deepseekocr-tiles", "deepseekocr2-tile"}) {
    EXPECT_THAT(error_with(name, "clip.vision.preproc_max_tiles", 1 << 20),
                testing::HasSubstr("preproc_max_tiles is 1048576, expected 0 to 64"));
  }
  EXPECT_THAT(error_of_tensor("deepseekocr-tiles", "v.position_embd.weight", {64, 66}),
              testing::HasSubstr("v.position_embd.weight has 66 rows, expected a square number"));
}

TEST_F(HostileMmproj, ExpertsThatCanNotBe) {
  EXPECT_THAT(error_without("dots3note_v", "clip.vision.expert_used_count"),
              testing::HasSubstr("missing metadata key clip.vision.expert_used_count"));
  EXPECT_THAT(error_of_tensor("dots3note_v", "v.blk.1.ffn_up_exps.weight", {64, 48, 5}),
              testing::HasSubstr("tensor v.blk.1.ffn_gate_inp.weight has shape [64, 6], expected"));
  EXPECT_THAT(error_of_tensor("dots3note_v", "v.blk.1.ffn_up_exps.weight"),
              testing::HasSubstr("missing tensor v.blk.1.ffn_up.weight"));
}

TEST_F(HostileMmproj, LearnedRowsThatAreNotThere) {
  EXPECT_THAT(error_of_tensor("deepseekocr2", "v.resample_query_768.weight"),
              testing::HasSubstr("missing tensor v.resample_query_768.weight"));
  EXPECT_THAT(error_of_tensor("deepseekocr2", "v.resample_query_768.weight", {64, 143}),
              testing::HasSubstr("v.resample_query_768.weight has shape [64, 143], expected"));
}

TEST_F(HostileMmproj, PatchesWithoutATower) {
  EXPECT_THAT(error_of_tensor("gemma4uv", "v.patch_norm.1.weight"),
              testing::HasSubstr("missing tensor v.patch_norm.1.weight"));
  EXPECT_THAT(error_with("gemma4uv", "clip.vision.patch_size", 8),
              testing::HasSubstr("tensor v.patch_embd.weight has shape"));
  EXPECT_THAT(error_of_tensor("gemma4uv", "v.position_embd.weight"),
              testing::HasSubstr("v.position_embd.weight has too few places"));
}

}  // namespace
}  // namespace linnet
