// Whatever is wrong with a model or a prompt: one sentence on stderr, exit status 1, no text.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <limits>

#include "support/gguf_bytes.hpp"
#include "support/model_copy.hpp"
#include "support/resource_limit.hpp"
#include "support/run_program.hpp"
#include "support/scripted_model.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;
using test::Ended;
using test::kBundledModel;
using test::ModelCopy;
using test::run_program;
using testing::EndsWith;
using testing::HasSubstr;

class BadInput : public testing::Test {
 protected:
  // The sentence that `arguments` end with.
  static std::string failure(const std::vector<std::string>& arguments) {
    const Ended ended = run_program(arguments);
    EXPECT_EQ(ended.status, 1) << ended.err;
    EXPECT_EQ(ended.out, "");
    // What stands before is the summary of a model that could be read at least in part.
    const auto start = ended.err.rfind("linnet: ");
    if (start == std::string::npos) return "no sentence: " + ended.err;
    const std::string sentence = ended.err.substr(start);
    EXPECT_EQ(std::count(sentence.begin(), sentence.end(), '\n'), 1) << sentence;
    return sentence;
  }
  static std::string failure_of(const fs::path& model) {
    return failure({"generate", "--gguf", model.string(), "-m", "3"});
  }
  std::string failure_of(const ModelCopy& copy) const {
    const Status status = copy.write(folder_ / "bad.gguf");
    EXPECT_TRUE(status) << status.error().message;
    return failure_of(folder_ / "bad.gguf");
  }
  std::string failure_of_bytes(std::string_view bytes) const {
    test::write_file(folder_ / "bad.gguf", bytes);
    return failure_of(folder_ / "bad.gguf");
  }
  test::TemporaryFolder folder_;
};

TEST_F(BadInput, NoFile) {
  EXPECT_EQ(failure_of("/nowhere/model.gguf"),
            "linnet: /nowhere/model.gguf: there is no such file\n");
  EXPECT_EQ(failure_of(folder_.path()),
            "linnet: " + folder_.path().string() + ": is a directory, expected a file\n");
  EXPECT_THAT(failure_of_bytes(""), EndsWith("bad.gguf: is empty\n"));
}

TEST_F(BadInput, EverySubcommandSaysSo) {
  const std::string model = "/nowhere/model.gguf";
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"inspect", "--gguf", model},
           {"tokenize", "--gguf", model, "text"},
           {"logits", "--gguf", model, "--tokens", "1", "--npy", "/dev/null"}}) {
    EXPECT_EQ(failure(arguments), "linnet: /nowhere/model.gguf: there is no such file\n");
  }
}

TEST_F(BadInput, ForeignFile) {
  EXPECT_THAT(failure_of_bytes("<!doctype html><title>404</title>"),
              EndsWith("is not a GGUF file but a page of HTML; the file's download has another "
                       "address\n"));
  EXPECT_THAT(failure_of_bytes("some text"),
              EndsWith("is not a GGUF file (it does not begin with 'GGUF')\n"));
  EXPECT_THAT(failure_of_bytes("GGUF"), HasSubstr("the file ends inside the header"));
  EXPECT_THAT(failure_of("/proc/self/exe"), HasSubstr("is not a GGUF file"));
}

TEST_F(BadInput, CutFile) {
  const std::string whole = test::read_file(kBundledModel);
  for (const std::size_t size : {std::size_t{5}, std::size_t{30}, std::size_t{1000},
                                 std::size_t{20000}, whole.size() / 2, whole.size() - 1}) {
    EXPECT_THAT(failure_of_bytes(std::string_view(whole).substr(0, size)), HasSubstr("bad.gguf: "))
        << size;
  }
}

TEST_F(BadInput, UnknownArchitecture) {
  const std::string sentence =
      failure_of(ModelCopy().set_text("general.architecture", "perceptron"));
  EXPECT_THAT(sentence, HasSubstr("unknown architecture 'perceptron'; the known ones are: "));
  EXPECT_THAT(sentence, HasSubstr("llama"));
  EXPECT_THAT(failure_of(ModelCopy().drop("general.architecture")),
              HasSubstr("missing metadata key general.architecture"));
  EXPECT_THAT(failure_of(ModelCopy().set("general.architecture", gguf::ValueType::kUint8, 1)),
              HasSubstr("metadata key general.architecture is of type uint8, expected a string"));
}

TEST_F(BadInput, MetadataCannotSteerTheTerminal) {
  EXPECT_THAT(failure_of(ModelCopy().set_text("general.architecture", "a\x1b[2J\nb\xc2\x9b")),
              HasSubstr("unknown architecture 'a?[2J?b?'"));
  test::GgufBytes file;
  file.text("general.architecture", "llama").text("a\xc2\x9b", "");
  EXPECT_THAT(failure_of_bytes(file.bytes()), HasSubstr("metadata key 2 of 2 is not a valid name"));
}

TEST_F(BadInput, NamesWithoutEndAreCut) {
  const std::string endless(1 << 20, 'x');
  EXPECT_LT(failure_of(ModelCopy().set_text("general.architecture", endless)).size(), 4000u);
  const Status status = ModelCopy().set_text("general.name", endless).write(folder_ / "named.gguf");
  ASSERT_TRUE(status) << status.error().message;
  const Ended ended =
      run_program({"generate", "--gguf", (folder_ / "named.gguf").string(), "-m", "3"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_LT(ended.err.size(), 1000u) << "of the summary and the report";
}

TEST_F(BadInput, MissingMetadata) {
  for (const char* key : {"llama.context_length", "llama.embedding_length", "llama.block_count",
                          "llama.attention.head_count"}) {
    EXPECT_THAT(failure_of(ModelCopy().drop(key)),
                HasSubstr(std::string("missing metadata key ") + key));
  }
  EXPECT_THAT(failure_of(ModelCopy().drop("tokenizer.ggml.tokens")),
              HasSubstr("tokenizer.ggml.tokens"));
}

TEST_F(BadInput, MetadataOfTheWrongKind) {
  EXPECT_THAT(failure_of(ModelCopy().set_text("llama.block_count", "four")),
              HasSubstr("metadata key llama.block_count is of type string, expected an integer"));
  EXPECT_THAT(
      failure_of(ModelCopy().set_number("llama.context_length", 512.0)),
      HasSubstr("metadata key llama.context_length is of type float32, expected an integer"));
  EXPECT_THAT(failure_of(ModelCopy().set_text("llama.rope.freq_base", "x")),
              HasSubstr("metadata key llama.rope.freq_base is of type string, expected a number"));
}

TEST_F(BadInput, AbsurdMetadata) {
  for (const char* key : {"llama.block_count", "llama.embedding_length", "llama.context_length",
                          "llama.attention.head_count"}) {
    for (const std::int64_t value :
         {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 40, INT64_MAX}) {
      EXPECT_THAT(failure_of(ModelCopy().set(key, gguf::ValueType::kInt64, value)),
                  HasSubstr(std::string("metadata key ") + key + " is " + std::to_string(value) +
                            ", expected"));
    }
  }
  for (const char* key :
       {"llama.attention.head_count_kv", "llama.feed_forward_length", "llama.rope.dimension_count",
        "llama.attention.key_length", "llama.attention.value_length"}) {
    for (const std::int64_t value :
         {std::int64_t{-1}, std::int64_t{7777}, std::int64_t{1} << 30, INT64_MAX}) {
      EXPECT_THAT(failure_of(ModelCopy().set(key, gguf::ValueType::kInt64, value)),
                  HasSubstr("bad.gguf: "))
          << key << " " << value;
    }
  }
}

TEST_F(BadInput, NonFiniteNumbers) {
  for (const char* key : {"llama.rope.freq_base", "llama.attention.layer_norm_rms_epsilon"}) {
    EXPECT_THAT(
        failure_of(ModelCopy().set_number(key, std::numeric_limits<double>::quiet_NaN())),
        HasSubstr(std::string("metadata key ") + key + " is nan, expected a finite number"));
    EXPECT_THAT(
        failure_of(ModelCopy().set_number(key, HUGE_VAL)),
        HasSubstr(std::string("metadata key ") + key + " is inf, expected a finite number"));
  }
}

TEST_F(BadInput, NumbersThatMustNotBeNegative) {
  for (const char* key : {"llama.rope.freq_base", "llama.attention.layer_norm_rms_epsilon",
                          "llama.rope.scaling.factor"}) {
    EXPECT_THAT(failure_of(ModelCopy().set_number(key, -2.0)),
                HasSubstr(std::string("metadata key ") + key + " is -2, expected 0 or more"));
  }
}

TEST_F(BadInput, WeightsThatAreNoNumbers) {
  const float kNotANumber = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(failure_of(ModelCopy().fill("output_norm.weight", kNotANumber, 0, 1)),
              HasSubstr("tensor output_norm.weight has values that are NaN"));
  const Status written = test::ScriptedModel{.answer = {"a"}}.write(folder_ / "sound.gguf");
  ASSERT_TRUE(written) << written.error().message;
  const Status copied = ModelCopy()
                            .fill("blk.0.attn_q.weight", kNotANumber, 77, 1)
                            .write(folder_ / "bad.gguf", folder_ / "sound.gguf");
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_THAT(failure({"generate", "--gguf", (folder_ / "bad.gguf").string()}),
              HasSubstr("bad.gguf: tensor blk.0.attn_q.weight: some weights are not finite: the "
                        "file is damaged\n"));
}

// The reference backend takes them as they are: it is seen in what comes of them.
TEST_F(BadInput, LogitsThatAreNoNumbers) {
  const Status written = test::ScriptedModel{.answer = {"a"}}.write(folder_ / "sound.gguf");
  ASSERT_TRUE(written) << written.error().message;
  constexpr std::size_t kWidth = test::ScriptedModel::kWidth;
  const Status copied =
      ModelCopy()
          .fill("token_embd.weight", std::numeric_limits<float>::quiet_NaN(), '\n' * kWidth, kWidth)
          .write(folder_ / "bad.gguf", folder_ / "sound.gguf");
  ASSERT_TRUE(copied) << copied.error().message;
  const std::string model = (folder_ / "bad.gguf").string();
  const auto is_said = HasSubstr("are NaN or infinite: damaged weights, or an overflow");
  EXPECT_THAT(failure({"generate", "--backend", "reference", "--gguf", model, "--prompt", "\n"}),
              is_said);
  const Ended chat =
      run_program({"chat", "--backend", "reference", "--gguf", model, "--prompt", "Hear"});
  EXPECT_EQ(chat.status, 1);
  EXPECT_THAT(chat.err, is_said);
}

// Weights that are numbers, but too large: of the last norm, and of one before quantised products.
TEST_F(BadInput, ValuesThatOverflow) {
  const std::string model = (folder_ / "large.gguf").string();
  const std::string text = (folder_ / "text").string();
  test::write_file(text, "In the beginning God created the heaven and the earth.");
  for (const char* const tensor : {"output_norm.weight", "blk.1.attn_norm.weight"}) {
    const Status copied = ModelCopy().fill(tensor, 3e38f, 0, 256).write(model);
    ASSERT_TRUE(copied) << copied.error().message;
    for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
             {"generate"},
             {"generate", "--temp", "1", "--json"},
             {"generate", "--speculate"},
             {"chat", "--chat-template", "plain", "--prompt", "Hear", "-m", "4"},
             {"embed", "--prompt", "Hear"},
             {"bench", "-p", "8", "-n", "2", "-r", "1"},
             {"perplexity", text}}) {
      std::vector<std::string> with_model = arguments;
      with_model.insert(with_model.end(), {"--gguf", model});
      const Ended ended = run_program(with_model);
      EXPECT_EQ(ended.status, 1) << arguments[0];
      EXPECT_THAT(ended.err, testing::ContainsRegex("are NaN( or infinite)?: damaged weights"))
          << arguments[0];
    }
  }
}

TEST_F(BadInput, MissingTensor) {
  for (const char* name : {"token_embd.weight", "blk.2.ffn_down.weight", "output_norm.weight"}) {
    EXPECT_THAT(failure_of(ModelCopy().drop_tensor(name)),
                HasSubstr(std::string("missing tensor ") + name));
  }
}

TEST_F(BadInput, WrongShape) {
  EXPECT_THAT(failure_of(ModelCopy().reshape("blk.1.attn_k.weight", {128, 256})),
              HasSubstr("tensor blk.1.attn_k.weight has shape [128, 256], expected [256, 128]\n"));
}

TEST_F(BadInput, RemovedTensorType) {
  test::GgufBytes file;
  file.text("general.architecture", "llama").tensor("blk.0.attn_q.weight", {32}, 31, 0);
  EXPECT_THAT(
      failure_of_bytes(file.bytes(64)),
      HasSubstr("tensor blk.0.attn_q.weight has type 31 (Q4_0_4_4), which was removed from GGUF"));
}

TEST_F(BadInput, ModelLargerThanMemory) {
  // A sparse file: one terabyte of weights that take no room on the disk.
  const fs::path model = folder_ / "large.gguf";
  test::GgufBytes file;
  file.text("general.architecture", "llama")
      .value("llama.context_length", gguf::ValueType::kUint32, 512u)
      .value("llama.embedding_length", gguf::ValueType::kUint32, 1024u)
      .value("llama.block_count", gguf::ValueType::kUint32, 1u)
      .value("llama.attention.head_count", gguf::ValueType::kUint32, 8u)
      .text("tokenizer.ggml.model", "no_vocab")
      .tensor("token_embd.weight", {1024, 1u << 28}, 0, 0);
  test::write_file(model, file.bytes(1));
  std::error_code error;
  fs::resize_file(model, (std::uintmax_t{1} << 40) + 4096, error);
  if (error) GTEST_SKIP() << "no sparse file of a terabyte here: " << error.message();
  const std::string sentence =
      failure({"logits", "--gguf", model.string(), "--tokens", "1", "--npy", "/dev/null"});
  EXPECT_THAT(sentence,
              testing::ContainsRegex(
                  "needs 1048[0-9]+ MiB of memory \\(.* plus a reserve\\), but [0-9]+ MiB "
                  "are available"));
}

TEST_F(BadInput, Prompt) {
  const std::string model = kBundledModel.string();
  EXPECT_EQ(failure({"generate", "--gguf", model, "--prompt", "caf\xe9"}),
            "linnet: the prompt: the text is not valid UTF-8\n");
  EXPECT_EQ(failure({"generate", "--gguf", model, "--prompt", "\xed\xa0\x80"}),
            "linnet: the prompt: the text is not valid UTF-8\n");
  test::write_file(folder_ / "nul", std::string_view("a\0b", 3));
  EXPECT_EQ(failure({"generate", "--gguf", model, "--prompt-file", (folder_ / "nul").string()}),
            "linnet: the prompt has a NUL character, expected text in UTF-8\n");
  EXPECT_EQ(failure({"generate", "--gguf", model, "--prompt-file", "/nowhere/prompt"}),
            "linnet: /nowhere/prompt: there is no such file\n");
  EXPECT_EQ(failure({"generate", "--gguf", model, "--prompt-file", "/tmp"}),
            "linnet: /tmp: cannot be read: Is a directory\n");
  EXPECT_THAT(failure({"generate", "--gguf", model, "--prompt-file", "/dev/zero"}),
              testing::StartsWith("linnet: /dev/zero: is longer than "));
}

TEST_F(BadInput, StandardInput) {
  const std::string model = kBundledModel.string();
  const auto fails = [](const std::vector<std::string>& arguments, const char* input) {
    const Ended ended = run_program(arguments, {.input_path = input});
    EXPECT_EQ(ended.status, 1) << input;
    EXPECT_EQ(ended.out, "");
    return ended.err;
  };
  for (const std::vector<std::string>& lines : std::vector<std::vector<std::string>>{
           {"tokenize", "--gguf", model, "--jsonl"},
           {"template", "--jsonl"},
           {"grammar", "--jsonl"},
           {"chat", "--gguf", model, "--chat-template", "plain"}}) {
    EXPECT_EQ(fails(lines, "/dev/zero"),
              "linnet: line 1 of standard input is longer than 67108864 bytes\n");
    EXPECT_EQ(fails(lines, "/"), "linnet: standard input cannot be read: Is a directory\n");
  }
  const std::vector<std::string> once = {
      "chat", "--gguf", model, "--prompt", "Hear", "--chat-template", "plain", "--ctx", "512"};
  EXPECT_EQ(fails(once, "/dev/zero"), "linnet: standard input: is longer than 67108864 bytes\n");
  EXPECT_EQ(fails(once, "/"), "linnet: standard input: cannot be read: Is a directory\n");
}

TEST_F(BadInput, TextsWithoutEnd) {
  std::string lines;
  for (int i = 0; i < 2'100'000; ++i) lines += "a\n";
  const Ended ended = run_program({"embed", "--gguf", kBundledModel.string()}, {.input = lines});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.err, "linnet: the texts of standard input take more than 64 MiB of memory\n");
}

TEST_F(BadInput, JsonNestedWithoutEnd) {
  const test::AddressSpaceLimit limit(std::int64_t{1} << 30);
  const Ended ended = run_program({"tokenize", "--gguf", kBundledModel.string(), "--jsonl"},
                                  {.input = std::string(20'000'000, '[')});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out, "{\"error\":\"expected a JSON string\"}\n");
}

TEST_F(BadInput, OutputThatNobodyReads) {
  const fs::path pipe = folder_ / "pipe";  // which would be replaced, or waited for without an end
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(failure({"synth", "--shape", "tiny", "--type", "F16", pipe.string()}),
            "linnet: " + pipe.string() + ": cannot be written: No such device or address\n");
  EXPECT_TRUE(fs::is_fifo(pipe));
}

// What is read is never lost to what is written.
TEST_F(BadInput, OutputThatIsTheInput) {
  const fs::path model = folder_ / "model.gguf", link = folder_ / "link.gguf",
                 text = folder_ / "text";
  fs::copy_file(kBundledModel, model);
  fs::create_symlink(model, link);
  test::write_file(text, "In the beginning God created the heaven and the earth.");
  const std::string before = test::read_file(model);
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"quantize", "--gguf", model, "--type", "Q4_0", model},
           {"quantize", "--gguf", model, "--type", "Q4_0", link},
           {"importance", "--gguf", model, text, model},
           {"importance", "--gguf", model, text, text},
           {"logits", "--gguf", model, "--tokens", "1", "--npy", link},
           {"inspect", "--gguf", model, "--tensor", "output_norm.weight", "--npy", model}}) {
    EXPECT_EQ(failure(arguments), "linnet: " + arguments.back() +
                                      ": is the file that is read, expected another name to write "
                                      "to\n");
  }
  EXPECT_EQ(test::read_file(model), before);
  EXPECT_EQ(fs::file_size(text), 54u);
}

TEST_F(BadInput, OutputThatIsAPartOfTheInput) {
  const std::string first = folder_ / "m-00001-of-00002.gguf",
                    second = folder_ / "m-00002-of-00002.gguf";
  for (const std::uint16_t part : {std::uint16_t{0}, std::uint16_t{1}}) {
    test::GgufBytes file;
    file.value("split.no", gguf::ValueType::kUint16, part)
        .value("split.count", gguf::ValueType::kUint16, std::uint16_t{2})
        .tensor(part == 0 ? "a.weight" : "b.weight", {32, 2}, /*type=*/1, 0);
    test::write_file(part == 0 ? first : second, file.bytes(128));
  }
  const std::string before = test::read_file(second);
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"quantize", "--gguf", first, "--type", "Q8_0", second},
           {"inspect", "--gguf", first, "--tensor", "a.weight", "--npy", second}}) {
    EXPECT_THAT(failure(arguments), HasSubstr(second + ": is the file that is read"));
  }
  EXPECT_EQ(test::read_file(second), before);
}

// A limit of the user's shell ends a file early, as a full disk does.
TEST_F(BadInput, OutputThatBecomesTooLarge) {
  const fs::path npy = folder_ / "out.npy";
  test::write_file(npy, "old");
  const test::FileSizeLimit limit(4096);
  EXPECT_EQ(failure({"inspect", "--gguf", kBundledModel.string(), "--tensor", "token_embd.weight",
                     "--npy", npy.string()}),
            "linnet: " + npy.string() + ": cannot be written: File too large\n");
  EXPECT_EQ(test::read_file(npy), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(BadInput, MoreThreadsThanTheSystemGives) {
  if (test::kHasSanitizer) GTEST_SKIP() << "threads can't be made scarce";
  const test::AddressSpaceLimit limit(std::int64_t{2} << 30);
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"generate", "--threads", "1024", "-m", "3"},
           {"quantize", "--threads", "1024", "--gguf", kBundledModel.string(), "--type", "Q8_0",
            folder_ / "out.gguf"}}) {
    EXPECT_THAT(failure(arguments), HasSubstr("linnet: 1024 threads can't be started: "));
  }
}

TEST_F(BadInput, TokensForTheSampler) {
  for (const char* token : {"-1", "2048", "2147483647"}) {
    EXPECT_EQ(
        failure({"generate", "--gguf", kBundledModel.string(), "--ban-token", token}),
        std::string("linnet: --ban-token: token ") + token + " is not in the vocabulary of 2048\n");
  }
  EXPECT_EQ(failure({"generate", "--gguf", kBundledModel.string(), "--logit-bias", "2048=1"}),
            "linnet: --logit-bias: token 2048 is not in the vocabulary of 2048\n");
}

TEST_F(BadInput, TokenIds) {
  const std::string model = kBundledModel.string();
  const std::string npy = (folder_ / "out.npy").string();
  EXPECT_EQ(failure({"logits", "--gguf", model, "--tokens", "1,99999", "--npy", npy}),
            "linnet: token 99999 is not in the vocabulary of 2048\n");
  EXPECT_EQ(failure({"logits", "--gguf", model, "--tokens=-1", "--npy", npy}),
            "linnet: token -1 is not in the vocabulary of 2048\n");
  EXPECT_THAT(failure({"logits", "--gguf", model, "--tokens", "1", "--npy", "/nowhere/out.npy"}),
              HasSubstr("/nowhere/out.npy: cannot be written: No such file or directory"));
  EXPECT_THAT(failure({"logits", "--gguf", model, "--tokens", "1", "--npy", "/dev/full"}),
              HasSubstr("/dev/full: cannot be written: No space left on device"));
}

}  // namespace
}  // namespace linnet
