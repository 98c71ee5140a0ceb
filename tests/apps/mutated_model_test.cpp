// Whole runs of the program on damaged models, adapters and importance matrices: each does its work
// or says in one sentence what is wrong. It never crashes, hangs or takes more memory than there is
// (4 GiB here). LINNET_MUTATIONS sets how many runs there are for each model; LINNET_SEED where
// they begin.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <span>

#include "support/model_copy.hpp"
#include "support/mutated_bytes.hpp"
#include "support/resource_limit.hpp"
#include "support/run_program.hpp"
#include "support/scripted_model.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::run_program;
using testing::HasSubstr;
using testing::Not;
using Arguments = std::vector<std::string>;

std::uint64_t number_in(const char* variable, std::uint64_t fallback) {
  const char* const text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

// Calls `damage_and_run(seed)` for each seed, and looks at how it ends.
void expect_sound_endings(const std::function<Ended(std::uint64_t seed)>& damage_and_run) {
  const test::AddressSpaceLimit limit(std::int64_t{4} << 30);
  const std::uint64_t first = number_in("LINNET_SEED", 1);
  for (std::uint64_t seed = first; seed < first + number_in("LINNET_MUTATIONS", 60); ++seed) {
    const Ended ended = damage_and_run(seed);
    SCOPED_TRACE("seed " + std::to_string(seed));
    EXPECT_TRUE(ended.status == 0 || ended.status == 1) << ended.status << ": " << ended.err;
    EXPECT_THAT(ended.err, Not(HasSubstr("enough memory")));
    EXPECT_THAT(ended.err, Not(HasSubstr("out of memory")));
    EXPECT_TRUE(ended.status == 0 || ended.err.find("linnet: ") != std::string::npos) << ended.err;
  }
}

Ended run_limited(const Arguments& arguments) {
  const char* const more = std::getenv("ASAN_OPTIONS");
  return run_program(
      arguments,
      {.environment = {std::string("ASAN_OPTIONS=hard_rss_limit_mb=4096:") + (more ? more : "")}});
}

std::vector<Arguments> runs_of(const std::string& model, const std::string& text) {
  return {
      {"generate", "--gguf", model, "-m", "4", "--prompt", "Once upon a time"},
      {"chat", "--gguf", model, "-m", "4", "--prompt", "Hear me"},
      {"chat", "--gguf", model, "-m", "4", "--prompt", "Hear", "--chat-template", "chatml"},
      {"inspect", "--gguf", model, "--json"},
      {"tokenize", "--gguf", model, "--parse-special", "Once <|im_end|> upon a time, caf\xc3\xa9"},
      {"logits", "--gguf", model, "--tokens", "1,2,3", "--npy", "/dev/null"},
      {"quantize", "--gguf", model, "--type", "Q3_K_M", "/dev/null"},
      {"perplexity", "--gguf", model, text}};
}

// The name of a shape that `linnet synth` knows, or "scripted".
class MutatedModel : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string path = (folder_ / "sound.gguf").string();
    if (GetParam() == "scripted") {
      ASSERT_TRUE(test::ScriptedModel({.answer = {"Yes", "."}}).write(path));
    } else {
      ASSERT_EQ(run_program({"synth", "--shape", GetParam(), "--type", "Q4_0", path}).status, 0);
    }
    sound_ = test::read_file(path);
  }
  test::TemporaryFolder folder_;
  std::string sound_;
};

TEST_P(MutatedModel, RunsOrSaysWhatIsWrong) {
  const std::string model = (folder_ / "damaged.gguf").string();
  const std::string text = (folder_ / "text").string();
  test::write_file(text, "Once upon a time there was");
  const auto runs = runs_of(model, text);
  expect_sound_endings([&](std::uint64_t seed) {
    test::write_file(model, test::MutatedBytes(sound_, seed).damaged());
    return run_limited(runs[seed % runs.size()]);
  });
}

INSTANTIATE_TEST_SUITE_P(Models, MutatedModel,
                         testing::Values("tiny", "tiny-qwen3", "tiny-moe", "scripted"),
                         test::test_name<std::string>);

// For two matrices of the bundled model.
void write_adapter(const std::string& path) {
  constexpr std::int64_t kWidth = 256, kRank = 4;
  gguf::Writer writer;
  writer.add_string("general.type", "adapter");
  writer.add_string("general.architecture", "llama");
  writer.add_string("adapter.type", "lora");
  writer.add_number("adapter.lora.alpha", gguf::ValueType::kFloat32, 8.0);
  for (const std::string matrix : {"blk.0.attn_q.weight", "blk.1.attn_output.weight"}) {
    const Format& format = *find_format(TensorType::kF32);
    writer.add_tensor(matrix + ".lora_a", format, std::vector{kWidth, kRank});
    writer.add_tensor(matrix + ".lora_b", format, std::vector{kRank, kWidth});
  }
  const std::vector<float> values(kWidth * kRank, 0.01f);
  const Status written = writer.write(path, [&](std::size_t, const gguf::Writer::Sink& sink) {
    return sink(std::as_bytes(std::span(values)));
  });
  ASSERT_TRUE(written) << written.error().message;
}

// Runs `command` on the bundled model with damaged adapters.
void use_damaged_adapters(const std::string& command, const Arguments& more) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "adapter.gguf").string();
  write_adapter(path);
  const std::string sound = test::read_file(path);
  Arguments use = {command, "--gguf", test::kBundledModel.string(), "--lora", path};
  use.insert(use.end(), more.begin(), more.end());
  ASSERT_EQ(run_limited(use).status, 0);
  expect_sound_endings([&](std::uint64_t seed) {
    test::write_file(path, test::MutatedBytes(sound, seed).damaged());
    return run_limited(use);
  });
}

TEST(MutatedAdapter, IsMergedOrSaysWhatIsWrong) {
  use_damaged_adapters("quantize", {"--type", "Q8_0", "/dev/null"});
}

TEST(MutatedAdapter, RunsOrSaysWhatIsWrong) {
  use_damaged_adapters("generate", {"-m", "4", "--prompt", "Once upon a time"});
}

TEST(MutatedImportance, IsUsedOrSaysWhatIsWrong) {
  const test::TemporaryFolder folder;
  const std::string model = test::kBundledModel.string();
  const std::string text = (folder / "text").string(), path = (folder / "importance.gguf").string();
  test::write_file(text, "Once upon a time there was");
  ASSERT_EQ(run_limited({"importance", "--gguf", model, text, path}).status, 0);
  const std::string sound = test::read_file(path);
  const Arguments use = {"quantize", "--gguf", model,  "--importance",
                         path,       "--type", "Q2_K", "/dev/null"};
  ASSERT_EQ(run_limited(use).status, 0);
  expect_sound_endings([&](std::uint64_t seed) {
    test::write_file(path, test::MutatedBytes(sound, seed).damaged());
    return run_limited(use);
  });
}

}  // namespace
}  // namespace linnet
