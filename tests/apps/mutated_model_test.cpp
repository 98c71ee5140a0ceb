// Whole runs of the program on damaged models: each does its work or says in one sentence what is
// wrong. It never crashes, hangs or takes more memory than there is (4 GiB here). LINNET_MUTATIONS
// sets how many runs there are for each model; LINNET_SEED where they begin.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

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

std::vector<Arguments> runs_of(const std::string& model) {
  return {
      {"generate", "--gguf", model, "-m", "4", "--prompt", "Once upon a time"},
      {"chat", "--gguf", model, "-m", "4", "--prompt", "Hear me"},
      {"chat", "--gguf", model, "-m", "4", "--prompt", "Hear", "--chat-template", "chatml"},
      {"inspect", "--gguf", model, "--json"},
      {"tokenize", "--gguf", model, "--parse-special", "Once <|im_end|> upon a time, caf\xc3\xa9"},
      {"logits", "--gguf", model, "--tokens", "1,2,3", "--npy", "/dev/null"}};
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
  const auto runs = runs_of(model);
  const char* const more = std::getenv("ASAN_OPTIONS");
  const std::string sanitizer =
      std::string("ASAN_OPTIONS=hard_rss_limit_mb=4096:") + (more ? more : "");
  const test::AddressSpaceLimit limit(std::int64_t{4} << 30);
  const std::uint64_t first = number_in("LINNET_SEED", 1);
  for (std::uint64_t seed = first; seed < first + number_in("LINNET_MUTATIONS", 60); ++seed) {
    test::write_file(model, test::MutatedBytes(sound_, seed).damaged());
    const Arguments& arguments = runs[seed % runs.size()];
    const Ended ended = run_program(arguments, {.environment = {sanitizer}});
    SCOPED_TRACE(arguments[0] + " with seed " + std::to_string(seed));
    EXPECT_TRUE(ended.status == 0 || ended.status == 1) << ended.status << ": " << ended.err;
    EXPECT_THAT(ended.err, Not(HasSubstr("enough memory")));
    EXPECT_THAT(ended.err, Not(HasSubstr("out of memory")));
    EXPECT_TRUE(ended.status == 0 || ended.err.find("linnet: ") != std::string::npos) << ended.err;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, MutatedModel,
                         testing::Values("tiny", "tiny-qwen3", "tiny-moe", "scripted"),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
