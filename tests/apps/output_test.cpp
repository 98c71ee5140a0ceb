// Where standard output cannot be written, every subcommand that writes there says so and fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/model_copy.hpp"
#include "support/run_program.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::run_program;
using testing::HasSubstr;

struct Case {
  const char* name;
  std::vector<std::string> arguments;
  std::string input = {};
};

class Output : public testing::TestWithParam<Case> {};

TEST_P(Output, AFullDiskIsAnError) {
  const Ended ended =
      run_program(GetParam().arguments, {.input = GetParam().input, .output_path = "/dev/full"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err,
              HasSubstr("linnet: standard output cannot be written: No space left on device\n"));
}

// What is wrong is not an error of its own where nobody can be told.
TEST_P(Output, FullStandardErrorIsPassedOver) {
  const Ended ended =
      run_program(GetParam().arguments, {.input = GetParam().input, .error_path = "/dev/full"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_FALSE(ended.out.empty());
}

std::vector<Case> cases() {
  const std::string model = test::kBundledModel.string();
  return {
      {"help", {"--help"}},
      {"help_of_a_subcommand", {"generate", "--help"}},
      {"version", {"--version"}},
      {"architectures", {"architectures"}},
      {"bench", {"bench", "--gguf", model, "-p", "8", "-n", "1", "-r", "1"}},
      {"bench_json", {"bench", "--gguf", model, "-p", "8", "-n", "1", "-r", "1", "--json"}},
      {"chat",
       {"chat", "--gguf", model, "--chat-template", "chatml", "-m", "3", "--prompt", "Hear me"}},
      {"embed", {"embed", "--gguf", model, "--prompt", "Hear me"}},
      {"embed_json", {"embed", "--gguf", model, "--prompt", "Hear me", "--json"}},
      {"generate", {"generate", "--gguf", model, "-m", "3"}},
      {"generate_json", {"generate", "--gguf", model, "-m", "3", "--json"}},
      {"grammar", {"grammar", "--regex", "a", "a"}},
      {"grammar_sample", {"grammar", "--regex", "a", "--sample", "1"}},
      {"grammar_jsonl", {"grammar", "--jsonl"}, R"({"regex": "a", "text": "a"})"},
      {"inspect", {"inspect", "--gguf", model}},
      {"inspect_json", {"inspect", "--gguf", model, "--json"}},
      {"inspect_tensor", {"inspect", "--gguf", model, "--tensor", "output_norm.weight"}},
      {"template", {"template", "--jsonl"}, R"({"template": "{{ a }}", "data": {"a": 1}})"},
      {"tokenize", {"tokenize", "--gguf", model, "In the beginning"}},
      {"tokenize_jsonl", {"tokenize", "--gguf", model, "--jsonl"}, R"("In the beginning")"},
  };
}

INSTANTIATE_TEST_SUITE_P(Subcommands, Output, testing::ValuesIn(cases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(OutputOfPull, AFullDiskIsAnError) {
  const test::TemporaryFolder folder;
  const std::string commit(40, 'a');
  const auto repo = folder / "hub/models--o--m";
  std::filesystem::create_directories(repo / "refs");
  std::filesystem::create_directories(repo / "snapshots" / commit);
  test::write_file(repo / "refs/main", commit);
  std::filesystem::copy_file(test::kBundledModel, repo / "snapshots" / commit / "kjv.gguf");
  const std::vector<std::string> environment = {"HF_HOME=" + folder.path().string(),
                                                "HF_HUB_OFFLINE=1"};
  const std::vector<std::string> pull = {"pull", "--repo", "o/m", "--gguf", "kjv.gguf"};
  EXPECT_EQ(run_program(pull, {.environment = environment}).status, 0);
  const Ended ended = run_program(pull, {.output_path = "/dev/full", .environment = environment});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("standard output cannot be written: No space left on device"));
}

}  // namespace
}  // namespace linnet
