// `linnet generate` as a user runs it, on the bundled model.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/bundled_model.hpp"
#include "support/resource_limit.hpp"
#include "support/scripted_model.hpp"
#include "support/terminal.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;
using test::Arguments;
using test::Ended;
using test::generate_bundled;
using test::json_of;
using test::kBundledModel;
using test::Program;
using test::run_program;
using test::ScriptedModel;
using test::TemporaryFolder;
using test::Terminal;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Generate, WritesTextToStdoutAndTheReportToStderr) {
  const Ended text = run_program(generate_bundled({"-m", "12"}));
  ASSERT_EQ(text.status, 0) << text.err;
  const Ended object = run_program(generate_bundled({"-m", "12", "--json"}));
  ASSERT_EQ(object.status, 0) << object.err;
  const auto json = json_of(object);
  EXPECT_EQ(text.out, json["text"].get<std::string>() + "\n");
  EXPECT_FALSE(json["text"].get<std::string>().empty());
  EXPECT_THAT(text.err, HasSubstr("llama"));
  EXPECT_THAT(text.err, ContainsRegex("==========\nPrompt: [0-9]+ tokens, [0-9.]+ tokens-per-sec\n"
                                      "Generation: 12 tokens, [0-9.]+ tokens-per-sec\n"));
  EXPECT_THAT(text.err, ContainsRegex("Time to first token: [0-9.]+ s\n"));
  EXPECT_THAT(text.err, ContainsRegex("Peak memory: [0-9.]+ MiB\n"));
}

TEST(Generate, JsonIsOneObject) {
  const Ended ended = run_program(generate_bundled({"-m", "5", "--json", "--ignore-eos"}));
  ASSERT_EQ(ended.status, 0) << ended.err;
  const auto json = json_of(ended);
  ASSERT_TRUE(json.is_object()) << ended.out;
  EXPECT_EQ(json["tokens"].size(), 5u);
  EXPECT_EQ(json["prompt_tokens"][0], 1);  // BOS, which the model asks for
  EXPECT_EQ(json["finish_reason"], "length");
  EXPECT_GT(json["timings"]["generation_tokens_per_second"], 0.0);
  EXPECT_EQ(std::count(ended.out.begin(), ended.out.end(), '\n'), 1);
  EXPECT_THAT(ended.err, Not(HasSubstr("==========")));
}

TEST(Generate, OneTokenHasNoRate) {
  const Ended text = run_program(generate_bundled({"-m", "1"}));
  EXPECT_THAT(text.err, HasSubstr("\nGeneration: 1 token, which came with the prompt\n"));
  const auto timings = json_of(run_program(generate_bundled({"-m", "1", "--json"})))["timings"];
  EXPECT_TRUE(timings["generation_tokens_per_second"].is_null()) << timings;
  EXPECT_GT(timings["time_to_first_token_s"], 0.0);
}

TEST(Generate, RunsTheBundledModelByDefault) {
  const Ended ended = run_program({"generate", "-m", "3"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_GT(ended.out.size(), 1u);
}

TEST(Generate, ReadsAPromptFromStandardInput) {
  const Ended ended =
      run_program({"generate", "-m", "3", "--prompt-file", "-"}, {.input = "In the beginning"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out, run_program({"generate", "-m", "3", "--prompt", "In the beginning"}).out);
}

TEST(Generate, WhatIsPipedInIsThePrompt) {
  const auto prompt_of = [](const Arguments& more, const test::Streams& streams) {
    const Ended ended = run_program(test::joined({"generate", "-m", "1", "--json"}, more), streams);
    EXPECT_EQ(ended.status, 0) << ended.err;
    return json_of(ended)["prompt_tokens"];
  };
  const auto named = prompt_of({"--prompt", "Let there be"}, {});
  const auto standard = prompt_of({}, {.input_path = "/dev/null"});
  EXPECT_EQ(prompt_of({}, {.input = "Let there be"}), named);
  EXPECT_EQ(prompt_of({}, {.input = "Let there be\n"}), named) << "as echo writes it";
  EXPECT_EQ(prompt_of({"--prompt", "Let there be"}, {.input = "And"}), named);
  EXPECT_EQ(prompt_of({}, {.input = ""}), standard);
  EXPECT_NE(standard, named);
}

TEST(Generate, OneNewlineAtTheEndOfAFileIsNoPartOfThePrompt) {
  const TemporaryFolder folder;
  const auto prompt_of = [&](const std::string& text) {
    test::write_file(folder / "prompt", text);
    return json_of(run_program(generate_bundled(
        {"-m", "1", "--json", "--prompt-file", (folder / "prompt").string()})))["prompt_tokens"];
  };
  const auto plain = prompt_of("Let there be");
  EXPECT_EQ(prompt_of("Let there be\n"), plain);
  EXPECT_EQ(prompt_of("Let there be\r\n"), plain);
  EXPECT_NE(prompt_of("Let there be\n\n"), plain);
  EXPECT_NE(prompt_of("Let there be\r"), plain);
  EXPECT_EQ(prompt_of("\n"), prompt_of("")) << "an empty file is an empty prompt";
}

// It would seem to hang.
TEST(Generate, SaysThatItWaitsForAPrompt) {
  const TemporaryFolder folder;
  const std::string input = (folder / "input").string(), err = (folder / "err").string();
  ASSERT_EQ(mkfifo(input.c_str(), 0600), 0);
  const int writer = open(input.c_str(), O_RDWR | O_CLOEXEC);
  Program program({"generate", "-m", "1", "--json"}, {.error_path = err, .input_path = input});
  for (int i = 0; i < 600 && test::read_file(err).empty(); ++i) usleep(100000);
  EXPECT_EQ(test::read_file(err), "linnet: waiting for the prompt on standard input\n");
  sleep(1);
  ASSERT_EQ(write(writer, "And", 3), 3);
  close(writer);
  const auto json = json_of(program.wait());
  ASSERT_TRUE(json.is_object());
  EXPECT_LT(json["timings"]["load_s"], 2.0) << "the model does not take as long as who types";
}

// A text that is not complete under its grammar has not ended well.
TEST(Generate, ATextThatCanNotGoOnIsAnError) {
  const auto held_to = [](const char* grammar) {
    return run_program(generate_bundled({"--grammar", grammar, "--min-tokens", "8"}));
  };
  // Token 2 is the end of a text, which --min-tokens bans.
  const Ended stuck = held_to("root ::= \"=\" <[2]> \"b\"");
  EXPECT_EQ(stuck.status, 1);
  EXPECT_EQ(stuck.out, "=\n");
  EXPECT_THAT(stuck.err, HasSubstr("the answer can't go on after token 1: its grammar asks"));
  const Ended complete = held_to("root ::= \"=\"");
  EXPECT_EQ(complete.status, 0) << complete.err;
  EXPECT_EQ(complete.out, "=\n");
}

TEST(Generate, AGrammarThatAllowsNothingIsAnErrorThatNamesTheOption) {
  for (const auto& [option, value] :
       {std::pair{"--json-schema", R"({"enum": []})"}, std::pair{"--grammar", "root ::= root"}}) {
    const Ended ended = run_program(generate_bundled({option, value}));
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.err, std::string("linnet: ") + option + ": the grammar matches no text\n");
  }
}

// As editors on Windows write it.
TEST(Generate, AByteOrderMarkIsNoPartOfATextFile) {
  const test::TemporaryFolder folder;
  const auto write = [&](const std::string& name, const std::string& text) {
    test::write_file(folder / name, "\xEF\xBB\xBF" + text);
    return (folder / name).string();
  };
  const auto prompt = write("prompt.txt", "In the beginning");
  const auto grammar = write("grammar.gbnf", "root ::= \"a\"");
  const Ended ended =
      run_program(test::joined({"generate", "--prompt-file", prompt, "-m", "4"}, {"--json"}));
  EXPECT_EQ(json_of(ended)["prompt_tokens"],
            json_of(run_program(generate_bundled(
                {"--prompt", "In the beginning", "-m", "4", "--json"})))["prompt_tokens"]);
  EXPECT_EQ(run_program(generate_bundled({"--grammar", grammar})).out, "a\n");
  const Ended lines = run_program({"tokenize", "--gguf", test::kBundledModel.string(), "--jsonl"},
                                  {.input = "\xEF\xBB\xBF\"a\"\n"});
  EXPECT_EQ(lines.status, 0) << lines.err;
}

TEST(Generate, MinusOneTokensFillTheContext) {
  const auto answer = json_of(run_program(
      generate_bundled({"-m", "-1", "--ctx", "64", "--ignore-eos", "--prompt", "And", "--json"})));
  EXPECT_EQ(answer["prompt_tokens"].size() + answer["tokens"].size(), 64u);
}

TEST(Generate, TheSeedAloneDecidesTheText) {
  const auto text = [](const char* threads, const char* seed) {
    return run_program(generate_bundled({"-m", "60", "--temp", "0.8", "--seed", seed, "--threads",
                                         threads, "--ignore-eos"}))
        .out;
  };
  const std::string first = text("1", "7");
  EXPECT_GT(first.size(), 60u);
  EXPECT_EQ(text("1", "7"), first);
  EXPECT_EQ(text("2", "7"), first);
  EXPECT_NE(text("1", "8"), first);
}

TEST(Generate, TheReferenceBackendAgrees) {
  const Ended fast = run_program(generate_bundled({"-m", "8", "--kv-type", "f32"}));
  const Ended plain =
      run_program(generate_bundled({"-m", "8", "--kv-type", "f32", "--backend", "reference"}));
  ASSERT_EQ(plain.status, 0) << plain.err;
  EXPECT_EQ(fast.out, plain.out);
}

TEST(Generate, TheGpuWritesWhatTheCpuWritesOrTheProgramSaysWhyThereIsNone) {
  const Ended cpu =
      run_program(generate_bundled({"-m", "8", "--kv-type", "f32", "--device", "cpu"}));
  const Ended gpu =
      run_program(generate_bundled({"-m", "8", "--kv-type", "f32", "--device", "cuda"}));
  if (gpu.status == 0) {
    EXPECT_EQ(gpu.out, cpu.out);
    return;
  }
  EXPECT_EQ(gpu.status, 1);
  EXPECT_THAT(gpu.err, testing::ContainsRegex("no NVIDIA GPU can be used|built without CUDA"));
  EXPECT_EQ(gpu.out, "");
}

TEST(Generate, SaysWhatTheCpuKeepsNoKeysIn) {
  const Ended ended = run_program(generate_bundled({"-m", "8", "--kv-type", "f8_e4m3"}));
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, testing::HasSubstr("no keys and values in f8_e4m3"));
  EXPECT_EQ(ended.out, "");
}

TEST(Generate, AutoSaysWhichDeviceItIs) {
  const Ended chosen =
      run_program(generate_bundled({"-m", "8", "--kv-type", "f32", "--device", "auto"}));
  ASSERT_EQ(chosen.status, 0) << chosen.err;
  EXPECT_THAT(chosen.err, testing::ContainsRegex("device:  (cuda|cpu, because .+)\n"));
  EXPECT_EQ(chosen.out, run_program(generate_bundled({"-m", "8", "--kv-type", "f32"})).out);
}

TEST(Generate, ReadsThePromptFromAFile) {
  const TemporaryFolder folder;
  const std::string prompt = "And God said,\nLet there be";
  test::write_file(folder / "prompt", prompt);
  const Ended from_file = run_program(
      generate_bundled({"-m", "5", "--json", "--prompt-file", (folder / "prompt").string()}));
  ASSERT_EQ(from_file.status, 0) << from_file.err;
  const Ended from_argument =
      run_program(generate_bundled({"-m", "5", "--json", "--prompt", prompt}));
  EXPECT_EQ(json_of(from_file)["prompt_tokens"], json_of(from_argument)["prompt_tokens"]);
  EXPECT_EQ(json_of(from_file)["text"], json_of(from_argument)["text"]);
}

TEST(Generate, StopsAtAnEndToken) {
  // Whatever the model draws first is made its end token.
  const auto first = json_of(run_program(generate_bundled({"-m", "1", "--json"})))["tokens"][0];
  const TemporaryFolder folder;
  const auto model = folder / "m.gguf";
  ASSERT_TRUE(test::ModelCopy()
                  .set("tokenizer.ggml.eos_token_id", gguf::ValueType::kUint32, first)
                  .write(model));
  const Ended stopped = run_program({"generate", "--gguf", model.string(), "-m", "5"});
  EXPECT_EQ(stopped.status, 0);
  EXPECT_EQ(stopped.out, "\n");
  EXPECT_THAT(stopped.err, HasSubstr("No tokens generated for this prompt\n"));
  const Ended object = run_program({"generate", "--gguf", model.string(), "-m", "5", "--json"});
  EXPECT_EQ(json_of(object)["finish_reason"], "stop");
  const Ended ignored =
      run_program({"generate", "--gguf", model.string(), "-m", "5", "--json", "--ignore-eos"});
  EXPECT_EQ(json_of(ignored)["tokens"].size(), 5u);
}

TEST(Generate, RefusesMoreThanTheContextBeforeAnyWork) {
  const Ended ended = run_program(generate_bundled({"-m", "100", "--ctx", "50"}));
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err,
              testing::MatchesRegex("linnet: the prompt has [0-9]+ tokens and 100 are to be "
                                    "generated, together [0-9]+, but the context holds 50\n"));
}

TEST(Generate, WhatCannotFitIsNotEvenEncoded) {
  const test::TemporaryFolder folder;
  const auto file = folder / "long.txt";
  test::write_file(file, std::string(1 << 20, 'a'));
  const Ended ended = run_program(generate_bundled({"--prompt-file", file.string()}));
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err,
              testing::MatchesRegex(
                  "linnet: the prompt has at least [0-9]+ tokens, but the context holds 512\n"));
}

TEST(Generate, TheModelMustFitTheMemory) {
  const Ended refused = run_program(generate_bundled({"-m", "3", "--ctx", "1073741824"}));
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(
      refused.err,
      ContainsRegex("needs [0-9]+ MiB of memory \\(3 for the weights, .*, plus a reserve\\), "
                    "but [0-9]+ MiB are available"));
  EXPECT_THAT(refused.err, HasSubstr("--force"));
  const Ended forced = run_program(generate_bundled({"-m", "3", "--ctx", "1073741824", "--force"}));
  EXPECT_EQ(forced.status, 0) << forced.err;
}

TEST(Generate, OpensASplitModelByItsFirstPart) {
  const TemporaryFolder folder;
  const auto whole = gguf::File::open(kBundledModel);
  ASSERT_TRUE(whole);
  const auto path = [&](int part) {
    return folder / ("m-0000" + std::to_string(part) + "-of-00002.gguf");
  };
  for (int part = 1; part <= 2; ++part) {
    test::ModelCopy copy;
    copy.set("split.no", gguf::ValueType::kUint16, part - 1)
        .set("split.count", gguf::ValueType::kUint16, 2)
        .set("split.tensors.count", gguf::ValueType::kInt32, std::ssize(whole->tensors()));
    for (std::size_t i = 0; i < whole->tensors().size(); ++i) {
      if ((i < 10) != (part == 1)) copy.drop_tensor(std::string(whole->tensors()[i].name));
    }
    ASSERT_TRUE(copy.write(path(part)));
  }
  const Ended split = run_program({"generate", "--gguf", path(1).string(), "-m", "8"});
  ASSERT_EQ(split.status, 0) << split.err;
  EXPECT_EQ(split.out, run_program(generate_bundled({"-m", "8"})).out);
  const Ended second = run_program({"generate", "--gguf", path(2).string(), "-m", "8"});
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.err, HasSubstr("is part 2 of 2 of a split file; open the first part"));
  fs::remove(path(2));
  const Ended incomplete = run_program({"generate", "--gguf", path(1).string(), "-m", "8"});
  EXPECT_EQ(incomplete.status, 1);
  EXPECT_THAT(incomplete.err, HasSubstr("m-00002-of-00002.gguf: there is no such file"));
}

// More text than its pipe holds, so that it is still at work when something happens to it.
const Arguments kLong = {"-m", "4000", "--ctx", "5000", "--ignore-eos"};
const test::Streams kSmallPipe = {.pipe_bytes = 4096};

TEST(Generate, EndsCleanlyWhenInterrupted) {
  for (const int number : {SIGINT, SIGTERM}) {
    Program program(generate_bundled(kLong), kSmallPipe);
    const std::string beginning = program.read_some();
    ASSERT_FALSE(beginning.empty());
    program.signal(number);
    const Ended ended = program.wait();
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("==========\nPrompt: "));
    EXPECT_THAT(ended.err, Not(HasSubstr("Generation: 4000 tokens")));
    EXPECT_TRUE(ended.out.ends_with("\n"));
  }
}

// Before the first token there is nothing to report. Here it waits for somebody who writes a
// prompt.
TEST(Generate, EndsAtOnceWhenInterruptedWhileItLoads) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "prompt").c_str(), 0600), 0);
  Program program({"generate", "--prompt-file", (folder / "prompt").string()});
  usleep(100000);
  program.signal(SIGINT);
  EXPECT_EQ(program.wait().status, 128 + SIGINT);
}

TEST(Generate, AnInterruptedObjectIsStillOne) {
  // The tokens take long enough; the signal comes when the model is loaded.
  const TemporaryFolder folder;
  const std::string err = (folder / "err").string();
  Program program(generate_bundled({"-m", "20000", "--ctx", "30000", "--ignore-eos", "--json"}),
                  {.error_path = err});
  for (int i = 0; i < 600 && test::read_file(err).find("loaded:") == std::string::npos; ++i) {
    usleep(100000);
  }
  program.signal(SIGINT);
  const Ended ended = program.wait();
  EXPECT_EQ(ended.status, 0);
  const auto json = json_of(ended);
  ASSERT_TRUE(json.is_object()) << ended.out;
  EXPECT_EQ(json["finish_reason"], "cancel");
  EXPECT_LT(json["tokens"].size(), 20000u);
}

TEST(Generate, EndsWhenNobodyReadsItsOutput) {
  Program program(generate_bundled(kLong), kSmallPipe);
  ASSERT_FALSE(program.read_some().empty());
  program.close_output();
  const Ended ended = program.wait();
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("linnet: standard output cannot be written: Broken pipe\n"));
}

TEST(Generate, AFullDiskIsAnError) {
  for (const Arguments& arguments : {Arguments{"-m", "5"}, Arguments{"-m", "5", "--json"}}) {
    const Ended ended = run_program(generate_bundled(arguments), {.output_path = "/dev/full"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err,
                HasSubstr("linnet: standard output cannot be written: No space left on device\n"));
  }
}

TEST(Generate, ATextCannotSteerTheTerminal) {
  const TemporaryFolder folder;
  const ScriptedModel model{.answer = {"a\x1b[31m",
                                       "\xc2\x9b"
                                       "31m",
                                       "b\x07"}};
  const Status written = model.write(folder / "model.gguf");
  ASSERT_TRUE(written) << written.error().message;
  const Arguments arguments = {"generate", "--gguf", (folder / "model.gguf").string(), "--prompt",
                               "\n"};
  EXPECT_EQ(run_program(arguments).out,
            "a\x1b[31m\xc2\x9b"
            "31mb\x07\n");
  Terminal terminal(arguments, {});
  EXPECT_THAT(terminal.wait_for("=========="), HasSubstr("a[31m31mb\r\n"));
}

TEST(Generate, MetadataCanBeOverridden) {
  const auto text = [](const char* by) {
    const Ended ended = run_program(generate_bundled({"-m", "20", "--override-kv", by}));
    EXPECT_EQ(ended.status, 0) << ended.err;
    return ended.out;
  };
  const std::string plain = run_program(generate_bundled({"-m", "20"})).out;
  EXPECT_EQ(text("general.name=str:Another"), plain);
  EXPECT_NE(text("llama.rope.freq_base=float:300"), plain);
  const Ended scaled = run_program(generate_bundled(
      {"-m", "700", "--ignore-eos", "--override-kv", "llama.rope.scaling.type=str:yarn",
       "--override-kv", "llama.rope.scaling.factor=float:4", "--override-kv",
       "llama.rope.scaling.original_context_length=int:512", "--override-kv",
       "llama.context_length=int:2048"}));
  EXPECT_EQ(scaled.status, 0) << scaled.err;
  EXPECT_THAT(scaled.err, HasSubstr("context of 2048 tokens"));
  for (const auto& [by, problem] :
       {std::pair{"llama.rope.freq_base=str:much", "is of type float32, which string can't"},
        std::pair{"qwen3.rope.freq_base=float:1", "a new one begins with llama., general."},
        std::pair{"llama.block_count=int:-1", "llama.block_count"}}) {
    const Ended wrong = run_program(generate_bundled({"--override-kv", by}));
    EXPECT_EQ(wrong.status, 1) << by;
    EXPECT_THAT(wrong.err, HasSubstr(problem));
  }
}

// No model here was trained for it: what counts is that the suffix is read, behind these tokens.
TEST(Generate, FillsAHole) {
  const auto with = [](const test::Arguments& more) {
    return run_program(
        test::joined(generate_bundled({"--prompt", "In the", "-m", "8", "--override-kv",
                                       "tokenizer.ggml.fim_pre_token_id=int:1000", "--override-kv",
                                       "tokenizer.ggml.fim_suf_token_id=int:1001", "--override-kv",
                                       "tokenizer.ggml.fim_mid_token_id=int:1002", "--json"}),
                     more));
  };
  const auto one = test::json_of(with({"--suffix", "God"}));
  const auto other = test::json_of(with({"--suffix", "God created the heaven"}));
  EXPECT_GT(other["prompt_tokens"].size(), one["prompt_tokens"].size()) << one;
  const Ended none = run_program(generate_bundled({"--prompt", "In the", "--suffix", "God"}));
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("--suffix: the model has no tokens for filling in"));
}

// Not that of the program which started it, which the kernel would count, too.
TEST(Generate, PeakMemoryIsItsOwn) {
  if (test::kHasSanitizer) GTEST_SKIP() << "a sanitizer takes more";
  const std::vector<char> of_the_test(std::size_t{300} << 20, 1);
  const auto json = test::json_of(run_program(generate_bundled({"-m", "3", "--json"})));
  EXPECT_LT(json["timings"]["peak_memory_bytes"], of_the_test.size());
}

TEST(Generate, LivesWithClosedStreams) {
  EXPECT_EQ(run_program(generate_bundled({"-m", "2"}), {.closed = {1}}).status, 1);
  const Ended silent = run_program(generate_bundled({"-m", "2"}), {.closed = {0, 2}});
  EXPECT_EQ(silent.status, 0);
  EXPECT_GT(silent.out.size(), 1u);
  EXPECT_EQ(run_program(generate_bundled({"-m", "2"}), {.closed = {0, 1, 2}}).status, 1);
  EXPECT_EQ(run_program(generate_bundled({"-m", "2"}), {.error_path = "/dev/full"}).status, 0);
}

class ChangedModel : public testing::Test {
 protected:
  ChangedModel() { fs::copy_file(kBundledModel, model_); }
  // Changes the model while the program is at work, lets it go on for a while and stops it.
  Ended change(const std::function<void()>& change_file) {
    Arguments arguments = {"generate", "--gguf", model_.string()};
    arguments.insert(arguments.end(), kLong.begin(), kLong.end());
    Program program(arguments, kSmallPipe);
    EXPECT_FALSE(program.read_some().empty());
    change_file();
    program.read_some();  // makes room in the pipe; empty if the program has ended already
    program.signal(SIGINT);
    return program.wait();
  }
  TemporaryFolder folder_;
  const fs::path model_ = folder_ / "model.gguf";
};

TEST_F(ChangedModel, IsNoticed) {
  const Ended ended = change(
      [&] { fs::last_write_time(model_, fs::last_write_time(model_) + std::chrono::seconds(1)); });
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr(model_.string() + ": was changed while it was in use"));
}

TEST_F(ChangedModel, IsNoticedWhenCut) {
  const Ended ended = change([&] { fs::resize_file(model_, 1000); });
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, testing::AnyOf(HasSubstr("was changed while it was in use"),
                                        HasSubstr("a file was cut or became unreadable")));
}

}  // namespace
}  // namespace linnet
