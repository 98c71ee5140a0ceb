// What the program shows in a terminal while it works for long.

#include <gmock/gmock.h>

#include "support/paths.hpp"
#include "support/run_program.hpp"
#include "support/temporary_folder.hpp"
#include "support/terminal.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kErased = "\r\x1b[K";

class ProgressTest : public testing::Test {
 protected:
  ProgressTest() {
    std::string prompt;
    for (int i = 0; i < 100; ++i) prompt += "In the beginning God created the heaven. ";
    test::write_file(folder_ / "prompt.txt", prompt);
  }

  test::TemporaryFolder folder_;
  const std::vector<std::string> generate_ = {"generate",
                                              "--gguf",
                                              test::kBundledModel,
                                              "--prompt-file",
                                              (folder_ / "prompt.txt").string(),
                                              "--ctx",
                                              "4096",
                                              "-m",
                                              "2"};
};

TEST_F(ProgressTest, LoadingAndReadingThePromptAreLinesThatGo) {
  test::Terminal terminal(generate_, {});
  terminal.wait_for("loading Linnet KJV: ");
  terminal.wait_for(kErased);
  terminal.wait_for("reading the prompt: ");
  EXPECT_THAT(terminal.wait_for(kErased), Not(HasSubstr("reading the prompt: 100 %")));
  EXPECT_THAT(terminal.wait_for("Generation: 2 tokens"), Not(HasSubstr("reading")));
  EXPECT_EQ(terminal.wait(), 0);
}

// Where it broke, each percent would be a line more.
TEST_F(ProgressTest, TheLineIsNotWiderThanTheTerminal) {
  constexpr unsigned short kColumns = 60;
  const std::string name(90, 'n');
  test::Terminal terminal({"generate", "--gguf", test::kBundledModel, "-m", "2", "--override-kv",
                           "general.name=str:" + name},
                          {}, /*rows=*/40, kColumns);
  terminal.wait_for("loading nnnn");
  const std::string rest = terminal.wait_for(kErased);
  EXPECT_THAT(rest, HasSubstr("n...: 100 %"));
  EXPECT_LT(std::string("loading nnnn").size() + rest.find('%'), kColumns);
}

TEST_F(ProgressTest, IsForTerminalsOnly) {
  const test::Ended ended = test::run_program(generate_);
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out + ended.err, Not(HasSubstr("%")));
}

TEST_F(ProgressTest, IsNotForPromptsThatTakeOneStep) {
  test::Terminal terminal({"generate", "--gguf", test::kBundledModel, "-m", "2"}, {});
  EXPECT_THAT(terminal.wait_for("Generation: 2 tokens"), Not(HasSubstr("reading")));
}

}  // namespace
}  // namespace linnet
