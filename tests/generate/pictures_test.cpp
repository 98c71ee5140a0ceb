// Prompts with pictures, from the picture to the text, on the bundled model with a tiny encoder.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/kv_pages.hpp"
#include "support/media_prompt.hpp"
#include "support/mmproj_file.hpp"
#include "support/model_copy.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"
#include "support/vision_case.hpp"

namespace linnet {
namespace {

using test::greedy;
using test::run;
using test::Text;
using testing::HasSubstr;

Image striped(int width, int height, int stripe) {
  Image image = filled(width, height, kWhite);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const int x = static_cast<int>(i / 3) % width;
    if (x / stripe % 2 == 0) image.pixels[i] = static_cast<std::uint8_t>(40 * (i % 3));
  }
  return image;
}

class PicturesTest : public testing::TestWithParam<const char*> {
 protected:
  PicturesTest() {
    EXPECT_TRUE(test::write_mmproj(folder_ / "mmproj.gguf", test::kBundledWidth, GetParam()));
    file_ = test::bundled_model_with(folder_ / "mmproj.gguf");
  }

  std::unique_ptr<Engine> engine(std::int64_t rows = 512, int threads = 2,
                                 std::int64_t kv_tokens = 2048) const {
    return test::engine_of(*file_, rows, threads, kv_tokens);
  }

  std::shared_ptr<const Medium> picture(int stripe) const {
    return std::make_shared<const Medium>(
        make_picture(file_->vision()->spec(), file_->spec().vocabulary, striped(64, 48, stripe)));
  }

  GenerateRequest request(int stripe, std::int64_t max_tokens = 12) const {
    return test::greedy_around(picture(stripe), max_tokens);
  }

  const test::TemporaryFolder folder_;
  std::unique_ptr<ModelFile> file_;
};

TEST_P(PicturesTest, ATextDependsOnItsPicture) {
  const auto one = engine();
  const auto logprob = [&](int stripe) {
    float first = 0.0f;
    GenerateRequest request = this->request(stripe, 1);
    request.top_logprobs = 0;
    request.on_logprobs = [&](const TokenLogprobs& of) { first = of.chosen.logprob; };
    run(*one, std::move(request));
    return first;
  };
  EXPECT_NE(logprob(4), logprob(8));
  EXPECT_EQ(logprob(4), logprob(4));
}

TEST_P(PicturesTest, APictureIsComputedOnce) {
  const auto one = engine();
  const Text first = run(*one, request(4));
  const Text again = run(*one, request(4));
  EXPECT_EQ(first.cached_tokens, 0);
  EXPECT_EQ(again.cached_tokens, std::ssize(request(4).prompt) - 1);
  EXPECT_EQ(again.tokens, first.tokens);
  EXPECT_EQ(run(*one, request(8)).cached_tokens, 4);  // what stands before the picture
}

TEST_P(PicturesTest, ATextDoesNotDependOnHowItIsComputed) {
  const std::vector<TokenId> alone = run(*engine(), request(4)).tokens;
  EXPECT_EQ(run(*engine(/*rows=*/8, /*threads=*/1), request(4)).tokens, alone);

  const auto shared = engine(/*rows=*/40);
  Text first, other, plain;
  submit(*shared, request(8, 30), other);
  submit(*shared, greedy({1, 2, 3, 4, 5, 6, 7}, 30), plain);
  submit(*shared, request(4), first);
  test::finish(*shared);
  EXPECT_EQ(first.tokens, alone);
  EXPECT_EQ(other.tokens, run(*engine(), request(8, 30)).tokens);
  EXPECT_EQ(plain.tokens, run(*engine(), greedy({1, 2, 3, 4, 5, 6, 7}, 30)).tokens);
}

TEST_P(PicturesTest, SeveralPicturesStandInOnePrompt) {
  GenerateRequest both = request(4);
  test::append(both, picture(8));
  both.prompt.push_back(800);
  test::append(both, both.media.front());  // the first one once more
  both.prompt.push_back(900);
  const std::vector<TokenId> whole = run(*engine(), both).tokens;
  EXPECT_EQ(whole.size(), 12u);
  EXPECT_EQ(run(*engine(/*rows=*/16, /*threads=*/1), both).tokens, whole);
}

TEST_P(PicturesTest, TextsGoOnWhileAPictureIsEncoded) {
  const auto one = engine();
  Text plain, with;
  submit(*one, greedy({1, 2, 3, 4, 5, 6, 7}, 100), plain);
  ASSERT_TRUE(one->step());
  submit(*one, request(4), with);
  std::size_t tokens = plain.tokens.size();
  int parts = 0;
  while (with.tokens.empty()) {
    ASSERT_TRUE(one->step());
    EXPECT_EQ(plain.tokens.size(), ++tokens);
    parts += one->scheduler().last_step().encodes_medium ? 1 : 0;
  }
  EXPECT_GE(parts, 3);  // the patches, a layer or more, what the text model reads
  test::finish(*one);
  EXPECT_EQ(with.tokens, run(*engine(), request(4)).tokens);
}

TEST_P(PicturesTest, APictureIsDroppedWithItsRequest) {
  const auto one = engine();
  Text dropped, kept;
  bool is_cancelled = false;
  GenerateRequest first = request(8);
  first.is_cancelled = [&] { return is_cancelled; };
  submit(*one, std::move(first), dropped);
  submit(*one, request(4), kept);
  while (!one->scheduler().last_step().encodes_medium) ASSERT_TRUE(one->step());
  is_cancelled = true;
  test::finish(*one);
  EXPECT_EQ(dropped.reason, FinishReason::kCancelled);
  EXPECT_EQ(kept.tokens, run(*engine(), request(4)).tokens);
}

// The younger text gives its memory away and is computed again, picture and all.
TEST_P(PicturesTest, ATextThatLostItsMemoryComesOutTheSame) {
  const std::int64_t pages = pages_for(std::ssize(request(4).prompt));
  const auto small = engine(512, 2, (2 * pages + 2) * kPageTokens);
  Text first, second;
  submit(*small, request(4, 100), first);
  submit(*small, request(8, 100), second);
  test::finish(*small);
  EXPECT_GT(small->scheduler().preemptions(), 0);
  EXPECT_EQ(first.tokens, run(*engine(), request(4, 100)).tokens);
  EXPECT_EQ(second.tokens, run(*engine(), request(8, 100)).tokens);
}

// The memory goes to an older text, whose own picture came first.
TEST_P(PicturesTest, APictureThatIsHalfEncodedIsBegunAnew) {
  const std::int64_t rows = engine(128)->model().limits().rows;
  GenerateRequest older = request(4, 8);
  for (std::int64_t i = 0; i < 2 * rows - kPageTokens; ++i) {
    older.prompt.push_back(static_cast<TokenId>(3 + i % 1000));
  }
  while (std::ssize(older.prompt) % kPageTokens != 1) older.prompt.push_back(7);
  GenerateRequest younger = greedy({}, 20);
  for (int i = 0; i < kPageTokens + 8; ++i) younger.prompt.push_back(2000 + i);
  test::append(younger, picture(8));
  younger.prompt.push_back(500);
  const auto small = engine(128, 2, std::ssize(older.prompt) + older.max_tokens);
  Text first, second;
  submit(*small, older, first);
  submit(*small, younger, second);
  int parts = 0;  // of both pictures
  while (small->scheduler().preemptions() == 0 && second.tokens.empty()) {
    parts += small->scheduler().last_step().encodes_medium ? 1 : 0;
    ASSERT_TRUE(small->step());
  }
  ASSERT_TRUE(second.tokens.empty());
  const auto alone = engine(128);
  int parts_of_one = 0;
  Text lone;
  submit(*alone, older, lone);
  while (!alone->idle()) {
    ASSERT_TRUE(alone->step());
    parts_of_one += alone->scheduler().last_step().encodes_medium ? 1 : 0;
  }
  EXPECT_GT(parts, parts_of_one);
  EXPECT_LT(parts, 2 * parts_of_one);
  test::finish(*small);
  EXPECT_EQ(first.tokens, lone.tokens);
  EXPECT_EQ(second.tokens, run(*engine(), younger).tokens);
}

// What is known of a prompt may end anywhere in a picture: before its last row, which is the last
// token of a prompt, or at a page's end, where the pages behind it were given away.
TEST_P(PicturesTest, APrefixMayEndInsideAPicture) {
  GenerateRequest ends_with_picture = request(4);
  ends_with_picture.prompt.resize(ends_with_picture.prompt.size() - 3);
  const std::vector<TokenId> expected = run(*engine(), ends_with_picture).tokens;
  const auto one = engine();
  run(*one, request(4));
  const Text again = run(*one, ends_with_picture);
  EXPECT_EQ(again.cached_tokens, std::ssize(ends_with_picture.prompt) - 1);
  EXPECT_EQ(again.tokens, expected);
}

TEST_P(PicturesTest, APrefixMayEndWithAPageInsideAPicture) {
  GenerateRequest described = greedy({}, 12);
  for (int i = 0; i < kPageTokens - 3; ++i) described.prompt.push_back(700 + i);
  test::append(described, picture(4));
  for (const TokenId token : {500, 600, 700}) described.prompt.push_back(token);
  const std::vector<TokenId> expected = run(*engine(), described).tokens;
  const std::int64_t pages = pages_for(std::ssize(described.prompt) + described.max_tokens);
  const auto small = engine(512, 2, pages * kPageTokens);
  ASSERT_EQ(run(*small, described).tokens, expected);
  // Takes all pages but the first.
  run(*small, greedy(std::vector<TokenId>(pages * kPageTokens - 1, 9), 1));
  const Text again = run(*small, described);
  EXPECT_EQ(again.cached_tokens, kPageTokens);
  EXPECT_EQ(again.tokens, expected);
}

TEST_P(PicturesTest, SamplersDoNotSeePictures) {
  GenerateRequest with = request(4);
  with.sampling.frequency_penalty = 0.7f;
  with.sampling.dry_multiplier = 0.8f;
  EXPECT_EQ(run(*engine(), with).tokens.size(), 12u);
}

TEST_P(PicturesTest, ASessionEndsBeforeThePicture) {
  const auto one = engine();
  GenerateRequest long_text = greedy({}, 4);
  for (int i = 0; i < 70; ++i) long_text.prompt.push_back(3 + i);
  test::append(long_text, picture(4));
  long_text.prompt.push_back(500);
  const std::vector<TokenId> prompt = long_text.prompt;
  run(*one, std::move(long_text));
  const auto saved = one->save_session(folder_ / "session", prompt);
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(*saved, 70);
  EXPECT_TRUE(engine()->load_session(folder_ / "session"));
}

TEST_P(PicturesTest, WhatIsNoPictureIsRefused) {
  const auto one = engine();
  const auto problem = [&](GenerateRequest request) {
    request.on_finish = [](const Result<FinishReason>&) {};
    const Status status = one->submit(std::move(request));
    return status ? std::string() : status.error().message;
  };
  GenerateRequest cut = request(4);
  cut.prompt.erase(cut.prompt.begin() + 6);
  EXPECT_THAT(problem(cut), HasSubstr("is not in the vocabulary"));
  GenerateRequest unnamed = request(4);
  unnamed.media = {picture(8)};
  EXPECT_THAT(problem(unnamed), HasSubstr("is not in the vocabulary"));
  GenerateRequest none = request(4);
  none.media.clear();
  EXPECT_THAT(problem(none), HasSubstr("is not in the vocabulary"));
}

INSTANTIATE_TEST_SUITE_P(Towers, PicturesTest, testing::Values("pixtral", "gemma3"),
                         test::test_name<const char*>);

TEST(Pictures, TheSamePictureHasTheSameTokensAndOthersHaveOthers) {
  VisionSpec spec;
  spec.patch_side = 4;
  spec.sizing.most_tokens = 1000;
  const Medium a = make_picture(spec, 100, striped(64, 48, 4));
  const Medium same = make_picture(spec, 100, striped(64, 48, 4));
  const Medium b = make_picture(spec, 100, striped(64, 48, 8));
  const Medium turned = make_picture(spec, 100, filled(48, 64, kWhite));
  const Medium plain = make_picture(spec, 100, filled(64, 48, kWhite));
  const auto ids = [](const Medium& picture) { return picture.tokens.parts.at(0).ids; };
  EXPECT_EQ(ids(a), ids(same));
  EXPECT_EQ(a.tokens.marker, same.tokens.marker);
  EXPECT_EQ(a.pieces.at(0).size, (Grid{16, 12}));
  ASSERT_EQ(ids(a).size(), 192u);
  EXPECT_TRUE(std::ranges::all_of(ids(a), [](TokenId id) { return id >= 100; }));
  EXPECT_NE(ids(a)[0], ids(b)[0]);
  EXPECT_NE(a.tokens.marker, b.tokens.marker);
  EXPECT_NE(ids(turned)[0], ids(plain)[0]);
}

TEST(Pictures, TilesHavePartsOfTheirOwn) {
  VisionSpec spec;
  spec.patch_side = 4;
  spec.sizing.fixed_side = 16;
  spec.tiling.choice = Tiling::Choice::kLargest;
  spec.tiling.side = 16;
  spec.tiling.grids = {{2, 1}};
  spec.tiling.before_tile = "<tile {column}>";
  spec.tiling.before_overview = "<all>";
  spec.before = "<begin>";
  spec.after = "<end>";
  const Medium picture = make_picture(spec, 100, striped(64, 32, 4));
  ASSERT_EQ(picture.pieces.size(), 3u);
  ASSERT_EQ(picture.tokens.parts.size(), 3u);
  EXPECT_EQ(picture.tokens.parts[0].before, "<begin><tile 1>");
  EXPECT_EQ(picture.tokens.parts[1].before, "<tile 2>");
  EXPECT_EQ(picture.tokens.parts[2].before, "<all>");
  EXPECT_EQ(picture.tokens.after, "<end>");
  for (const MarkedTokens::Part& part : picture.tokens.parts) EXPECT_EQ(part.ids.size(), 16u);
}

TEST(Pictures, AreRefusedByModelsWithoutAnEncoder) {
  const auto file = ModelFile::open(test::kBundledModel.string());
  ASSERT_TRUE(file);
  const auto picture = (*file)->read_picture({});
  ASSERT_FALSE(picture);
  EXPECT_THAT(picture.error().message, HasSubstr("reads no pictures"));
}

TEST(Pictures, AnEncoderIsNoModel) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::write_mmproj(folder / "mmproj.gguf", test::kBundledWidth));
  const auto model = ModelFile::open((folder / "mmproj.gguf").string());
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message,
              HasSubstr("is an encoder of pictures or sounds, not a model; --mmproj"));
}

// Its text model's file says 0 layers, its encoder's has steps for two.
TEST(Pictures, Qwen3OmnisEncoderSaysWhatGoesIntoLaterLayers) {
  const test::TemporaryFolder folder;
  auto chain = test::VisionChain::read("qwen3vl");
  auto& layers = chain.model.json["metadata"]["qwen3vl.n_deepstack_layers"]["value"];
  ASSERT_EQ(layers, 2);
  layers = 0;
  ASSERT_TRUE(chain.model.write(folder / "model.gguf"));
  ASSERT_TRUE(test::VisionCase::read(chain.tower()).model.write(folder / "mmproj.gguf"));
  const auto file = ModelFile::open((folder / "model.gguf").string());
  ASSERT_TRUE(file) << file.error().message;
  const Status added = (*file)->add_encoders((folder / "mmproj.gguf").string());
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ((*file)->spec().deepstack_layers, 2);
  EXPECT_EQ((*file)->spec().given_columns(), 3 * (*file)->spec().width);

  layers = 1;
  ASSERT_TRUE(chain.model.write(folder / "other.gguf"));
  const auto other = ModelFile::open((folder / "other.gguf").string());
  EXPECT_FALSE((*other)->add_encoders((folder / "mmproj.gguf").string()));
}

TEST(Pictures, AnEncoderOfAnotherWidthIsRefused) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::write_mmproj(folder / "mmproj.gguf", 128));
  const auto file = ModelFile::open(test::kBundledModel.string());
  const Status added = (*file)->add_encoders((folder / "mmproj.gguf").string());
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().message, HasSubstr("was made for another model"));
  const Status model = (*file)->add_encoders(test::kBundledModel.string());
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("expected an encoder of pictures"));
}

// Whatever the files are called.
TEST(Pictures, StandBetweenTextsThatAreTokensToTheModel) {
  const test::TemporaryFolder folder;
  const std::filesystem::path mmproj = folder / "mmproj.gguf", glm = folder / "glm.gguf";
  ASSERT_TRUE(test::write_mmproj(mmproj, test::kBundledWidth, "kimik25"));
  const auto rename_end = [](gguf::Writer& writer, std::string_view key) {
    const auto file = ModelFile::open(test::kBundledModel.string());
    std::vector<std::string> tokens;
    for (TokenId id = 0; id < (*file)->tokenizer()->vocabulary_size(); ++id) {
      tokens.emplace_back((*file)->tokenizer()->piece(id));
    }
    tokens[2] = "<|begin_of_image|>";
    writer.add_strings(key, tokens);
  };
  ASSERT_TRUE(test::ModelCopy().replace("tokenizer.ggml.tokens", rename_end).write(glm));
  const auto before = [&](const std::filesystem::path& path) {
    const auto file = ModelFile::open(path.string());
    EXPECT_TRUE(file) << file.error().message;
    EXPECT_TRUE((*file)->add_encoders(mmproj.string()));
    return (*file)->vision()->spec().before;
  };
  EXPECT_EQ(before(glm), "<|begin_of_image|>");
  EXPECT_EQ(before(test::kBundledModel), "<|media_begin|>image<|media_content|>");
}

}  // namespace
}  // namespace linnet
