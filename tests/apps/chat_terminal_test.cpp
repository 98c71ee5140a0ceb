// `linnet chat` in a terminal: typed keys in, what comes to the screen out. The model says what the
// test tells it (support/scripted_model.hpp).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "support/put_file.hpp"
#include "support/scripted_model.hpp"
#include "support/temporary_folder.hpp"
#include "support/terminal.hpp"

namespace linnet {
namespace {

using test::read_file;
using test::ScriptedModel;
using test::Terminal;
using testing::HasSubstr;
using Json = nlohmann::json;

constexpr const char* kCtrlC = "\x03";
constexpr const char* kCtrlD = "\x04";
constexpr const char* kUp = "\x1b[A";
constexpr const char* kAltEnter = "\x1b\r";

class ChatTerminal : public testing::Test {
 protected:
  void write_model(const ScriptedModel& model) {
    const Status status = model.write(folder_ / "model.gguf");
    ASSERT_TRUE(status) << status.error().message;
  }
  // A conversation that has begun: its prompt is on the screen.
  std::unique_ptr<Terminal> start(std::vector<std::string> more = {},
                                  std::vector<std::string> environment = {}) {
    std::vector<std::string> arguments = {"chat", "--gguf", path("model.gguf")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    environment.push_back("HOME=" + folder_.path().string());
    auto terminal = std::make_unique<Terminal>(arguments, environment);
    terminal->wait_for("loading ");
    terminal->wait_for("/help lists the commands");
    terminal->wait_for("> ");
    return terminal;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  Json saved(Terminal& terminal) {
    terminal.enter("/save " + path("saved.json"));
    terminal.wait_for("saved: ");
    return Json::parse(read_file(folder_ / "saved.json"), nullptr, /*allow_exceptions=*/false);
  }

  test::TemporaryFolder folder_;
};

// The numbers of the line after an answer.
struct Turn {
  int new_tokens = -1, cached_tokens = -1, used = -1;
};
Turn turn_of(const std::string& screen) {
  static const std::regex kLine(R"(prompt (\d+) new, (\d+) cached.*context (\d+) of)");
  std::smatch match;
  if (!std::regex_search(screen, match, kLine)) return {};
  return {std::stoi(match[1]), std::stoi(match[2]), std::stoi(match[3])};
}

TEST_F(ChatTerminal, TenCommands) {
  write_model({.answer = {"Good", " morning", "."}});
  test::put_file(folder_ / "notes.txt", "some notes");
  const auto terminal = start({"--seed", "0"});
  terminal->enter("/help");
  EXPECT_THAT(terminal->wait_for("Ctrl-C stops an answer."), HasSubstr("/params"));
  terminal->enter("/system Be brief.");
  terminal->wait_for("system message set");
  terminal->enter("Hello");
  EXPECT_THAT(terminal->wait_for(" of 2048]"), HasSubstr("Good morning.\r\n"));
  terminal->enter("/regen");
  EXPECT_THAT(terminal->wait_for(" of 2048]"), HasSubstr("Good morning.\r\n"));
  terminal->enter("/stats");
  EXPECT_THAT(terminal->wait_for(" of 2048]"), HasSubstr("turns: 1"));
  terminal->enter("/params temp 0.25");
  terminal->wait_for("temp 0.25, seed 1");  // /regen took another seed
  terminal->enter("/file " + path("notes.txt"));
  terminal->wait_for("10 bytes go with the next message");
  terminal->enter("And now?");
  terminal->wait_for(" of 2048]");
  const Json messages = saved(*terminal);
  ASSERT_EQ(messages.size(), 5u) << messages;
  EXPECT_EQ(messages[0], Json({{"role", "system"}, {"content", "Be brief."}}));
  EXPECT_EQ(messages[3], Json({{"role", "user"}, {"content", "some notes\nAnd now?"}}));
  EXPECT_EQ(messages[4], Json({{"role", "assistant"}, {"content", "Good morning."}}));
  terminal->enter("/reset");
  terminal->wait_for("begins anew");
  EXPECT_EQ(saved(*terminal).size(), 1u) << "the system message stays";
  test::put_file(folder_ / "other.json", messages.dump());
  terminal->enter("/load " + path("other.json"));
  terminal->wait_for("loaded: 2 turns");
  terminal->enter("/exit");
  EXPECT_EQ(terminal->wait(), 0);
}

TEST_F(ChatTerminal, TabCompletesCommandsAndFiles) {
  write_model({.answer = {"Yes"}});
  std::filesystem::create_directory(folder_ / "texts");
  test::put_file(folder_ / "texts/notes of today.txt", "some notes");
  test::put_file(folder_ / "texts/notes.txt", "other notes");
  test::put_file(folder_ / "texts/.hidden", "");
  const auto terminal = start();
  terminal->press("/fi\t" + path("te") + "\tno\t\t");
  EXPECT_THAT(terminal->wait_for("notes.txt"), HasSubstr("notes of today.txt"));
  terminal->press(" \t\r");
  terminal->wait_for("10 bytes go with the next message");
  terminal->enter("/par\tte\t0.25");
  terminal->wait_for("temp 0.25");
  terminal->enter("/s\t\tts\t");
  terminal->wait_for("/save  /stats  /system");
  terminal->wait_for("there is no command /sts");
}

TEST_F(ChatTerminal, AMistakeIsSaidAndTheConversationGoesOn) {
  write_model({.answer = {"Yes"}});
  const auto terminal = start();
  for (const auto& [line, error] : std::vector<std::pair<std::string, std::string>>{
           {"/nonsense", "there is no command /nonsense; /help lists them"},
           {"/save", "/save needs the name of a file"},
           {"/load " + path("missing.json"), "missing.json"},
           {"/file " + path("missing.txt"), "missing.txt"},
           {"/params top-k 1.5", "top-k: expected a whole number from -1 to 1073741824, found 1.5"},
           {"/params temp hot", "temp: expected a number from 0 to 100, found hot"},
           {"/params warmth 1", "there is no parameter warmth; there are: seed, temp, top-k"},
           {"/regen", "there is no message to answer"}}) {
    terminal->enter(line);
    terminal->wait_for(error);
  }
  terminal->enter("Hello");
  terminal->wait_for("Yes\r\n");
  terminal->wait_for("> ");
  terminal->press(kCtrlD);
  terminal->wait_for("\r\n");  // the shell's prompt stands on a line of its own
  EXPECT_EQ(terminal->wait(), 0);
}

// libedit would take gigabytes for it.
TEST_F(ChatTerminal, OnAnEndlessScreenLinesAreNotEdited) {
  write_model({});
  Terminal terminal({"chat", "--gguf", path("model.gguf")}, {"HOME=" + folder_.path().string()},
                    65535, 65535);
  terminal.wait_for("loading ");
  terminal.type("/exit\r");
  EXPECT_EQ(terminal.wait(), 0);
}

TEST_F(ChatTerminal, CtrlCStopsTheAnswerAndNotTheProgram) {
  write_model({.answer = {"on", " and", " "}, .endless = true, .context = 50000});
  const auto terminal = start();
  terminal->enter("Go");
  terminal->wait_for("on and on and on and");
  terminal->type(kCtrlC);
  terminal->wait_for("; stopped]");
  terminal->press("half a line");
  terminal->wait_for("half a line");
  terminal->press(kCtrlC);
  terminal->wait_for("> ");
  terminal->press(kCtrlC);
  terminal->wait_for("Ctrl-D or /exit ends");
  EXPECT_EQ(saved(*terminal).size(), 2u) << "what was answered is kept";
  terminal->enter("/exit");
  EXPECT_EQ(terminal->wait(), 0);
}

TEST_F(ChatTerminal, ThinkingIsDimmedAndNotPartOfTheAnswer) {
  write_model({.answer = {"<think>", "Let", " me", " see", "</think>", "Found", " it"}});
  const auto terminal = start();
  terminal->enter("Look");
  terminal->wait_for("\x1b[2mLet me see\x1b[0m\r\n\r\nFound it\r\n");
  terminal->wait_for(" of 2048]");
  const Json messages = saved(*terminal);
  EXPECT_EQ(messages[1]["content"], "Found it");
  EXPECT_EQ(messages[1]["reasoning_content"], "Let me see");
}

TEST_F(ChatTerminal, GenerateSaysThatThereIsAnotherCommand) {
  write_model({.answer = {"Yes"}});
  Terminal terminal({"generate", "--gguf", path("model.gguf"), "-m", "2", "--prompt", "Hello"}, {});
  terminal.wait_for("a template for conversations, which `linnet chat` uses");
  EXPECT_EQ(terminal.wait(), 0);
}

TEST_F(ChatTerminal, NothingIsDimmedWhereThatIsNotWanted) {
  write_model({.answer = {"<think>", "Let", " me", " see", "</think>", "Found", " it"}});
  const auto terminal = start({}, {"NO_COLOR=1"});
  terminal->enter("Look");
  const std::string screen = terminal->wait_for(" of 2048]");
  EXPECT_THAT(screen, HasSubstr("Let me see\r\n\r\nFound it\r\n"));
  EXPECT_THAT(screen, testing::Not(HasSubstr("\x1b[2m")));
}

TEST_F(ChatTerminal, ATerminalThatKnowsOnlyTextGetsNothingElse) {
  write_model({.answer = {"Found", " it"}});
  Terminal terminal({"chat", "--gguf", path("model.gguf")}, {"TERM=dumb"});
  terminal.wait_for("/help lists the commands");
  terminal.wait_for("> ");
  terminal.enter("Look");
  EXPECT_THAT(terminal.wait_for(" of 2048]"), testing::Not(HasSubstr("\x1b")));
}

TEST_F(ChatTerminal, MessagesOfSeveralLines) {
  write_model({.answer = {"Yes"}});
  const auto terminal = start();
  terminal->enter("one\\");
  terminal->wait_for("| ");
  terminal->enter("two");
  terminal->wait_for(" of 2048]");
  terminal->press("\x1b[200~three\rfour\n/exit\x1b[201~");
  terminal->wait_for("/exit");
  terminal->enter(" five");
  terminal->wait_for(" of 2048]");
  terminal->press("six");
  terminal->type(kAltEnter);
  terminal->enter("seven");
  terminal->wait_for(" of 2048]");
  const Json messages = saved(*terminal);
  EXPECT_EQ(messages[0]["content"], "one\ntwo");
  EXPECT_EQ(messages[2]["content"], "three\nfour\n/exit five");
  EXPECT_EQ(messages[4]["content"], "six\nseven");
}

TEST_F(ChatTerminal, CharactersBeyondAsciiAreTypedAndErased) {
  write_model({.answer = {"Ja"}});
  const auto terminal = start();
  terminal->enter("größer 日本x\x7f");
  terminal->wait_for(" of 2048]");
  EXPECT_EQ(saved(*terminal)[0]["content"], "größer 日本");
}

TEST_F(ChatTerminal, TheHistoryOutlivesTheProgram) {
  write_model({.answer = {"Yes"}});
  {
    const auto terminal = start();
    terminal->enter("an earlier message");
    terminal->wait_for(" of 2048]");
    terminal->wait_for("> ");
    terminal->hang_up();
    terminal->wait();
  }
  const auto terminal = start();
  terminal->press(kUp);
  terminal->wait_for("an earlier message");
  terminal->enter("!");
  terminal->wait_for(" of 2048]");
  EXPECT_EQ(saved(*terminal)[0]["content"], "an earlier message!");
  terminal->press("\x12message");  // Ctrl-R
  terminal->wait_for("an earlier message!");
  terminal->enter("");
  terminal->wait_for(" of 2048]");
  EXPECT_EQ(saved(*terminal)[2]["content"], "an earlier message!");
}

// All of it is written at each line.
TEST_F(ChatTerminal, LongMessagesAreNotInTheHistory) {
  write_model({.answer = {"Yes"}});
  const auto terminal = start();
  terminal->enter("short");
  terminal->wait_for(" of 2048]");
  terminal->press("\x1b[200~/long" + std::string(20000, 'x') + "\x1b[201~");
  terminal->enter("");
  terminal->wait_for("/help lists them");
  const std::string kept = read_file(folder_ / ".local/state/linnet/chat-history");
  EXPECT_THAT(kept, HasSubstr("short"));
  EXPECT_THAT(kept, testing::Not(HasSubstr("long")));
}

// A page of the cache holds 32 tokens, of which the last may be part of the next turn.
TEST_F(ChatTerminal, ATurnCostsItsNewTokensOnly) {
  write_model({.answer = {"Once", " upon", " a", " time"}});
  const auto terminal = start();
  int used = 0;
  for (int i = 0; i < 6; ++i) {
    terminal->enter("Tell me more of it, please, and then the rest.");
    const Turn turn = turn_of(terminal->wait_for(" of 2048]"));
    ASSERT_GE(turn.new_tokens, 0);
    EXPECT_GE(turn.cached_tokens, used / 32 * 32) << "turn " << i;
    EXPECT_LT(turn.new_tokens, 46 + 40 + 32) << "turn " << i;
    used = turn.used;
  }
  EXPECT_GT(used, 400);
  // The same prompt again: all of it was computed but for the last token, which must be.
  terminal->enter("/regen");
  const Turn again = turn_of(terminal->wait_for(" of 2048]"));
  EXPECT_LE(again.new_tokens, 32);
}

TEST_F(ChatTerminal, AnAnswerCannotSteerTheTerminal) {
  write_model({.answer = {"a\x1b[31m",
                          "\xc2\x9b"
                          "31m",
                          "b\x07"}});
  const auto terminal = start();
  terminal->enter("Go");
  EXPECT_THAT(terminal->wait_for(" of 2048]"), HasSubstr("a[31m31mb\r\n"));
}

TEST_F(ChatTerminal, EndsWhenTheWindowIsClosed) {
  write_model({.answer = {"on", " and", " "}, .endless = true, .context = 50000});
  const auto terminal = start();
  terminal->enter("Go");
  terminal->wait_for("on and on and on");
  terminal->hang_up();
  EXPECT_THAT(terminal->wait(), testing::AnyOf(1, 128 + SIGHUP));
}

}  // namespace
}  // namespace linnet
