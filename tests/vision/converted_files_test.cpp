// Encoders of pictures as llama.cpp's converters have written them over the years: golden towers
// with the names, keys and tensors of real files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "encoder/encoder_file.hpp"
#include "support/encode_medium.hpp"
#include "support/normalised_error.hpp"
#include "support/temporary_folder.hpp"
#include "support/vision_case.hpp"
#include "vision/family.hpp"
#include "vision/picture_pieces.hpp"
#include "vision/picture_size.hpp"
#include "vision/vision_model.hpp"

namespace linnet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::ordered_json;

void add_tensor(test::OracleCase& tower, const std::string& name, std::vector<int> shape) {
  tower.json["tensors"].push_back({{"name", name},
                                   {"type", "F32"},
                                   {"shape", std::move(shape)},
                                   {"centre", 0.5},
                                   {"amplitude", 1.0}});
}

void set_boolean(test::OracleCase& tower, const std::string& key, bool value) {
  tower.json["metadata"][key] = Json{{"type", "bool"}, {"value", value}};
}

// A changed golden tower in a file.
class ConvertedFile {
 public:
  explicit ConvertedFile(const test::OracleCase& tower) {
    const Status written = tower.write(path_);
    EXPECT_TRUE(written) << written.error().message;
    auto file = gguf::File::open(path_);
    EXPECT_TRUE(file) << file.error().message;
    file_ = std::make_unique<gguf::File>(std::move(*file));
  }

  const gguf::File& file() const { return *file_; }

  Result<VisionSpec> spec() const {
    const auto backend = make_reference_backend();
    return read_vision_spec(*file_, WeightLoader(*file_, *backend));
  }

  Result<EncodedRows> encode(const Pixels& pixels) const {
    const auto backend = make_reference_backend();
    WeightLoader loader(*file_, *backend);
    auto spec = read_vision_spec(*file_, loader);
    if (!spec) return spec.error();
    auto model = VisionModel::load(std::move(*spec), loader, *backend);
    return model ? test::encode(**model, pixels) : model.error();
  }

 private:
  const test::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "mmproj.gguf";
  std::unique_ptr<gguf::File> file_;
};

VisionSpec read(const test::OracleCase& tower) {
  const ConvertedFile file(tower);
  auto spec = file.spec();
  EXPECT_TRUE(spec) << spec.error().message;
  return std::move(*spec);
}

// That `changed` gives the rows of `golden`.
void expect_golden(const test::VisionCase& golden, const test::OracleCase& changed) {
  const ConvertedFile file(changed);
  const auto rows = file.encode(golden.pixels());
  ASSERT_TRUE(rows) << rows.error().message;
  const std::vector<float> want = golden.rows();
  ASSERT_EQ(rows->values.size(), want.size());
  EXPECT_LE(test::normalised_error(rows->values, want), 1e-7);
}

std::string problem(const test::VisionCase& golden, const test::OracleCase& changed) {
  const ConvertedFile file(changed);
  const auto rows = file.encode(golden.pixels());
  return rows ? "" : rows.error().message;
}

// What ends lines in LLaVA 1.6, which Linnet leaves out, and SigLIP's pooling.
TEST(ConvertedFiles, TensorsThatLlavaDoesNotUse) {
  const auto golden = test::VisionCase::read("llava");
  test::OracleCase llava = golden.model;
  add_tensor(llava, "model.image_newline", {64});
  add_tensor(llava, "v.image_newline", {64});
  add_tensor(llava, "v.head.probe", {64});
  add_tensor(llava, "v.head.attention.in_weight", {64, 192});
  add_tensor(llava, "v.head.ffn_up.bias", {96});
  expect_golden(golden, llava);
}

TEST(ConvertedFiles, TableOfZerosOfTheFirstQwenFiles) {
  for (const char* name : {"qwen2vl", "qwen2.5vl"}) {
    const auto golden = test::VisionCase::read(name);
    test::OracleCase qwen = golden.model;
    add_tensor(qwen, "v.position_embd.weight", {10, 10});
    expect_golden(golden, qwen);
  }
}

// The steps of Qwen3-VL have the numbers of their layers, those of Qwen3-Omni count from 0.
TEST(ConvertedFiles, WhichLayersQwen3OmnisStepsReadIsInAList) {
  const auto golden = test::VisionCase::read("qwen3vl-deepstack");
  EXPECT_THAT(read(golden.model).tower.kept_layers, ElementsAre(0, 1));
  test::OracleCase omni = golden.model;
  omni.json["metadata"]["clip.vision.is_deepstack_layers"]["value"] = {false, true, true};
  const VisionSpec spec = read(omni);
  EXPECT_THAT(spec.tower.kept_layers, ElementsAre(1, 2));
  EXPECT_EQ(spec.deep_steps[1][2].name, "v.deepstack.1.fc1");
  omni.json["metadata"]["clip.vision.is_deepstack_layers"]["value"] = {false, true};
  EXPECT_THAT(read(omni).tower.kept_layers, ElementsAre(0, 1));
}

// A tensor of the encoder that nothing reads would change its rows; others have no part in them.
TEST(ConvertedFiles, OnlyForeignTensorsMayBeUnknown) {
  const auto golden = test::VisionCase::read("pixtral");
  test::OracleCase foreign = golden.model;
  add_tensor(foreign, "t.blk.0.ln1.weight", {64});
  add_tensor(foreign, "logit_scale", {1});
  expect_golden(golden, foreign);
  EXPECT_THAT(foreign_tensors(ConvertedFile(foreign).file()),
              ElementsAre("t.blk.0.ln1.weight", "logit_scale"));
  EXPECT_EQ(encoder_weight_bytes(ConvertedFile(foreign).file(), EncoderKind::kVision),
            encoder_weight_bytes(ConvertedFile(golden.model).file(), EncoderKind::kVision));
  for (const char* name : {"v.blk.0.new_norm.weight", "v.new.weight", "mm.9.weight", "v", "*"}) {
    test::OracleCase unknown = golden.model;
    add_tensor(unknown, name, {64});
    EXPECT_THAT(problem(golden, unknown),
                HasSubstr(std::string("tensor ") + name + " [64] has no"));
  }
}

// SmolVLM's and Granite Vision's 384 pixels are 27 patches of 14, and 6 pixels that no patch reads.
TEST(ConvertedFiles, WhatIsNoWholePatchIsCutOff) {
  const VisionSpec spec = read(test::VisionCase::read("idefics3-cut").model);
  EXPECT_EQ(target_size(spec, {1000, 10}), (PictureSize{26, 26}));
  const PicturePieces pieces = pieces_of(spec, filled(200, 100, kWhite));
  ASSERT_EQ(pieces.pieces.size(), 9u);  // 4 x 2 tiles, and the whole
  for (const PicturePiece& piece : pieces.pieces) {
    EXPECT_EQ(piece.image.width, 26);
    EXPECT_EQ(piece.image.height, 26);
  }
}

// Of a picture that the file says to be larger, the rows of its upper left corner.
TEST(ConvertedFiles, NoRowReadsWhatIsCutOff) {
  const auto golden = test::VisionCase::read("internvl");
  test::OracleCase wide = golden.model;
  wide.json["metadata"]["clip.vision.image_size"]["value"] = 27;
  const Pixels small = golden.pixels();
  Pixels large{{27, 27}, std::vector<float>(27 * 27 * 3, 1e3f)};
  for (int y = 0; y < 24; ++y) {
    std::copy_n(small.values.begin() + y * 24 * 3, 24 * 3, large.values.begin() + y * 27 * 3);
  }
  const auto rows = ConvertedFile(wide).encode(large);
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_LE(test::normalised_error(rows->values, golden.rows()), 1e-7);
  wide.json["metadata"]["clip.vision.image_size"]["value"] = 28;  // 7 patches, of which 2 are a row
  EXPECT_THAT(problem(golden, wide), HasSubstr("pictures have sides of 28 pixels"));
}

// Tiles that are one picture would not fit together.
TEST(ConvertedFiles, NothingIsCutOffJoinedTiles) {
  const auto golden = test::VisionCase::read("granite4_vision");
  test::OracleCase granite = golden.model;
  granite.json["metadata"]["clip.vision.image_size"]["value"] = 65;
  granite.json["metadata"]["clip.vision.image_grid_pinpoints"]["value"] = {130, 65};
  EXPECT_THAT(problem(golden, granite), HasSubstr("sides of 65 pixels (clip.vision.image_size), "
                                                  "expected a multiple of"));
}

// Two norms of Llama 4 and of Gemma 4 have one name in the layers of the models' own files. The
// golden weights depend on their names, so these have values that do not.
TEST(ConvertedFiles, NewerConvertersNameLlama4sSecondNormOtherwise) {
  const auto golden = test::VisionCase::read("llama4");
  const auto rows_with = [&](const std::string& norm) {
    test::OracleCase llama = golden.model;
    for (Json& tensor : llama.json["tensors"]) {
      std::string name = tensor["name"];
      const std::size_t at = name.find("ln2");
      if (at == name.npos) continue;
      tensor["name"] = name.replace(at, 3, norm);
      tensor["centre"] = name.ends_with("bias") ? 0.25 : 0.75;
      tensor["amplitude"] = 0.0;
    }
    const auto rows = ConvertedFile(llama).encode(golden.pixels());
    EXPECT_TRUE(rows) << rows.error().message;
    return rows ? rows->values : std::vector<float>();
  };
  EXPECT_EQ(rows_with("attn_post_norm"), rows_with("ln2"));
}

TEST(ConvertedFiles, TheFirstFilesOfLlavaNameNoProjector) {
  const auto golden = test::VisionCase::read("llava");
  test::OracleCase llava = golden.model;
  llava.json["metadata"].erase("clip.projector_type");
  EXPECT_THAT(problem(golden, llava), HasSubstr("unknown projector ''"));
  set_boolean(llava, "clip.has_llava_projector", true);
  EXPECT_EQ(read(llava).projector, "mlp");
}

// LLaVA's own converter leaves the last layer out of the file. If more are counted than there are,
// it is not that one.
TEST(ConvertedFiles, TheLayerThatLlavaReadsIsTheLastOfItsConverter) {
  test::OracleCase llava = test::VisionCase::read("llava").model;
  EXPECT_EQ(read(llava).tower.layers.size(), 2u);
  set_boolean(llava, "clip.has_llava_projector", true);
  EXPECT_EQ(read(llava).tower.layers.size(), 3u);
  llava.json["metadata"]["clip.vision.block_count"]["value"] = 4;
  EXPECT_EQ(read(llava).tower.layers.size(), 3u);
}

// The converter says use_gelu of what is called "gelu" alone, and SigLIP's is "gelu_pytorch_tanh".
TEST(ConvertedFiles, SigLipHasItsOwnGelu) {
  const auto activation = [](const test::OracleCase& tower) {
    return read(tower).tower.layers.front().mlp.gate.activation;
  };
  EXPECT_EQ(activation(test::VisionCase::read("llava").model), Activation::kGeluQuick);
  test::OracleCase siglip = test::VisionCase::read("llava-features").model;
  set_boolean(siglip, "clip.use_gelu", false);
  EXPECT_EQ(activation(siglip), Activation::kGelu);
  set_boolean(siglip, "clip.use_silu", true);
  EXPECT_EQ(activation(siglip), Activation::kSilu);
}

}  // namespace
}  // namespace linnet
