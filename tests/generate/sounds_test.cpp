// Prompts with sounds, from the file to the text, on the bundled model with a tiny encoder.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/hearing_file.hpp"
#include "support/media_prompt.hpp"
#include "support/mmproj_file.hpp"
#include "support/model_copy.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using test::greedy;
using test::run;
using testing::HasSubstr;

Sound tone(double hertz, int samples) {
  Sound sound;
  for (int i = 0; i < samples; ++i) {
    sound.samples.push_back(static_cast<float>(0.5 * std::sin(hertz * 6.2831853 * i / kSoundRate)));
  }
  return sound;
}

class SoundsTest : public testing::TestWithParam<const char*> {
 protected:
  SoundsTest() {
    EXPECT_TRUE(
        test::write_hearing_mmproj(folder_ / "mmproj.gguf", test::kBundledWidth, GetParam()));
    file_ = test::bundled_model_with(folder_ / "mmproj.gguf");
  }

  std::unique_ptr<Engine> engine(std::int64_t rows = 512, int threads = 2) const {
    return test::engine_of(*file_, rows, threads);
  }

  // Of a sound of several chunks.
  GenerateRequest request(double hertz, std::int64_t max_tokens = 12, int samples = 30000) const {
    return test::greedy_around(
        std::make_shared<const Medium>(
            make_sound(file_->hearing()->spec(), file_->spec().vocabulary, tone(hertz, samples))),
        max_tokens);
  }

  const test::TemporaryFolder folder_;
  std::unique_ptr<ModelFile> file_;
};

TEST_P(SoundsTest, SoundsOfSeveralChunksHaveAPartForEach) {
  const GenerateRequest long_one = request(440.0);
  EXPECT_EQ(long_one.media.front()->pieces.size(), 3u);
  EXPECT_EQ(request(440.0, 12, 5000).media.front()->pieces.size(), 1u);
  EXPECT_TRUE(long_one.media.front()->is_sound());
}

TEST_P(SoundsTest, TheTextIsTheSameWhateverThreadsAndBatches) {
  const auto whole = run(*engine(), request(440.0, 20)).tokens;
  EXPECT_EQ(whole.size(), 20u);
  EXPECT_EQ(run(*engine(512, 1), request(440.0, 20)).tokens, whole);
  EXPECT_EQ(run(*engine(512, 3), request(440.0, 20)).tokens, whole);
  EXPECT_EQ(run(*engine(16), request(440.0, 20)).tokens, whole);
}

TEST_P(SoundsTest, TheCacheKnowsASoundAgain) {
  const auto one = engine();
  const auto first = run(*one, request(440.0));
  const auto again = run(*one, request(440.0));
  EXPECT_EQ(first.cached_tokens, 0);
  EXPECT_GT(again.cached_tokens, 4);
  EXPECT_EQ(again.tokens, first.tokens);
  EXPECT_LE(run(*one, request(880.0)).cached_tokens, 4);
}

INSTANTIATE_TEST_SUITE_P(Encoders, SoundsTest, testing::Values("qwen2a", "voxtral", "ultravox"),
                         test::test_name<const char*>);

// Chunks of 8 seconds and more; of Conformers, too.
class LongChunkSoundsTest : public SoundsTest {};

TEST_P(LongChunkSoundsTest, TheTextIsTheSameWhateverThreadsAndBatches) {
  const auto whole = run(*engine(), request(440.0, 20)).tokens;
  EXPECT_EQ(whole.size(), 20u);
  EXPECT_EQ(run(*engine(512, 1), request(440.0, 20)).tokens, whole);
  EXPECT_EQ(run(*engine(7, 3), request(440.0, 20)).tokens, whole);
  EXPECT_EQ(request(440.0).media.front()->pieces.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Encoders, LongChunkSoundsTest,
                         testing::Values("qwen3a", "dots3note_a", "gemma4a", "gemma4ua",
                                         "granite_speech", "lfm2a", "mimo_audio", "parakeet"),
                         test::test_name<const char*>);

TEST(Sounds, TheSameSoundHasTheSameTokensAndOthersHaveOthers) {
  HearingSpec spec;
  spec.mel = whisper_mel(80, 100);
  spec.stem.steps = {{.name = "a.conv1d.2", .stride = 2}};
  spec.chunk_frames = 100;
  spec.before = "<begin>";
  spec.after = "<end>";
  const auto made = [&](double hertz, int samples) {
    return make_sound(spec, 100, tone(hertz, samples));
  };
  const Medium one = made(440.0, 8000), same = made(440.0, 8000), other = made(441.0, 8000);
  ASSERT_EQ(one.tokens.parts.size(), 1u);
  EXPECT_EQ(one.tokens.parts[0].ids, same.tokens.parts[0].ids);
  EXPECT_EQ(one.tokens.parts[0].ids.size(), 25u);
  EXPECT_EQ(one.tokens.marker, same.tokens.marker);
  EXPECT_NE(one.tokens.marker, other.tokens.marker);
  EXPECT_NE(one.tokens.parts[0].ids[0], other.tokens.parts[0].ids[0]);
  const Medium several = made(440.0, 40000);
  ASSERT_EQ(several.tokens.parts.size(), 3u);
  EXPECT_EQ(several.tokens.parts[0].before, "<begin>");
  EXPECT_EQ(several.tokens.parts[1].before, "");
  EXPECT_EQ(several.tokens.after, "<end>");
}

TEST(Sounds, AreRefusedByModelsWithoutAnEncoder) {
  const auto file = ModelFile::open(test::kBundledModel.string());
  ASSERT_TRUE(file);
  const auto sound = (*file)->read_sound({});
  ASSERT_FALSE(sound);
  EXPECT_THAT(sound.error().message, HasSubstr("hears no sounds"));
}

// A file with an encoder of each kind.
class BothEncodersTest : public testing::Test {
 protected:
  BothEncodersTest() {
    mmproj_.json = test::hearing_case_of_width(test::kBundledWidth).model.json;
    EXPECT_TRUE(test::write_mmproj(folder_ / "vision.gguf", test::kBundledWidth));
    auto& metadata = mmproj_.json["metadata"];
    metadata["clip.audio.projector_type"] = metadata["clip.projector_type"];
    metadata.erase("clip.projector_type");
    const auto vision = test::VisionCase::read("pixtral").model.json;
    for (const auto& [key, item] : vision["metadata"].items()) {
      metadata[key == "clip.projector_type" ? "clip.vision.projector_type" : key] = item;
    }
    for (auto tensor : vision["tensors"]) {
      const std::string name = tensor["name"];
      if (name == "mm.2.weight") tensor["shape"][1] = test::kBundledWidth;
      if (name == "mm.2.bias" || name == "v.token_embd.img_break")
        tensor["shape"][0] = test::kBundledWidth;
      mmproj_.json["tensors"].push_back(tensor);
    }
  }

  std::unique_ptr<ModelFile> open() const {
    EXPECT_TRUE(mmproj_.write(folder_ / "mmproj.gguf"));
    return test::bundled_model_with(folder_ / "mmproj.gguf");
  }

  const test::TemporaryFolder folder_;
  test::OracleCase mmproj_;
};

TEST_F(BothEncodersTest, APromptHasBoth) {
  const auto file = open();
  ASSERT_TRUE(file->vision() && file->hearing());
  const auto engine = Engine::load(*file, {}, 2048);
  ASSERT_TRUE(engine) << engine.error().message;
  GenerateRequest request = greedy({1, 200}, 8);
  const std::int64_t vocabulary = file->spec().vocabulary;
  test::append(request, std::make_shared<const Medium>(
                            make_sound(file->hearing()->spec(), vocabulary, tone(440.0, 20000))));
  test::append(request, std::make_shared<const Medium>(make_picture(
                            file->vision()->spec(), vocabulary, filled(64, 48, kWhite))));
  request.prompt.push_back(300);
  const auto text = run(**engine, request);
  EXPECT_EQ(text.error, "");
  EXPECT_EQ(text.tokens.size(), 8u);
}

TEST_F(BothEncodersTest, OneOfSoundsThatIsUnknownIsLeftOut) {
  mmproj_.json["metadata"]["clip.audio.projector_type"]["value"] = "ears";
  const auto file = open();
  EXPECT_TRUE(file->vision());
  EXPECT_FALSE(file->hearing());
  const auto sound = file->read_sound({});
  ASSERT_FALSE(sound);
  EXPECT_THAT(sound.error().message, HasSubstr("hears no sounds: "));
  EXPECT_THAT(sound.error().message, HasSubstr("unknown projector 'ears' of sounds"));
}

TEST(Sounds, AnEncoderOfAnotherWidthIsRefused) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::write_hearing_mmproj(folder / "mmproj.gguf", 128));
  const auto file = ModelFile::open(test::kBundledModel.string());
  const Status added = (*file)->add_encoders((folder / "mmproj.gguf").string());
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().message, HasSubstr("was made for another model"));
}

}  // namespace
}  // namespace linnet
