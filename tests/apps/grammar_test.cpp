// The program's `grammar` subcommand, from outside.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

#include "support/paths.hpp"

namespace linnet {
namespace {

struct Finished {
  int status = -1;
  std::string output;
};

Finished run(const std::string& command) {
  Finished finished;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (!pipe) return finished;
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    finished.output.append(buffer.data(), count);
  }
  finished.status = WEXITSTATUS(pclose(pipe));
  return finished;
}

TEST(GrammarCommand, AnswersLines) {
  const auto [status, output] =
      run(R"(printf '%s\n' '{"grammar":"root ::= \"a\"","text":"a"}' '{"regex":"b+","text":"a"}' )"
          R"('{"schema":{"const":1},"text":"1"}' '{"regex":"(","text":""}' '{"text":""}' '[' | )" +
          test::program() + " grammar --jsonl");
  EXPECT_EQ(status, 0);
  EXPECT_EQ(output,
            "{\"accepts\":true}\n{\"accepts\":false}\n{\"accepts\":true}\n"
            "{\"error\":\"regular expression (, position 2: expected ) at the end of a group\"}\n"
            "{\"error\":\"the line has neither grammar, schema nor regex\"}\n"
            "{\"error\":\"the text is not valid JSON\"}\n");
}

TEST(GrammarCommand, ChecksAndSamples) {
  EXPECT_EQ(run(test::program() + " grammar --regex '[0-9]{3}' 123").output,
            "accepted (4 states)\n");
  EXPECT_EQ(run(test::program() + " grammar --regex 123 123").status, 0);
  const auto [refused, output] = run(test::program() + " grammar --regex '[0-9]{3}' 12");
  EXPECT_EQ(refused, 1);  // as grep does
  EXPECT_EQ(output, "not accepted (4 states)\n");
  EXPECT_EQ(run(test::program() + " grammar --regex 'a|b' --sample 2 --seed 1").output.size(), 4u);
  EXPECT_EQ(run(test::program() + " grammar").status, 2);
  EXPECT_EQ(run(test::program() + " grammar --regex a --jsonl").status, 2);
  const Finished missing = run(test::program() + " grammar --schema /nowhere.json 1");
  EXPECT_EQ(missing.status, 1);
  EXPECT_EQ(missing.output, "linnet: there is no file /nowhere.json, nor is it a text with {\n");
}

// As those of generate and chat.
TEST(GrammarCommand, RulesMayBeGivenAsTexts) {
  EXPECT_EQ(run(test::program() + R"( grammar --json-schema '{"const": 1}' 1)").status, 0);
  EXPECT_EQ(run(test::program() + R"( grammar --schema '{"const": 1}' 2)").status, 1);
  EXPECT_EQ(run(test::program() + R"( grammar --grammar 'root ::= "a"' a)").status, 0);
  EXPECT_EQ(run(test::program() + R"( grammar --gbnf 'root ::= "a"' b)").status, 1);
}

// Texts that random schemas make, against an independent validator.
TEST(GrammarCommand, RandomSchemasMakeValidTexts) {
  const auto [status, output] =
      run("python3 " + test::in_repository("tests/oracles/random_schemas.py") + " " +
          test::program() + " 1000 1");
  constexpr int kNoValidator = 77, kNoPython = 127;
  if (status == kNoValidator || status == kNoPython) GTEST_SKIP() << output;
  EXPECT_EQ(status, 0) << output;
}

}  // namespace
}  // namespace linnet
