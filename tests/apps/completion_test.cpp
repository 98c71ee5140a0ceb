// Scripts for shells: they know every command and option that the program's help tells, and shells
// complete by them.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <regex>
#include <set>
#include <sstream>

#include "support/paths.hpp"
#include "support/put_file.hpp"
#include "support/run_program.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;
using test::run_program;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using Words = std::set<std::string>;

Words lines_of(const std::string& text) {
  Words lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

// What a shell command writes, in that folder.
std::string output_of(const std::string& shell, const std::string& script, const fs::path& folder) {
  test::put_file(folder / ".script", script);
  const std::string command =
      fmt::format("cd '{0}' && {1} '{0}/.script' 2>&1", folder.string(), shell);
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  char buffer[4096];
  while (const auto count = fread(buffer, 1, sizeof buffer, pipe.get())) text.append(buffer, count);
  return text;
}

// Indented names of a help text, "  -m,--max-tokens INT ...", behind the examples.
Words options_of(const std::string& help) {
  static const std::regex kLine(R"(\n  ((?:--?[A-Za-z][\w-]*,?)+))");
  static const std::regex kName(R"(--?[A-Za-z][\w-]*)");
  const std::string text = help.substr(help.find("\nOptions:"));
  Words names;
  for (std::sregex_iterator line(text.begin(), text.end(), kLine), last; line != last; ++line) {
    const std::string found = (*line)[1];
    for (std::sregex_iterator it(found.begin(), found.end(), kName); it != last; ++it) {
      names.insert(it->str());
    }
  }
  return names;
}

Words commands_of(const std::string& help) {
  static const std::regex kLine(R"(\n  ([a-z]+) )");
  const std::string text = help.substr(help.find("\nCommands:"));
  Words names;
  for (std::sregex_iterator it(text.begin(), text.end(), kLine), last; it != last; ++it) {
    names.insert((*it)[1]);
  }
  return names;
}

class CompletionTest : public ::testing::Test {
 protected:
  CompletionTest() {
    for (const char* name : {"a.gguf", "a b.gguf", "b.txt"}) test::put_file(folder / name, "");
    fs::create_directories(folder / "adir");
  }

  // What bash offers for the last of `words`, typed behind the others.
  Words bash(const std::vector<std::string>& words) const {
    std::string script = run_program({"completion", "bash"}).out + "COMP_WORDS=(";
    for (const std::string& word : words) script += "'" + word + "' ";
    script += fmt::format(")\nCOMP_CWORD={}\n_linnet\n", words.size() - 1);
    script += "for word in \"${COMPREPLY[@]}\"; do printf '%s\\n' \"$word\"; done\n";
    return lines_of(output_of("bash", script, folder.path()));
  }

  const test::TemporaryFolder folder;
};

TEST_F(CompletionTest, BashKnowsEveryCommandAndOption) {
  const std::string help = run_program({"--help"}).out;
  const Words commands = commands_of(help);
  ASSERT_THAT(commands, IsSupersetOf({"generate", "synth", "cache", "completion"}));
  Words first = commands;
  first.merge(options_of(help.substr(0, help.find("\nCommands:"))));
  EXPECT_EQ(bash({"linnet", ""}), first);
  for (const std::string& command : commands) {
    const Words options = options_of(run_program({command, "--help"}).out);
    EXPECT_THAT(options, Contains("--help")) << command;
    EXPECT_EQ(bash({"linnet", command, "-"}), options) << command;
  }
}

// The others by the same tables.
TEST_F(CompletionTest, ZshAndFishNameEveryCommandAndOption) {
  const std::string zsh = run_program({"completion", "zsh"}).out;
  const std::string fish = run_program({"completion", "fish"}).out;
  const Words commands = commands_of(run_program({"--help"}).out);
  ASSERT_THAT(commands, IsSupersetOf({"generate", "synth", "cache", "completion"}));
  for (const std::string& command : commands) {
    const auto begin = zsh.find("\n    " + command + ")\n");
    ASSERT_NE(begin, std::string::npos) << command;
    const std::string arguments = zsh.substr(begin, zsh.find(";;\n", begin) - begin);
    EXPECT_THAT(zsh, HasSubstr("\n      '" + command + ":"));
    EXPECT_THAT(fish, HasSubstr("-n __fish_use_subcommand -a " + command + " -d '"));
    const Words options = options_of(run_program({command, "--help"}).out);
    EXPECT_THAT(options, Contains("--help")) << command;
    for (const std::string& option : options) {
      const bool is_long = option.starts_with("--");
      EXPECT_THAT(arguments, testing::ContainsRegex("[)*]" + option + "[=+]?\\[")) << command;
      EXPECT_THAT(fish, testing::ContainsRegex(
                            "from " + command + "'.* " +
                            (is_long ? "-l " + option.substr(2) : "-s " + option.substr(1)) + " "));
    }
  }
}

TEST_F(CompletionTest, BashCompletesWhatIsBegun) {
  EXPECT_THAT(bash({"linnet", "gen"}), ElementsAre("generate"));
  EXPECT_THAT(bash({"linnet", "pull", "--rev"}), ElementsAre("--revision"));
  EXPECT_THAT(bash({"linnet", "completion", ""}), ElementsAre("bash", "fish", "zsh"));
  EXPECT_THAT(bash({"linnet", "nonsense", ""}), IsEmpty());
}

TEST_F(CompletionTest, BashCompletesValues) {
  EXPECT_THAT(bash({"linnet", "generate", "--gguf", "a"}),
              ElementsAre("a b.gguf", "a.gguf", "adir"));
  EXPECT_THAT(bash({"linnet", "generate", "--gguf", "=", "a."}), ElementsAre("a.gguf"));
  EXPECT_THAT(bash({"linnet", "generate", "--gguf", "="}), Contains("a.gguf"));
  EXPECT_THAT(bash({"linnet", "chat", "--draft-model", "b"}), IsEmpty());
  EXPECT_THAT(bash({"linnet", "generate", "--prompt-file", "b"}), ElementsAre("b.txt"));
  EXPECT_THAT(bash({"linnet", "generate", "--grammar", "b"}), ElementsAre("b.txt"));
  EXPECT_THAT(bash({"linnet", "serve", "--cache-dir", "a"}), ElementsAre("adir"));
  EXPECT_THAT(bash({"linnet", "chat", "--device", ""}), ElementsAre("auto", "cpu", "cuda"));
  EXPECT_THAT(bash({"linnet", "chat", "--kv-type", "f1"}), ElementsAre("f16"));
  EXPECT_THAT(bash({"linnet", "quantize", "--type", "Q4_K"}),
              ElementsAre("Q4_K", "Q4_K_M", "Q4_K_S"));
  EXPECT_THAT(bash({"linnet", "synth", "--type", "Q8"}), ElementsAre("Q8_0"));
  EXPECT_THAT(bash({"linnet", "synth", "--shape", "tiny-"}), ElementsAre("tiny-moe", "tiny-qwen3"));
  EXPECT_THAT(bash({"linnet", "chat", "--think", ""}), ElementsAre("off", "on"));
  EXPECT_THAT(bash({"linnet", "generate", "--prompt", ""}), IsEmpty());
  EXPECT_THAT(bash({"linnet", "generate", "-m", ""}), IsEmpty());
  EXPECT_THAT(bash({"linnet", "rerank", "b"}), ElementsAre("b.txt"));
  EXPECT_THAT(bash({"linnet", "tokenize", "b"}), IsEmpty());
}

// Names that are no repo's are no words of a shell either.
TEST_F(CompletionTest, BashCompletesReposOfTheCache) {
  for (const char* name : {"o--first", "o--second", "p--third", "o--$(touch evil)"}) {
    const fs::path repo = folder / "hub" / (std::string("models--") + name);
    test::put_file(repo / "blobs/e", "x");
    fs::create_directories(repo / "snapshots" / std::string(40, 'a'));
    fs::create_symlink("../../blobs/e", repo / "snapshots" / std::string(40, 'a') / "m.gguf");
  }
  setenv("HF_HUB_CACHE", (folder / "hub").c_str(), 1);
  const std::string program = test::program();
  for (const char* command : {"generate", "inspect", "cache", "pull"}) {
    EXPECT_THAT(bash({program, command, "--repo", "o/"}), ElementsAre("o/first", "o/second"));
  }
  EXPECT_THAT(bash({program, "serve", "--repo", ""}), testing::SizeIs(3));
  unsetenv("HF_HUB_CACHE");
  EXPECT_FALSE(fs::exists(folder / "evil"));
}

// As a person has it: by the names that are said to complete.
TEST_F(CompletionTest, BashTakesTheScript) {
  const std::string script = run_program({"completion", "bash"}).out + "complete -p linnet\n";
  EXPECT_EQ(output_of("bash", script, folder.path()), "complete -F _linnet linnet\n");
}

TEST_F(CompletionTest, ZshTakesTheScript) {
  if (std::system("command -v zsh >/dev/null") != 0) GTEST_SKIP() << "zsh is not installed";
  const std::string script = "autoload -Uz compinit\ncompinit -u -D\n" +
                             run_program({"completion", "zsh"}).out + "echo $_comps[linnet]\n";
  EXPECT_EQ(output_of("zsh -f", script, folder.path()), "_linnet\n");
}

TEST_F(CompletionTest, FishCompletes) {
  if (std::system("command -v fish >/dev/null") != 0) GTEST_SKIP() << "fish is not installed";
  const std::string script = run_program({"completion", "fish"}).out;
  const auto fish = [&](const std::string& line) {
    return output_of("HOME=$PWD fish -N", script + "complete -C '" + line + "'\n", folder.path());
  };
  EXPECT_EQ(fish("linnet gen"), "generate\tContinue a text\n");
  EXPECT_EQ(fish("linnet chat --device c"),
            "cpu\twhere the model runs\ncuda\twhere the model runs\n");
}

TEST_F(CompletionTest, OtherShellsAreRefused) {
  EXPECT_EQ(run_program({"completion"}).status, 2);
  const auto ended = run_program({"completion", "ksh"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_THAT(ended.err, HasSubstr("ksh not in {bash,zsh,fish}"));
}

}  // namespace
}  // namespace linnet
