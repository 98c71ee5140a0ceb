// The targets of fuzz/, compiled as everything else is, with a few inputs each: seeds, what is left
// of them where they end early, and damaged ones. So they keep up with the code that they call.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "fuzz/seeds.hpp"
#include "support/golden_files.hpp"
#include "support/mutated_bytes.hpp"
#include "support/mutated_case.hpp"
#include "support/paths.hpp"
#include "support/put_file.hpp"

using FuzzTarget = int(const std::uint8_t* data, std::size_t size);

// What each calls LLVMFuzzerTestOneInput: see cmake/modules.cmake.
extern "C" {
FuzzTarget fuzz_adapter, fuzz_answer, fuzz_beside, fuzz_gguf, fuzz_grammar, fuzz_hearing, fuzz_http,
    fuzz_hub, fuzz_image, fuzz_jinja, fuzz_model, fuzz_serve, fuzz_session, fuzz_sound, fuzz_split,
    fuzz_tokenizer, fuzz_vision;
}

namespace linnet::test {
namespace {

struct Target {
  std::string name;
  FuzzTarget* run;
  Seeds (*seeds)();
};

const std::vector<Target>& targets() {
  static const std::vector<Target> kTargets = {
      {"adapter", fuzz_adapter, adapter_seeds}, {"answer", fuzz_answer, answer_seeds},
      {"beside", fuzz_beside, beside_seeds},    {"gguf", fuzz_gguf, gguf_seeds},
      {"grammar", fuzz_grammar, grammar_seeds}, {"hearing", fuzz_hearing, hearing_seeds},
      {"http", fuzz_http, http_seeds},          {"hub", fuzz_hub, hub_seeds},
      {"image", fuzz_image, image_seeds},       {"jinja", fuzz_jinja, jinja_seeds},
      {"model", fuzz_model, model_seeds},       {"serve", fuzz_serve, serve_seeds},
      {"session", fuzz_session, session_seeds}, {"sound", fuzz_sound, sound_seeds},
      {"split", fuzz_split, split_seeds},       {"tokenizer", fuzz_tokenizer, tokenizer_seeds},
      {"vision", fuzz_vision, vision_seeds}};
  return kTargets;
}

class Replay : public testing::TestWithParam<Target> {
 protected:
  // The input lies in a file meanwhile: it is still there where the target ends the program.
  void run(const std::string& input) {
    write_file(kept_, input);
    // Of just this size, so that sanitizers see what is read behind it.
    const std::vector<std::uint8_t> bytes(input.begin(), input.end());
    EXPECT_EQ(GetParam().run(bytes.data(), bytes.size()), 0);
  }
  void TearDown() override { std::filesystem::remove(kept_); }

 private:
  const std::filesystem::path kept_ =
      std::filesystem::temp_directory_path() /
      ("linnet-fuzz-" + GetParam().name + "-" + std::to_string(getpid()));
};

TEST_P(Replay, EndsWithEachInput) {
  run("");
  const Seeds seeds = GetParam().seeds();
  ASSERT_FALSE(seeds.empty());
  for (const std::string& seed : seeds) {
    run(seed);
    for (const std::size_t size : {std::size_t{1}, seed.size() / 3, seed.size() - 1}) {
      run(seed.substr(0, size));
    }
    for (int i = 0; i < mutations(/*usual=*/8); ++i) {
      run(MutatedBytes(seed, static_cast<std::uint64_t>(i)).damaged());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Replay, testing::ValuesIn(targets()),
                         [](const auto& info) { return info.param.name; });

TEST(FuzzTargets, AreAllReplayed) {
  std::vector<std::string> files, expected;
  std::ranges::copy_if(file_names(in_repository("fuzz")), std::back_inserter(files),
                       [](const std::string& name) { return name.ends_with("_fuzz.cpp"); });
  for (const Target& target : targets()) expected.push_back(target.name + "_fuzz.cpp");
  EXPECT_THAT(files, testing::ElementsAreArray(expected));
}

// With LINNET_SEEDS=FOLDER it writes what libFuzzer's programs begin with.
TEST(FuzzTargets, HaveSeedsToWrite) {
  const char* const folder = std::getenv("LINNET_SEEDS");
  if (!folder) GTEST_SKIP() << "LINNET_SEEDS names no folder";
  for (const Target& target : targets()) {
    const Seeds seeds = target.seeds();
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      put_file(std::filesystem::path(folder) / target.name / std::to_string(i), seeds[i]);
    }
  }
}

}  // namespace
}  // namespace linnet::test
