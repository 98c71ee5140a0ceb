// `linnet chat` with standard input from a pipe, and what generate's samplers do to a text, on the
// bundled model.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <regex>

#include "support/bundled_model.hpp"
#include "support/scripted_model.hpp"

namespace linnet {
namespace {

using test::Arguments;
using test::chat_bundled;
using test::Ended;
using test::generate_bundled;
using test::joined;
using test::json_of;
using test::kBundledModel;
using test::run_program;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;

TEST(Chat, ALaterTurnReusesWhatWasComputed) {
  const Ended ended =
      chat_bundled("Who was it that spake in the garden?\nAnd what did he say?\n/exit\n");
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_FALSE(ended.out.empty());
  EXPECT_THAT(ended.err, ContainsRegex("prompt [0-9]+ new, 0 cached"));
  EXPECT_THAT(ended.err, ContainsRegex("prompt [0-9]+ new, [1-9][0-9]* cached"));
  EXPECT_THAT(ended.err, ContainsRegex("context [0-9]+ of [0-9]+"));
}

// The plain template has no markers between turns, and the model draws some words in other parts
// than the vocabulary would cut them.
TEST(Chat, ALaterTurnReusesWhatWasDrawnWithoutMarkers) {
  const Ended ended = run_program({"chat", "--gguf", kBundledModel.string(), "--chat-template",
                                   "plain", "-m", "600", "--ctx", "2048", "--seed", "0"},
                                  {.input = "Hello\nAnd\n"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  std::smatch second;
  ASSERT_TRUE(std::regex_search(ended.err, second,
                                std::regex("prompt 4 new[^]*prompt ([0-9]+) new, ([0-9]+) cached")))
      << ended.err;
  EXPECT_LT(std::stoi(second[1]), 40);
  EXPECT_GT(std::stoi(second[2]), 560);
}

// Whatever pages the cache has.
TEST(Chat, TheContextIsAsLongAsWasAskedFor) {
  const auto said = [](const char* tokens) {
    return run_program({"chat", "--gguf", kBundledModel.string(), "--chat-template", "plain",
                        "--ctx", "100", "--seed", "0", "-m", tokens},
                       {.input = "Hello\n"})
        .err;
  };
  EXPECT_THAT(said("90"), HasSubstr("of 100"));
  EXPECT_THAT(said("110"), HasSubstr("together more than the context of 100"));
}

// Each turn by itself, that took minutes, and no Ctrl-C ended it.
TEST(Chat, ALongConversationIsShortenedAtOnce) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "long.json").string();
  nlohmann::json messages;
  for (int i = 0; i < 4000; ++i) {
    std::string text = std::to_string(i);
    for (int k = 0; k < 30; ++k) text += " And God said unto Moses, go down.";
    messages.push_back({{"role", "user"}, {"content", text}});
    messages.push_back({{"role", "assistant"}, {"content", "And he went."}});
  }
  test::write_file(path, messages.dump());
  const auto start = std::chrono::steady_clock::now();
  const Ended ended = run_program({"chat", "--gguf", kBundledModel.string(), "--chat-template",
                                   "plain", "--ctx", "2048", "-m", "5", "--seed", "0"},
                                  {.input = "/load " + path + "\nHello\n"});
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_LT(time.count(), 60.0);
  // As few turns as leave a quarter of the context.
  std::smatch said;
  ASSERT_TRUE(std::regex_search(
      ended.err, said, std::regex("no longer sees the (39..) oldest turns; ([0-9]+) tokens")))
      << ended.err;
  const int shown = 4001 - std::stoi(said[1]), tokens = std::stoi(said[2]);
  EXPECT_LE(tokens, 2048 * 3 / 4);
  EXPECT_GT(tokens + tokens / (shown - 1), 2048 * 3 / 4) << "one more would not fit";
}

// It came with the prompt.
TEST(Chat, OneTokenHasNoRate) {
  const auto note_of = [](const char* tokens) {
    const Ended ended = run_program({"chat", "--gguf", kBundledModel.string(), "--chat-template",
                                     "plain", "--seed", "0", "-m", tokens},
                                    {.input = "Hello\n"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    return ended.err;
  };
  EXPECT_THAT(note_of("1"), HasSubstr("[1 token; prompt"));
  EXPECT_THAT(note_of("2"), ContainsRegex("\\[2 tokens, [0-9.]+ tokens/s; prompt"));
}

TEST(Chat, SaysTheSeedWithWhichItsAnswersComeAgain) {
  const auto said = [](const Arguments& more) {
    const Arguments arguments = {
        "chat",   "--chat-template",     "plain", "-m", "40", "--prompt", "And",
        "--gguf", kBundledModel.string()};
    return run_program(joined(arguments, more));
  };
  const auto seed_of = [](const Ended& ended) {
    std::smatch match;
    EXPECT_TRUE(std::regex_search(ended.err, match, std::regex("\nseed ([0-9]+)\n"))) << ended.err;
    return match[1].str();
  };
  const Ended first = said({}), other = said({"--seed", "-1"});
  EXPECT_NE(seed_of(first), seed_of(other));
  const Ended again = said({"--seed", seed_of(first)});
  EXPECT_EQ(seed_of(again), seed_of(first));
  EXPECT_EQ(again.out, first.out);
  EXPECT_THAT(said({"--temp", "0"}).err, HasSubstr("temperature 0\n"));
}

TEST(Chat, StandardInputGoesWithThePrompt) {
  const Ended ended = chat_bundled("some text\n", {"--prompt", "Summarise"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out, chat_bundled("", {"--prompt", "Summarise\n\nsome text\n"}).out);
}

// As at a terminal where the answers go through a pipe: there is no editor for the keys.
TEST(Chat, CtrlCEndsItWhileItWaitsForALine) {
  for (const Arguments& more : {Arguments{}, Arguments{"--prompt", "Hello"}}) {
    const test::TemporaryFolder folder;
    const std::string input = (folder / "input").string();
    ASSERT_EQ(mkfifo(input.c_str(), 0600), 0);
    const int writer = open(input.c_str(), O_RDWR | O_CLOEXEC);
    Arguments arguments = {"chat", "--gguf", kBundledModel.string(), "--chat-template", "plain",
                           "-m",   "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const std::string err = (folder / "err").string();
    test::Program program(arguments, {.error_path = err, .input_path = input});
    if (more.empty()) {
      ASSERT_EQ(write(writer, "Hello\n", 6), 6);
      while (test::read_file(err).find("; context ") == std::string::npos) usleep(10000);
    } else {
      usleep(500000);
    }
    program.signal(SIGINT);
    EXPECT_NE(program.wait().status, 0);
    close(writer);
  }
}

// What `linnet chat` does with a conversation that fills its context of 160 tokens.
class ChatOverflow : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(test::ScriptedModel({.answer = {"Yes", "."}}).write(folder_ / "model.gguf"));
  }
  Ended chat(const std::string& input, const Arguments& more) {
    const Arguments arguments = {"chat", "--gguf", (folder_ / "model.gguf").string(), "--ctx",
                                 "160"};
    return run_program(joined(arguments, more), {.input = input});
  }
  test::TemporaryFolder folder_;
};

// A turn takes 27 tokens of markers and roles, and its message.
constexpr const char* kThreeTurns =
    "one of the messages\ntwo of the messages\nthree of the messages\n";

TEST_F(ChatOverflow, DropsTheOldestTurnsAndSaysSo) {
  const auto file = (folder_ / "saved.json").string();
  const Ended ended = chat(kThreeTurns + ("/save " + file + "\n"), {"--system", "Be brief."});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out, "Yes.\nYes.\nYes.\n");
  EXPECT_THAT(ended.err,
              ContainsRegex("the conversation has 1[0-9]+ tokens and the answer may take "
                            "40, together more than the context of 160: the model no "
                            "longer sees the (2 oldest turns|oldest turn); [0-9]+ tokens"));
  const auto saved = nlohmann::json::parse(test::read_file(file), nullptr, false);
  EXPECT_EQ(saved.size(), 7u) << "what the model no longer sees is kept";
}

TEST_F(ChatOverflow, IsAnErrorWhereThatIsWanted) {
  const Ended ended = chat(kThreeTurns, {"--overflow", "error"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.out, testing::StartsWith("Yes.\nYes.\n"));
  EXPECT_THAT(ended.err, HasSubstr("more than the context of 160"));
}

TEST_F(ChatOverflow, NothingOfOneMessageIsDropped) {
  const std::string text(200, 'x');
  for (const Arguments& policy : {Arguments{}, Arguments{"--overflow", "drop-oldest"}}) {
    Arguments arguments = policy;
    arguments.insert(arguments.end(), {"--prompt", "Summarise"});
    const Ended ended = chat(text, arguments);
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, ContainsRegex("has 2[0-9]+ tokens and the answer may take 40"));
  }
}

TEST_F(ChatOverflow, AnAnswerThatFillsTheContextSaysSo) {
  ASSERT_TRUE(test::ScriptedModel({.answer = {"on", " and"}, .endless = true})
                  .write(folder_ / "model.gguf"));
  EXPECT_THAT(chat("Go\n", {}).err, HasSubstr("context 160 of 160; the context is full]"));
  EXPECT_THAT(chat("Go\n", {"-m", "5"}).err, HasSubstr("cut at -m]"));
}

TEST(Chat, ThinkingIsNotPartOfWhatGoesIntoAFile) {
  const test::TemporaryFolder folder;
  const auto model = folder / "model.gguf";
  ASSERT_TRUE(
      test::ScriptedModel({.answer = {"<think>", "hm", "</think>", "\n", "Yes"}}).write(model));
  const Ended ended = run_program({"chat", "--gguf", model.string(), "--prompt", "Is it?"});
  EXPECT_EQ(ended.out, "Yes\n") << ended.err;
}

// A template that says nothing where the model is to think, and ends its thinking where it is not.
class ChatThinking : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(test::ScriptedModel({.answer = {"Yes"}}).write(folder_ / "model.gguf"));
    const auto file = [](const char* variable) {
      return std::string(
                 "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
                 "{% endfor %}<|im_start|>assistant\n{% if ") +
             variable + " is defined and not " + variable + " %}<think>\n\n</think>\n\n{% endif %}";
    };
    for (const char* variable : {"enable_thinking", "thinking", "other"}) {
      test::write_file(folder_ / variable, file(variable));
    }
  }
  Ended chat(const char* chat_template, const std::string& input, const Arguments& more = {}) {
    return run_program(joined({"chat", "--gguf", (folder_ / "model.gguf").string(),
                               "--chat-template", (folder_ / chat_template).string()},
                              more),
                       {.input = input});
  }
  static int prompt_tokens(const Ended& ended) {
    std::smatch found;
    const std::regex prompt("prompt ([0-9]+) new");
    return std::regex_search(ended.err, found, prompt) ? std::stoi(found[1]) : -1;
  }
  test::TemporaryFolder folder_;
};

TEST_F(ChatThinking, IsSwitchedByWhatTheTemplateReads) {
  for (const char* variable : {"enable_thinking", "thinking"}) {
    const int usual = prompt_tokens(chat(variable, "Hello\n"));
    ASSERT_GT(usual, 0);
    const Ended off = chat(variable, "Hello\n", {"--think", "off"});
    EXPECT_EQ(off.status, 0) << off.err;
    EXPECT_EQ(off.out, "Yes\n");
    EXPECT_GT(prompt_tokens(off), usual);
    EXPECT_EQ(prompt_tokens(chat(variable, "/think off\nHello\n")), prompt_tokens(off));
    EXPECT_EQ(prompt_tokens(chat(variable, "/think on\nHello\n", {"--think", "off"})), usual);
  }
}

TEST_F(ChatThinking, ATemplateWithoutASwitchIsSaid) {
  const Ended option = chat("other", "Hello\n", {"--think", "off"});
  EXPECT_EQ(option.status, 1);
  EXPECT_EQ(option.out, "");
  EXPECT_THAT(option.err, HasSubstr("--think: the chat template knows no switch for thinking"));
  const Ended command = chat("other", "/think off\n");
  EXPECT_EQ(command.status, 1);
  EXPECT_THAT(command.err, HasSubstr("linnet: the chat template knows no switch for thinking"));
  EXPECT_THAT(chat("thinking", "/think maybe\n").err, HasSubstr("/think needs on or off"));
}

TEST(Chat, TheBundledModelContinuesTexts) {
  const Ended ended =
      run_program({"chat", "-m", "8", "--seed", "0"}, {.input = "In the beginning\n"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("the bundled model only continues texts"));
  EXPECT_FALSE(ended.out.empty());
}

TEST(Chat, ATemplateOfAnotherModelIsNoticed) {
  const Ended ended = chat_bundled("/exit\n");
  EXPECT_THAT(ended.err, HasSubstr("the chat template writes <|im_start|>, <|im_end|>, which the "
                                   "model has no token for"));
}

// The bundled model would think without end.
TEST(Chat, ThinkingEndsWhereItsBudgetDoes) {
  const auto say = [](const Arguments& more) {
    return run_program(joined({"chat", "--gguf", kBundledModel.string(), "--chat-template",
                               test::in_repository("tests/serve/thinking.jinja"), "--think", "on",
                               "-m", "40", "--temp", "0"},
                              more),
                       {.input = "Who?\n"});
  };
  EXPECT_EQ(say({}).out, "\n");  // thinking is not part of what goes into a pipe
  const Ended ended = say({"--reasoning-budget", "8"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_GT(ended.out.size(), 8u) << ended.out;
}

TEST(Chat, NeedsATemplate) {
  const Ended ended = run_program({"chat", "--gguf", kBundledModel.string()}, {.input = "hello\n"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("the file has no chat template; --chat-template names"));
}

TEST(Chat, AnUnknownCommandIsNamed) {
  const Ended ended = chat_bundled("/nonsense\n");
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, EndsWith("linnet: there is no command /nonsense; /help lists them\n"));
}

TEST(Chat, TwoSlashesBeginAMessageWithOne) {
  const test::TemporaryFolder folder;
  const std::string file = (folder / "said.json").string();
  const Ended ended = chat_bundled("//usr/bin\n/save " + file + "\n");
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(test::read_file(file), HasSubstr("\"/usr/bin\""));
}

TEST(Chat, LinesMayEndAsOnWindows) {
  const Ended ended = chat_bundled("/params temp 0.5\r\nHello\r\n/stats\r\n/exit\r\n");
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("turns: 1\n"));
}

TEST(Chat, AMessageThatIsNoTextIsNotSent) {
  for (const std::string& message : {std::string("a\0b\n", 4), std::string("caf\xc3\n")}) {
    const Ended ended = chat_bundled(message);
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, EndsWith("linnet: the message is no text in UTF-8\n"));
  }
}

TEST(Chat, AFileThatIsNoTextIsNotSent) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "noise.bin").string();
  test::write_file(path, "\xff\xfe\x80");
  const Ended ended = chat_bundled("/file " + path + "\n");
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr(path + " is not a text in UTF-8"));
}

nlohmann::json generated(const Arguments& more) {
  return json_of(run_program(generate_bundled(joined({"--json"}, more))));
}

TEST(GenerateOptions, AStopStringEndsTheTextAndIsNotShown) {
  const auto whole = generated({"-m", "20"})["text"].get<std::string>();
  const auto cut = generated({"-m", "20", "--stop", whole.substr(9, 7)});
  EXPECT_EQ(cut["text"], whole.substr(0, whole.find(whole.substr(9, 7))));
  EXPECT_EQ(cut["finish_reason"], "stop");
}

TEST(GenerateOptions, AGrammarIsFollowed) {
  const auto answer = generated({"-m", "20", "--grammar", "root ::= \"yes\" | \"no\""});
  EXPECT_THAT(answer["text"].get<std::string>(), testing::AnyOf("yes", "no"));
  EXPECT_EQ(answer["finish_reason"], "stop");
}

TEST(GenerateOptions, ARegularExpressionIsFollowed) {
  const auto answer =
      generated({"-m", "60", "--temp", "1", "--seed", "0", "--regex", "[0-9]{4}-[0-9]{2}"});
  EXPECT_THAT(answer["text"].get<std::string>(), testing::MatchesRegex("[0-9]{4}-[0-9]{2}"));
  const Ended wrong = run_program({"generate", "--regex", "a(b"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("--regex: "));
}

TEST(GenerateOptions, LogprobsAreThoseOfTheModelWhateverIsDrawn) {
  const auto greedy = generated({"-m", "5", "--logprobs", "3"});
  ASSERT_EQ(greedy["logprobs"].size(), 5u) << greedy;
  for (std::size_t i = 0; i < 5; ++i) {
    const auto& entry = greedy["logprobs"][i];
    EXPECT_EQ(entry["token"], greedy["tokens"][i]);
    ASSERT_EQ(entry["top"].size(), 3u);
    EXPECT_EQ(entry["top"][0]["token"], entry["token"]);
    EXPECT_EQ(entry["top"][0]["logprob"], entry["logprob"]);
    EXPECT_GT(entry["top"][0]["logprob"], entry["top"][1]["logprob"]);
    EXPECT_LT(entry["logprob"], 0.0);
  }
  const auto second = std::to_string(greedy["logprobs"][0]["top"][1]["token"].get<int>());
  const auto forced = generated({"-m", "1", "--logprobs", "3", "--logit-bias", second + "=1000"});
  EXPECT_EQ(forced["logprobs"][0]["top"], greedy["logprobs"][0]["top"]);
  EXPECT_EQ(forced["logprobs"][0]["logprob"], greedy["logprobs"][0]["top"][1]["logprob"]);
}

TEST(GenerateOptions, ASchemaIsFollowed) {
  const auto answer = generated(
      {"-m", "60", "--temp", "1", "--seed", "0", "--json-schema",
       R"({"type":"object","properties":{"a":{"enum":[1,2]},"b":{"type":"boolean"}},"required":["a","b"]})"});
  const auto object = nlohmann::json::parse(answer["text"].get<std::string>(), nullptr, false);
  ASSERT_TRUE(object.is_object()) << answer;
  EXPECT_TRUE(object["a"] == 1 || object["a"] == 2);
  EXPECT_TRUE(object["b"].is_boolean());
}

}  // namespace
}  // namespace linnet
