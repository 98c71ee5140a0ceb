// `linnet inspect` and `linnet tokenize` as a user runs them.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/printable.hpp"
#include "support/background_program.hpp"
#include "support/gguf_bytes.hpp"
#include "support/model_copy.hpp"
#include "support/run_program.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::kBundledModel;
using test::run_program;
using testing::HasSubstr;

const std::string kModel = kBundledModel.string();

TEST(Inspect, ShowsMetadataAndTensors) {
  const Ended ended = run_program({"inspect", "--gguf", kModel});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out, HasSubstr("general.architecture"));
  EXPECT_THAT(ended.out, HasSubstr("token_embd.weight"));
  EXPECT_THAT(ended.out, HasSubstr("\"count\":2048"));
}

TEST(Inspect, JsonIsOneObject) {
  const Ended ended = run_program({"inspect", "--gguf", kModel, "--json"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const auto json = nlohmann::json::parse(ended.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << ended.out;
  EXPECT_EQ(json["version"], 3);
  EXPECT_EQ(json["size_bytes"], std::filesystem::file_size(kBundledModel));
  EXPECT_EQ(json["metadata"]["general.architecture"], "llama");
  EXPECT_EQ(json["metadata"]["tokenizer.ggml.tokens"]["count"], 2048);
  EXPECT_EQ(json["tensors"][0]["name"], "token_embd.weight");
}

TEST(Inspect, NoticesThatTheFileIsCutWhileItsValuesArePrinted) {
  const test::TemporaryFolder folder;
  const auto model = folder / "model.gguf";
  std::filesystem::copy_file(kBundledModel, model);
  test::Program program({"inspect", "--gguf", model.string(), "--tensor", "token_embd.weight"},
                        {.pipe_bytes = 4096});
  EXPECT_FALSE(program.read_some().empty());
  std::filesystem::resize_file(model, 1000);
  while (!program.read_some().empty()) {
  }
  const Ended ended = program.wait();
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("was changed while it was in use"));
}

TEST(Inspect, ShowsEveryValueType) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "a.gguf").string();
  test::write_file(path, test::GgufBytes()
                             .value("u64", gguf::ValueType::kUint64, ~std::uint64_t{0})
                             .value("i64", gguf::ValueType::kInt64, INT64_MIN)
                             .value("yes", gguf::ValueType::kBool, std::uint8_t{1})
                             .value("half", gguf::ValueType::kFloat32, 0.5f)
                             .text("bad", "\xff\x1b[2J")
                             .raw_array("flags", 7, 2, std::string_view("\1\0", 2))
                             .raw_array("u64s", 10, 1, test::packed(~std::uint64_t{0}))
                             .bytes());
  const Ended ended = run_program({"inspect", "--gguf", path, "--json"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const auto metadata = nlohmann::json::parse(ended.out, nullptr, false)["metadata"];
  EXPECT_EQ(metadata["u64"], ~std::uint64_t{0});
  EXPECT_EQ(metadata["i64"], INT64_MIN);
  EXPECT_EQ(metadata["yes"], true);
  EXPECT_EQ(metadata["half"], 0.5);
  EXPECT_EQ(metadata["flags"], nlohmann::json({true, false}));
  EXPECT_EQ(metadata["u64s"][0], ~std::uint64_t{0});
}

TEST(Inspect, CannotSteerTheTerminal) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "a.gguf").string();
  const std::string hostile = "\xff\x1b[2J\x7f\xc2\x9b\n";
  test::write_file(path, test::GgufBytes()
                             .text("text", hostile)
                             .raw_array("texts", 8, 1, test::packed_string(hostile))
                             .bytes());
  const Ended people = run_program({"inspect", "--gguf", path});
  EXPECT_THAT(people.out, testing::HasSubstr("\\u001b[2J??\\n\"\n"));
  const Ended program = run_program({"inspect", "--gguf", path, "--json"});
  const auto metadata = nlohmann::json::parse(program.out, nullptr, false)["metadata"];
  EXPECT_EQ(metadata["text"], "\xef\xbf\xbd\x1b[2J\x7f\xc2\x9b\n");
  for (const Ended& ended : {people, program}) {
    EXPECT_EQ(ended.status, 0) << ended.err;
    std::string one_line = ended.out;
    std::ranges::replace(one_line, '\n', '?');
    EXPECT_EQ(printable(ended.out), one_line);
  }
}

TEST(Inspect, SaysWhatTheTensorsAreTogether) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "a.gguf").string();
  test::GgufBytes file;
  file.tensor("a", {32, 2}, /*F16=*/1, 0).tensor("b", {32}, /*Q8_0=*/8, 128);
  test::write_file(path, file.bytes(192));
  const Ended people = run_program({"inspect", "--gguf", path});
  EXPECT_THAT(people.out, testing::EndsWith("\n\n1 F16, 1 Q8_0; 96 values, 13.50 bits a value\n"));
  const Ended program = run_program({"inspect", "--gguf", path, "--json"});
  const auto json = nlohmann::json::parse(program.out, nullptr, false);
  EXPECT_EQ(json["values"], 96);
  EXPECT_EQ(json["bits_per_value"], 13.5);
  EXPECT_EQ(json["types"], nlohmann::json({{"F16", 1}, {"Q8_0", 1}}));
  EXPECT_EQ(json["tensors"].size(), 2u);
}

TEST(Inspect, ALongTextIsShownByItsBeginning) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "a.gguf").string(), text(8 << 20, '\0');
  test::write_file(path, test::GgufBytes().text("short", "text").text("long", text).bytes());
  const Ended people = run_program({"inspect", "--gguf", path});
  EXPECT_EQ(people.status, 0) << people.err;
  EXPECT_THAT(people.out, HasSubstr("\"\\u0000\\u0000"));
  EXPECT_LT(people.out.size(), 1000u);
  const Ended program = run_program({"inspect", "--gguf", path, "--json"});
  ASSERT_EQ(program.status, 0) << program.err;
  const auto metadata = nlohmann::json::parse(program.out, nullptr, false)["metadata"];
  EXPECT_EQ(metadata["short"], "text");
  EXPECT_EQ(metadata["long"]["bytes"], text.size());
  EXPECT_EQ(metadata["long"]["first"], text.substr(0, 256));
}

TEST(Inspect, ATextOfAMillionBytesIsWhole) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "a.gguf").string(), text(1 << 20, 'x');
  test::write_file(path, test::GgufBytes().text("text", text).bytes());
  const Ended ended = run_program({"inspect", "--gguf", path, "--json"});
  EXPECT_EQ(nlohmann::json::parse(ended.out, nullptr, false)["metadata"]["text"], text);
}

TEST(Inspect, GivesATensor) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "a.gguf").string();
  const std::string npy = (folder / "t.npy").string();
  test::GgufBytes file;
  file.tensor("t", {3, 2}, 0, 0).tensor("long", {70000}, 24, 32);
  test::write_file(path, file.bytes(32 + 70000));
  const auto opened = gguf::File::open(path);
  ASSERT_TRUE(opened) << opened.error().message;

  const Ended printed = run_program({"inspect", "--gguf", path, "--tensor", "long"});
  EXPECT_THAT(printed.out, testing::StartsWith("32 33 34 "));
  EXPECT_EQ(std::count(printed.out.begin(), printed.out.end(), ' '), 69999);
  EXPECT_EQ(std::count(printed.out.begin(), printed.out.end(), '\n'), 1);

  const Ended written = run_program({"inspect", "--gguf", path, "--tensor", "t", "--npy", npy});
  ASSERT_EQ(written.status, 0) << written.err;
  EXPECT_EQ(written.out, "");
  const std::string bytes = test::read_file(npy);
  EXPECT_THAT(bytes, HasSubstr("'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, ), }"));
  ASSERT_EQ(bytes.size() % 64, 24u);
  EXPECT_EQ(
      std::memcmp(bytes.data() + bytes.size() - 24, opened->find_tensor("t")->bytes.data(), 24), 0);

  const Ended absent = run_program({"inspect", "--gguf", path, "--tensor", "u"});
  EXPECT_EQ(absent.status, 1);
  EXPECT_EQ(absent.err, "linnet: " + path + ": there is no tensor u\n");
}

TEST(Inspect, AFullDiskIsAnError) {
  for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{
           {},
           {"--json"},
           {"--tensor", "token_embd.weight"},
           {"--tensor", "token_embd.weight", "--npy", "/dev/full"}}) {
    std::vector<std::string> arguments = {"inspect", "--gguf", kModel};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = run_program(arguments, {.output_path = "/dev/full"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr("No space left on device"));
  }
  EXPECT_EQ(run_program({"architectures"}, {.output_path = "/dev/full"}).status, 1);
}

TEST(Inspect, EndsWhenNobodyReads) {
  test::Program program({"inspect", "--gguf", kModel, "--tensor", "token_embd.weight"});
  ASSERT_FALSE(program.read_some().empty());
  program.close_output();
  EXPECT_EQ(program.wait().status, 1);
}

// What they write goes into a pipe, which is soon full.
class NpyIntoPipe : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(NpyIntoPipe, StopsAtASignal) {
  const test::TemporaryFolder folder;
  const std::string pipe = (folder / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  std::vector<std::string> arguments = GetParam();
  arguments.insert(arguments.end(), {"--gguf", kModel, "--npy", pipe});
  test::BackgroundProgram program(arguments, {});
  pollfd begun{reader, POLLIN, 0};
  ASSERT_EQ(poll(&begun, 1, /*milliseconds=*/60'000), 1);
  kill(program.id(), SIGINT);
  fcntl(reader, F_SETFL, 0);
  char buffer[4096];
  while (read(reader, buffer, sizeof buffer) > 0) continue;
  close(reader);
  EXPECT_EQ(program.wait(), 1);
  EXPECT_EQ(program.error(), "linnet: " + pipe + ": stopped before all of it was written\n");
}

std::string many_tokens() {
  std::string tokens = "1";
  for (int i = 1; i < 400; ++i) tokens += ",5";
  return tokens;
}

INSTANTIATE_TEST_SUITE_P(
    Subcommands, NpyIntoPipe,
    testing::Values(std::vector<std::string>{"inspect", "--tensor", "token_embd.weight"},
                    std::vector<std::string>{"logits", "--tokens", many_tokens()}),
    [](const auto& info) { return info.param.front(); });

TEST(Tokenize, ShowsIdsAndPieces) {
  const Ended ended = run_program({"tokenize", "--gguf", kModel, "In the beginning"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("  \" begin\"\n    1250  \"ning\"\n"));
  const Ended bytes = run_program({"tokenize", "--gguf", kModel, "\n\xf0\x9f\x90\x88"});
  EXPECT_THAT(bytes.out, HasSubstr("  \"\\n\"\n"));
  EXPECT_THAT(bytes.out, HasSubstr("  [240]\n")) << "a byte that is no text alone";
}

TEST(Tokenize, TellsOfTokensThatTheVocabularyHasNot) {
  const Ended ended = run_program({"tokenize", "--gguf", kModel, "--override-kv",
                                   "tokenizer.ggml.eos_token_id=int:151645", "In the"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err,
              HasSubstr("tokenizer.ggml.eos_token_id is 151645, expected less than 2048"));
}

TEST(Tokenize, ReadsAFileAndCounts) {
  const std::string text = "In the beginning God\ncreated";
  const Ended given = run_program({"tokenize", "--gguf", kModel, text});
  const Ended piped = run_program({"tokenize", "--gguf", kModel, "--file", "-"}, {.input = text});
  EXPECT_EQ(piped.out, given.out);
  const Ended count =
      run_program({"tokenize", "--gguf", kModel, "--file", "-", "--count"}, {.input = text});
  EXPECT_EQ(count.status, 0) << count.err;
  EXPECT_EQ(count.out, std::to_string(std::count(given.out.begin(), given.out.end(), '\n')) + "\n");
  EXPECT_THAT(run_program({"tokenize", "--gguf", kModel, "--file", "/nowhere"}).err,
              HasSubstr("/nowhere"));
}

TEST(Tokenize, AnswersLineByLine) {
  const Ended ended = run_program({"tokenize", "--gguf", kModel, "--jsonl", "--add-special"},
                                  {.input = "\"the\"\n\"\"\n\"a\\u0000b\"\n"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  std::istringstream lines(ended.out);
  std::vector<nlohmann::json> answers;
  for (std::string line; std::getline(lines, line);) {
    answers.push_back(nlohmann::json::parse(line, nullptr, false));
  }
  ASSERT_EQ(answers.size(), 3u);
  for (const auto& answer : answers) EXPECT_TRUE(answer.is_array());
  EXPECT_EQ(answers[0][0], 1);
  EXPECT_EQ(answers[1], nlohmann::json({1}));
}

TEST(Tokenize, GoesOnBehindABadLine) {
  const auto answers_of = [](const std::string& input) {
    return run_program({"tokenize", "--gguf", kModel, "--jsonl"}, {.input = input});
  };
  const std::string fine = answers_of("\"fine\"\n").out;
  ASSERT_THAT(fine, testing::StartsWith("["));
  for (const std::string line : {"the", "7", "", "\"a", "[[[[[[[["}) {
    const Ended ended = answers_of("\"fine\"\n" + line + "\n\"fine\"\n");
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.out, fine + "{\"error\":\"expected a JSON string\"}\n" + fine) << line;
  }
}

}  // namespace
}  // namespace linnet
