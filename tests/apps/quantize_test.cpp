// `linnet quantize` as a user runs it.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>

#include <csignal>
#include <optional>

#include "support/background_program.hpp"
#include "support/bundled_model.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::json_of;
using test::run_program;
using testing::HasSubstr;

class Quantize : public testing::Test {
 protected:
  Ended quantize(const test::Arguments& more) const {
    return run_program(
        test::joined({"quantize", "--gguf", test::kBundledModel.string(), out_}, more));
  }
  const test::TemporaryFolder folder_;
  const std::string out_ = (folder_ / "out.gguf").string();
};

TEST_F(Quantize, TheResultWritesText) {
  const Ended ended = quantize({"--type", "Q6_K"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, HasSubstr("tensors: 9 F32, 25 Q6_K, 4 Q8_0\n"));
  EXPECT_THAT(ended.err, HasSubstr("had been quantised before"));
  const Ended text =
      run_program({"generate", "--gguf", out_, "--prompt", "In the beginning", "-m", "8"});
  ASSERT_EQ(text.status, 0) << text.err;
  const Ended original =
      run_program(test::generate_bundled({"--prompt", "In the beginning", "-m", "8"}));
  EXPECT_EQ(text.out, original.out);
}

TEST_F(Quantize, ADryRunSaysWhatWouldBecome) {
  const std::string model = test::kBundledModel.string();
  const auto plan =
      json_of(run_program({"quantize", "--gguf", model, "--type", "Q6_K", "--json", "--dry-run"}));
  ASSERT_TRUE(plan.is_object());
  EXPECT_TRUE(plan["relative_error"].is_null());
  auto real = json_of(quantize({"--type", "Q6_K", "--json"}));
  ASSERT_TRUE(real.is_object());
  real["relative_error"] = nullptr;
  EXPECT_EQ(plan, real);
  const Ended text = quantize({"--type", "Q6_K", "--dry-run"});
  EXPECT_THAT(text.err, HasSubstr("bits a weight\n"));
  EXPECT_THAT(text.err, testing::Not(HasSubstr("error:")));
}

TEST_F(Quantize, RulesAndTheFileBehindThem) {
  const std::string model = test::kBundledModel.string();
  const auto json =
      json_of(run_program({"quantize", "--gguf", model, "--type", "Q6_K", "--json", "--rule",
                           "*attn_q*=F16", "--rule", "*attn_k*=BF16", out_}));
  ASSERT_TRUE(json.is_object());
  EXPECT_GT(json["tensors"]["F16"], 0);
  EXPECT_GT(json["tensors"]["BF16"], 0);
  EXPECT_TRUE(gguf::File::open(out_));
}

// Who forgets --gguf would lose the model that was meant.
TEST_F(Quantize, TheBundledModelReplacesNoFile) {
  const auto model = folder_ / "model.gguf";
  std::filesystem::copy_file(test::kBundledModel, model);
  const Ended ended = run_program({"quantize", "--type", "Q4_0", model.string()});
  EXPECT_EQ(ended.status, 2) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("model.gguf is there already, but the bundled model would be "
                                   "read; --gguf names the model to read\n"));
  const Ended importance = run_program({"importance", model.string(), model.string()});
  EXPECT_EQ(importance.status, 2) << importance.err;
  EXPECT_EQ(std::filesystem::file_size(model), std::filesystem::file_size(test::kBundledModel));
  EXPECT_EQ(run_program({"quantize", "--type", "Q4_0", out_}).status, 0);
  EXPECT_EQ(run_program({"quantize", "--type", "Q4_0", "--dry-run", out_}).status, 0);
  EXPECT_EQ(quantize({"--type", "Q8_0"}).status, 0) << "of a model that was named";
}

TEST_F(Quantize, FewerBitsLoseMore) {
  double before = 0.0;
  for (const char* const type : {"F16", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K_M", "Q2_K"}) {
    const auto json = json_of(quantize({"--type", type, "--json"}));
    ASSERT_TRUE(json.is_object()) << type;
    const double error = json["relative_error"];
    EXPECT_GT(error, before) << type;
    EXPECT_EQ(json["converted"], json["converted_again"]) << type;
    before = error;
  }
  EXPECT_LT(before, 0.5);
}

// As llama.cpp does not write these types without it.
TEST_F(Quantize, FewBitsAskForImportance) {
  EXPECT_THAT(quantize({"--type", "IQ2_M", "--dry-run"}).err, HasSubstr("without --importance"));
  EXPECT_THAT(quantize({"--type", "Q2_K", "--dry-run"}).err, Not(HasSubstr("--importance")));
}

// One that moves every query by the first input.
void write_adapter(const std::string& path) {
  constexpr std::int64_t kWidth = 256;
  gguf::Writer writer;
  writer.add_string("general.type", "adapter");
  writer.add_string("general.architecture", "llama");
  writer.add_string("adapter.type", "lora");
  const Format& format = *find_format(TensorType::kF32);
  writer.add_tensor("blk.0.attn_q.weight.lora_a", format, std::vector<std::int64_t>{kWidth, 1});
  writer.add_tensor("blk.0.attn_q.weight.lora_b", format, std::vector<std::int64_t>{1, kWidth});
  const Status written = writer.write(path, [&](std::size_t t, const gguf::Writer::Sink& sink) {
    std::vector<float> values(kWidth, t == 0 ? 0.0f : 1.0f);
    values[0] = 1.0f;
    return sink(std::as_bytes(std::span(values)));
  });
  ASSERT_TRUE(written) << written.error().message;
}

TEST_F(Quantize, MergesAdapters) {
  const std::string adapter = (folder_ / "adapter.gguf").string();
  write_adapter(adapter);
  const auto json = json_of(quantize({"--type", "Q8_0", "--lora", adapter, "--json"}));
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["adapted"], 1);
  EXPECT_EQ(json["converted"], 1);
  EXPECT_EQ(run_program({"generate", "--gguf", out_, "-m", "4"}).status, 0);
  EXPECT_NE(test::read_file(out_), test::read_file(test::kBundledModel));
  const Ended none = quantize({"--type", "Q8_0", "--lora", adapter + ":0"});
  EXPECT_THAT(none.err, HasSubstr("adapted: 1 tensors\n"));
  const auto scaled = json_of(quantize({"--type", "F32", "--lora", adapter + ":-0.5", "--json"}));
  ASSERT_TRUE(scaled.is_object());
  const auto before = gguf::File::open(test::kBundledModel), after = gguf::File::open(out_);
  ASSERT_TRUE(after) << after.error().message;
  const gguf::Tensor& tensor = *before->find_tensor("blk.0.attn_q.weight");
  std::vector<float> values(tensor.elements());
  tensor.format->dequantize(tensor.bytes.data(), values.data(), tensor.elements());
  const std::byte* const adapted = after->find_tensor("blk.0.attn_q.weight")->bytes.data();
  EXPECT_EQ(*reinterpret_cast<const float*>(adapted), values[0] - 0.5f);

  const Ended as_model = run_program({"generate", "--gguf", adapter});
  EXPECT_EQ(as_model.status, 1);
  EXPECT_THAT(as_model.err, HasSubstr("`linnet quantize --lora` merges it"));
  const Ended as_adapter = quantize({"--type", "Q8_0", "--lora", test::kBundledModel.string()});
  EXPECT_EQ(as_adapter.status, 1);
  EXPECT_THAT(as_adapter.err, HasSubstr("is no LoRA adapter"));
}

// Its output goes into a pipe, which is soon full.
class QuantizeIntoPipe : public Quantize {
 protected:
  void SetUp() override {
    ASSERT_EQ(mkfifo(out_.c_str(), 0600), 0);
    reader_ = open(out_.c_str(), O_RDONLY | O_NONBLOCK);
    ASSERT_GE(reader_, 0);
    program_.emplace(
        test::Arguments{"quantize", "--gguf", test::kBundledModel.string(), "--type", "Q6_K", out_},
        std::map<std::string, std::string>());
    pollfd begun{reader_, POLLIN, 0};
    ASSERT_EQ(poll(&begun, 1, /*milliseconds=*/60'000), 1);
  }
  ~QuantizeIntoPipe() override { close(reader_); }

  void read_all() const {
    fcntl(reader_, F_SETFL, 0);
    char buffer[4096];
    while (read(reader_, buffer, sizeof buffer) > 0) continue;
  }
  bool runs() const {
    siginfo_t ended{};
    const auto id = static_cast<id_t>(program_->id());
    return waitid(P_PID, id, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0;
  }

  int reader_ = -1;
  std::optional<test::BackgroundProgram> program_;
};

TEST_F(QuantizeIntoPipe, StopsAtASignal) {
  kill(program_->id(), SIGTERM);
  read_all();
  EXPECT_EQ(program_->wait(), 1);
  EXPECT_EQ(program_->error(), "linnet: " + test::kBundledModel.string() +
                                   ": stopped before all of it was converted\n");
}

// As of a terminal that is closed; the shell and the system send a signal each.
TEST_F(QuantizeIntoPipe, StopsWhenItsTerminalIsClosed) {
  for (int i = 0; i < 3; ++i) {
    kill(program_->id(), SIGHUP);
    usleep(10'000);
  }
  read_all();
  EXPECT_EQ(program_->wait(), 1);
  EXPECT_THAT(program_->error(), HasSubstr("stopped before all of it was converted"));
}

// Signals that come at once may be taken for one.
TEST_F(QuantizeIntoPipe, EndsAtOnceAtASecondSignal) {
  for (int i = 0; i < 6000 && runs(); ++i) {
    kill(program_->id(), SIGTERM);
    usleep(10'000);
  }
  EXPECT_FALSE(runs());
  kill(program_->id(), SIGKILL);  // or the test would wait for it
  EXPECT_EQ(program_->wait(), -SIGTERM);
}

TEST_F(Quantize, BadInput) {
  const auto message = [](const Ended& ended) {
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
    return ended.err;
  };
  EXPECT_THAT(message(quantize({"--type", "Q8_0", "--rule", "x=Q8_0"})), HasSubstr("called x"));
  EXPECT_THAT(message(run_program({"quantize", "--gguf", "/nowhere.gguf", "--type", "Q8_0", out_})),
              HasSubstr("/nowhere.gguf"));
  EXPECT_THAT(message(run_program({"quantize", "--gguf", test::kBundledModel.string(), "--type",
                                   "Q4_0", "/dev/full"})),
              HasSubstr("/dev/full"));
  EXPECT_EQ(run_program({"quantize", out_}).status, 2);
  const Ended output =
      run_program({"quantize", "--gguf", test::kBundledModel.string(), "--type", "Q8_0", "-"});
  EXPECT_EQ(output.status, 2);
  EXPECT_THAT(output.err, HasSubstr("-: expected the name of a file"));
  const Ended type = quantize({"--type", "Q9"});
  EXPECT_EQ(type.status, 2);
  EXPECT_THAT(type.err, HasSubstr("can't be written as Q9"));
  EXPECT_EQ(quantize({"--type", "Q8_0", "--rule", "x"}).status, 2);
}

}  // namespace
}  // namespace linnet
