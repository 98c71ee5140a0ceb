// What the metadata of golden towers, changed, come to.

#include "vision/family.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/shared_file.hpp"
#include "support/temporary_folder.hpp"
#include "support/vision_case.hpp"
#include "vision/picture_pieces.hpp"
#include "vision/picture_size.hpp"
#include "vision/vision_file.hpp"
#include "vision/vision_sizes.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;
using Json = nlohmann::ordered_json;

Result<VisionSpec> try_to_read(const test::OracleCase& tower) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "mmproj.gguf";
  const Status written = tower.write(path);
  EXPECT_TRUE(written) << written.error().message;
  const auto file = gguf::File::open(path);
  EXPECT_TRUE(file) << file.error().message;
  const auto backend = make_reference_backend();
  return read_vision_spec(*file, WeightLoader(*file, *backend));
}

VisionSpec read(const test::OracleCase& tower) {
  auto spec = try_to_read(tower);
  EXPECT_TRUE(spec) << spec.error().message;
  return std::move(*spec);
}

std::string problem(const test::OracleCase& tower) {
  const auto spec = try_to_read(tower);
  return spec ? "" : spec.error().message;
}

test::OracleCase tower(const std::string& name) { return test::VisionCase::read(name).model; }

void set_count(test::OracleCase& tower, const std::string& key, std::int64_t value) {
  tower.json["metadata"]["clip.vision." + key] = Json{{"type", "uint32"}, {"value", value}};
}

// A Gemma 4 for text models of `width`.
VisionSpec gemma4_of(std::int64_t width) {
  test::OracleCase gemma = tower("gemma4v");
  for (Json& tensor : gemma.json["tensors"]) {
    if (tensor["name"] == "mm.input_projection.weight") tensor["shape"][1] = width;
  }
  return read(gemma);
}

TEST(VisionFamilies, WhichRowsSeeEachOther) {
  EXPECT_EQ(read(tower("gemma3")).see_each_other, SeeEachOther::kInAllLayers);
  EXPECT_EQ(gemma4_of(128).see_each_other, SeeEachOther::kInSlidingLayers);
  EXPECT_EQ(gemma4_of(1536).see_each_other, SeeEachOther::kNo);
  EXPECT_EQ(gemma4_of(2560).see_each_other, SeeEachOther::kNo);
  EXPECT_EQ(read(tower("internvl")).see_each_other, SeeEachOther::kNo);
}

TEST(VisionFamilies, Gemma4HasPlacesForAsManyPatches) {
  const VisionSpec spec = read(tower("gemma4v"));  // 12 rows and columns, merged by 3
  EXPECT_EQ(target_size(spec, {1, 1000}).height, 12 * spec.patch_side);
}

TEST(VisionFamilies, Gemma4ReadsPixelsFromMinusOneToOne) {
  const VisionSpec spec = read(tower("gemma4v"));
  EXPECT_FLOAT_EQ((0.0f - spec.mean[0]) / spec.deviation[0], -1.0f);
  EXPECT_FLOAT_EQ((1.0f - spec.mean[0]) / spec.deviation[0], 1.0f);
}

TEST(VisionFamilies, TheLargeInternVitHasOtherNorms) {
  EXPECT_EQ(read(tower("internvl")).tower.norm, NormKind::kLayer);
  test::OracleCase large = tower("internvl");
  set_count(large, "embedding_length", 3200);
  set_count(large, "attention.head_count", 25);
  set_count(large, "block_count", 45);
  EXPECT_EQ(read(large).tower.norm, NormKind::kRms);
}

// The last but one, which older files of CLIP's ViT-L have left as the last.
TEST(VisionFamilies, TheLayerThatLlavaReads) {
  EXPECT_EQ(read(tower("llava")).tower.layers.size(), 2u);
  for (const auto& [layers, read_layers] : {std::pair{24, 23}, {23, 23}, {1, 1}}) {
    test::OracleCase llava = tower("llava");
    set_count(llava, "block_count", layers);
    EXPECT_EQ(std::ssize(read(llava).tower.layers), read_layers);
  }
  const VisionSpec features = read(tower("llava-features"));
  EXPECT_EQ(features.tower.layers.size(), 3u);
  EXPECT_EQ(features.tower.kept_layers, std::vector<int>{0});
}

TEST(VisionFamilies, LlavaIsCutIntoTilesWhereItNamesSizes) {
  test::OracleCase llava = tower("llava");
  EXPECT_EQ(read(llava).tiling.choice, Tiling::Choice::kNone);
  EXPECT_TRUE(read(llava).sizing.bars);
  llava.json["metadata"]["clip.vision.image_grid_pinpoints"] =
      Json{{"type", "array"}, {"of", "int32"}, {"value", {24, 48, 72, 24}}};
  const VisionSpec spec = read(llava);
  EXPECT_EQ(spec.tiling.choice, Tiling::Choice::kLargest);
  EXPECT_EQ(spec.tiling.grids, (std::vector<std::array<int, 2>>{{1, 2}, {3, 1}}));
  EXPECT_FALSE(spec.sizing.bars);
}

TEST(VisionFamilies, TilesOfInternVl) {
  test::OracleCase internvl = tower("internvl");
  set_count(internvl, "preproc_min_tiles", 2);
  set_count(internvl, "preproc_max_tiles", 3);
  EXPECT_EQ(read(internvl).tiling.grids,
            (std::vector<std::array<int, 2>>{{1, 2}, {1, 3}, {2, 1}, {3, 1}}));
}

// With the sizes of the real one.
test::OracleCase minicpm46() {
  test::OracleCase minicpm = tower("minicpmv4_6");
  set_count(minicpm, "image_size", 448);
  set_count(minicpm, "patch_size", 14);
  for (Json& tensor : minicpm.json["tensors"]) {
    if (tensor["name"] == "v.patch_embd.weight") tensor["shape"] = {14, 14, 3, 64};
  }
  return minicpm;
}

// An encoder's file, opened for at most so many rows of a picture.
class LimitedTower {
 public:
  struct Pieces {
    std::vector<Grid> sizes;  // in merged patches
    std::string after;
  };

  // `last` has as many rows as the text model columns.
  LimitedTower(const test::OracleCase& tower, const std::string& last) {
    const Status written = tower.write(folder_ / "mmproj.gguf");
    EXPECT_TRUE(written) << written.error().message;
    for (const Json& tensor : tower.json["tensors"]) {
      if (tensor["name"] == last) text_.width = tensor["shape"][1];
    }
  }

  Pieces pieces(std::int64_t most_tokens) const {
    const auto mmproj = test::open_shared(folder_ / "mmproj.gguf");
    const auto file = VisionFile::open(mmproj, text_, {.most_tokens = most_tokens});
    EXPECT_TRUE(file) << file.error().message;
    const VisionSpec& spec = (*file)->spec();
    const PicturePieces all = pieces_of(spec, filled(900, 800, kWhite));
    Pieces pieces{{}, all.after};
    for (const PicturePiece& piece : all.pieces) {
      pieces.sizes.push_back(PictureSize{piece.image.width, piece.image.height} /
                             (spec.patch_side * spec.merge_side));
    }
    return pieces;
  }

 private:
  const test::TemporaryFolder folder_;
  ModelSpec text_;
};

std::int64_t rows_of(const LimitedTower::Pieces& pieces) {
  std::int64_t rows = 0;
  for (const Grid size : pieces.sizes) rows += size.area();
  return rows;
}

// They were cut into more tiles, of as many rows as ever, the fewer rows were asked for.
TEST(VisionFamilies, FewRowsAreNoTiles) {
  const LimitedTower lfm2(tower("lfm2"), "mm.2.weight");
  EXPECT_LE(rows_of(lfm2.pieces(16)), 16);
  EXPECT_LE(rows_of(lfm2.pieces(255)), 255);
  EXPECT_GT(rows_of(lfm2.pieces(256)), 256);
  const LimitedTower minicpm(minicpm46(), "mm.down.weight");
  const auto few = minicpm.pieces(20);
  ASSERT_EQ(few.sizes.size(), 1u);
  EXPECT_EQ(few.sizes[0], (Grid{4, 4}));  // the shape stays
  EXPECT_EQ(few.after, "</image>");
  EXPECT_GT(minicpm.pieces(88).sizes.size(), 1u);
}

int queries_of(const VisionSpec& spec) {
  const auto found =
      std::ranges::find(spec.projector_steps, ProjectorStep::Kind::kResample, &ProjectorStep::kind);
  return found == spec.projector_steps.end() ? 0 : found->queries;
}

TEST(VisionFamilies, TextsOfMiniCpm) {
  const VisionSpec later = read(tower("minicpmv"));
  EXPECT_EQ(later.tiling.before_tile, "<slice>");
  EXPECT_EQ(later.tiling.behind_tile, "</slice>");
  const VisionSpec older = read(tower("minicpmv-2.5"));
  EXPECT_EQ(older.tiling.before_tiles, "<slice>");
  EXPECT_EQ(older.tiling.before_tile, "<image>");
  EXPECT_EQ(queries_of(older), 5);
  test::OracleCase without = tower("minicpmv");
  without.json["metadata"].erase("clip.minicpmv_query_num");
  EXPECT_EQ(queries_of(read(without)), 64);
}

TEST(VisionFamilies, MiniCpm46MergesPatchesBetweenItsLayers) {
  const VisionSpec spec = read(tower("minicpmv4_6"));
  EXPECT_EQ(spec.early.tower.layers.size(), 3u);  // the last one sees windows
  EXPECT_TRUE(spec.early.tower.layers.back().attention.in_windows);
  EXPECT_EQ(spec.tower.layers.size(), 1u);
  EXPECT_EQ(spec.tower.first_block, 2);
  EXPECT_EQ(spec.late_merge_side(), 2);
  EXPECT_EQ(read(tower("minicpmv4_6-unmerged")).early.tower.layers.size(), 0u);
  test::OracleCase late = tower("minicpmv4_6");
  late.json["metadata"]["clip.vision.wa_layer_indexes"]["value"] = {2};
  EXPECT_THAT(problem(late), HasSubstr("clip.vision.wa_layer_indexes has 2"));
  test::OracleCase unnamed = tower("minicpmv4_6");
  unnamed.json["metadata"].erase("clip.vision.wa_layer_indexes");
  EXPECT_THAT(problem(unnamed), HasSubstr("expected 0 to 1"));
}

// As transformers' MiniCPMV4_6ImageProcessorPil: squares of 4 x 4 patches, and no tiles of narrow
// pictures whose area is small.
TEST(VisionFamilies, PicturesOfMiniCpm46) {
  const VisionSpec spec = read(minicpm46());
  EXPECT_EQ(target_size(spec, {50, 30}), (PictureSize{560, 336}));
  EXPECT_FALSE(grid_of_tiles(spec, {100, 900}));
  const PicturePieces pieces = pieces_of(spec, filled(640, 480, kWhite));
  ASSERT_EQ(pieces.pieces.size(), 3u);
  const auto size_of = [&](std::size_t i) {
    const Image& image = pieces.pieces[i].image;
    return PictureSize{image.width, image.height};
  };
  EXPECT_EQ(size_of(0), (PictureSize{504, 392}));
  EXPECT_EQ(size_of(1), (PictureSize{392, 560}));
  EXPECT_EQ(pieces.pieces[0].before, "<image>");
  EXPECT_EQ(pieces.pieces[1].before, "</image><slice>");
  EXPECT_EQ(pieces.after, "</slice>");
}

TEST(VisionFamilies, LayersOfMiMoSeeBandsOfRowsOrColumns) {
  const VisionSpec spec = read(tower("mimovl"));
  const auto attention = [&](std::size_t layer) { return spec.tower.layers[layer].attention; };
  EXPECT_EQ(attention(0).span, AttentionSpan::kFull);
  EXPECT_EQ(attention(1).window, 12);
  EXPECT_FALSE(attention(1).in_windows);
  EXPECT_TRUE(attention(2).in_windows);
  EXPECT_EQ(attention(0).key_width, 24);
  test::OracleCase mimo = tower("mimovl");
  mimo.json["metadata"]["clip.vision.wa_pattern_mode"]["value"] = {-1, 0, 1, 2};
  EXPECT_THAT(problem(mimo), HasSubstr("clip.vision.wa_pattern_mode has 2, expected -1 to 1"));
  mimo.json["metadata"]["clip.vision.wa_pattern_mode"]["value"] = {-1, 0};
  EXPECT_THAT(problem(mimo), HasSubstr("an integer for each of 4 layers"));
}

TEST(VisionFamilies, YasaHasAsManyRowsOfPicturesOfAllSizes) {
  const VisionSpec spec = read(tower("yasa2"));
  EXPECT_EQ(spec.merge_side, 2);
  EXPECT_EQ(target_size(spec, {1000, 10}), (PictureSize{128, 128}));
  EXPECT_EQ(rows_of(spec, {8, 8}), 64);
  test::OracleCase odd = tower("yasa2");
  set_count(odd, "image_size", 144);
  EXPECT_THAT(problem(odd), HasSubstr("18 x 18 places of a picture"));
  set_count(odd, "image_size", 63);
  EXPECT_THAT(problem(odd), HasSubstr("image_size is 63, expected a multiple of the 8"));
}

TEST(VisionFamilies, ProjectorsOfGranite4ReadLayersThatTheFileNames) {
  const VisionSpec spec = read(tower("granite4_vision"));
  EXPECT_EQ(spec.tower.kept_layers, (std::vector<int>{1, 2}));
  EXPECT_EQ(spec.sources, (std::vector<int>{1, 0, 0}));
  EXPECT_EQ(spec.deep_steps.size(), 2u);
  EXPECT_EQ(spec.deep_steps[1].front().windows.corner, 2);
  test::OracleCase granite = tower("granite4_vision");
  granite.json["metadata"]["clip.vision.feature_layer"]["value"] = {2, 1, 3};
  EXPECT_THAT(problem(granite), HasSubstr("clip.vision.feature_layer has 3, expected 0 to 2"));
  granite = tower("granite4_vision");
  granite.json["metadata"]["clip.vision.projector.spatial_offsets"]["value"] = {-1, 4, 0};
  EXPECT_THAT(problem(granite), HasSubstr("spatial_offsets has 4, expected -1 to 3"));
  granite = tower("granite4_vision");
  set_count(granite, "projector.query_side", 3);
  EXPECT_THAT(problem(granite), HasSubstr("windows of 4 x 4 patches have 3 x 3 queries"));
}

// An overview, and all tiles at once, without the rows of bars and with one at the end of each
// line.
TEST(VisionFamilies, TilesOfGranite4AreOnePicture) {
  const VisionSpec spec = read(tower("granite4_vision"));
  const PicturePieces pieces = pieces_of(spec, filled(100, 40, kWhite));
  ASSERT_EQ(pieces.pieces.size(), 2u);
  EXPECT_FALSE(pieces.pieces[0].bars);
  EXPECT_EQ(pieces.pieces[1].image.width, 128);
  EXPECT_EQ(pieces.pieces[1].image.height, 64);
  EXPECT_EQ(pieces.pieces[1].bars, (Grid{0, 1}));
  EXPECT_EQ(rows_of(spec, {16, 8}, pieces.pieces[1].bars), 17 * 6);
  EXPECT_EQ(pieces_of(spec, filled(10, 10, kWhite)).pieces.size(), 2u);
  test::OracleCase without = tower("granite4_vision");
  without.json["metadata"].erase("clip.vision.image_grid_pinpoints");
  EXPECT_EQ(pieces_of(read(without), filled(100, 40, kWhite)).pieces.size(), 1u);
}

TEST(VisionFamilies, PixelsThatTheFileAllows) {
  EXPECT_EQ(read(tower("dots_ocr")).sizing.least_tokens, 49);  // 3136 pixels in 8 x 8
  test::OracleCase dots = tower("dots_ocr");
  set_count(dots, "image_max_pixels", 6400);
  EXPECT_EQ(read(dots).sizing.most_tokens, 100);
  set_count(dots, "image_max_pixels", 640);  // less than the least
  EXPECT_EQ(read(dots).sizing.most_tokens, 10);
  EXPECT_EQ(read(dots).sizing.least_tokens, 10);
  set_count(dots, "image_max_pixels", 1);
  EXPECT_EQ(read(dots).sizing.most_tokens, 1);
}

TEST(VisionFamilies, SomeLayersOfDots3HaveExperts) {
  const VisionSpec spec = read(tower("dots3note_v"));
  std::vector<int> experts, used, width;
  for (const LayerSpec& layer : spec.tower.layers) {
    experts.push_back(layer.moe.experts);
    used.push_back(layer.moe.route.used);
    width.push_back(layer.mlp.width);
  }
  EXPECT_EQ(experts, (std::vector<int>{0, 6, 3}));
  EXPECT_EQ(used, (std::vector<int>{0, 3, 3}));
  EXPECT_EQ(width, (std::vector<int>{96, 0, 0}));
}

// Where the first layer has experts, another tells how wide the others are.
TEST(VisionFamilies, TheFirstLayerOfDots3MayHaveExperts) {
  test::OracleCase dots = tower("dots3note_v");
  for (Json& tensor : dots.json["tensors"]) {  // the first two change places
    std::string name = tensor["name"];
    if (name.starts_with("v.blk.0.")) {
      name[6] = '1';
    } else if (name.starts_with("v.blk.1.")) {
      name[6] = '0';
    }
    tensor["name"] = name;
  }
  const VisionSpec spec = read(dots);
  EXPECT_EQ(spec.tower.layers[0].moe.experts, 6);
  EXPECT_EQ(spec.tower.layers[1].mlp.width, 96);
}

TEST(VisionFamilies, NemotronHasAsManyRowsBeforePatchesAsTheFile) {
  EXPECT_EQ(read(tower("nemotron_v2_vl")).class_rows, 3);
}

TEST(VisionFamilies, DeepSeekOcrReadsPicturesOfTheSizeOfItsTable) {
  const VisionSpec spec = read(tower("deepseekocr"));
  EXPECT_EQ(target_size(spec, {1000, 10}), (PictureSize{128, 128}));
  EXPECT_EQ(rows_of(spec, {2, 2}), 7);
}

// A row of them is one piece, which ends its lines but has no separator.
TEST(VisionFamilies, LargePicturesOfDeepSeekOcrAreCutIntoRowsOfTiles) {
  const VisionSpec spec = read(tower("deepseekocr-tiles"));
  EXPECT_EQ(spec.tiling.side, 320);  // of 512 pixels
  EXPECT_EQ(grid_of_tiles(spec, {320, 320}), std::nullopt);
  EXPECT_EQ(grid_of_tiles(read(tower("deepseekocr")), {1000, 500}), std::nullopt);
  std::vector<Grid> sizes;
  for (const PicturePiece& piece : pieces_of(spec, filled(900, 600, kWhite)).pieces) {
    sizes.push_back(PictureSize{piece.image.width, piece.image.height} / spec.patch_side);
  }
  EXPECT_EQ(sizes, (std::vector<Grid>{{15, 5}, {15, 5}, {8, 8}}));
  EXPECT_EQ(rows_of(spec, {15, 5}), 80);
  EXPECT_EQ(rows_of(spec, {8, 8}), 73);
  EXPECT_EQ(most_patches(spec), 64);
  EXPECT_EQ(most_projected_patches(spec), 9 * 25);
}

// There is a learned row for each of SAM's, and the separator; these go on alone.
TEST(VisionFamilies, DeepSeekOcr2HasLearnedRowsForTheSizeOfItsTable) {
  const VisionSpec spec = read(tower("deepseekocr2"));
  EXPECT_EQ(target_size(spec, {1000, 10}), (PictureSize{768, 768}));
  ASSERT_EQ(spec.queries.size(), 1u);
  EXPECT_EQ(spec.queries[0].name, "v.resample_query_768.weight");
  EXPECT_EQ(rows_of(spec, {12, 12}), 145);
  EXPECT_EQ(spec.projected_columns(), spec.tower.width);
  EXPECT_EQ(spec.tower.layers.front().attention.kv_heads, 2);
}

TEST(VisionFamilies, LargePicturesOfDeepSeekOcr2AreCutIntoTiles) {
  const VisionSpec spec = read(tower("deepseekocr2-tile"));
  EXPECT_EQ(target_size(spec, {1000, 10}), (PictureSize{1024, 1024}));
  EXPECT_EQ(grid_of_tiles(spec, {768, 768}), std::nullopt);
  EXPECT_EQ(grid_of_tiles(spec, {1000, 500}), (Grid{2, 1}));
  EXPECT_EQ(rows_of(spec, {12, 12}), 144);  // of a tile
  EXPECT_EQ(rows_of(spec, {16, 16}), 257);  // of the whole, with the separator
  test::OracleCase without = tower("deepseekocr2-tile");
  for (std::size_t i = 0; i < without.json["tensors"].size(); ++i) {
    if (without.json["tensors"][i]["name"] != "v.resample_query_768.weight") continue;
    without.json["tensors"].erase(i);
  }
  EXPECT_EQ(grid_of_tiles(read(without), {1000, 500}), std::nullopt);
}

// Behind whose picture comes a token that the text model has no embedding for.
TEST(VisionFamilies, Gemma3nHasARowForTheEndOfAPicture) {
  test::OracleCase gemma = tower("gemma3nv");
  const VisionSpec without = read(gemma);
  EXPECT_EQ(target_size(without, {1000, 10}), (PictureSize{512, 512}));
  EXPECT_EQ(without.patch_side * without.merge_side, 32);
  EXPECT_EQ(rows_of(without, {16, 16}), 256);
  EXPECT_EQ(without.after, "<end_of_image>\n\n");
  test::OracleCase odd = gemma;
  set_count(odd, "image_size", 511);
  EXPECT_THAT(problem(odd), HasSubstr("image_size is 511, expected a multiple of the 32"));
  for (const auto& [name, rows] : {std::pair{"mm.embedding.weight", 4}, {"mm.hard_emb_norm", 1}}) {
    gemma.json["tensors"].push_back({{"name", name},
                                     {"type", "F32"},
                                     {"shape", {32, rows}},
                                     {"centre", 0.0},
                                     {"amplitude", 1.0}});
  }
  const VisionSpec with = read(gemma);
  EXPECT_EQ(rows_of(with, {16, 16}), 257);
  EXPECT_EQ(with.after, "\n\n");
}

// All tiles together are one picture in memory.
TEST(VisionFamilies, TilesThatAreTooLargeAreRefused) {
  test::OracleCase internvl = tower("internvl");
  set_count(internvl, "image_size", 8192);
  set_count(internvl, "preproc_max_tiles", 1);
  EXPECT_EQ(problem(internvl), "");
  set_count(internvl, "preproc_max_tiles", 2);
  EXPECT_THAT(problem(internvl), HasSubstr("tiles are cut from pictures of 8192 x 16384"));
}

}  // namespace
}  // namespace linnet
