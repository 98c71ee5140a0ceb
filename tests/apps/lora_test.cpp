// `--lora` of the commands that run a model.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support/adapter_file.hpp"
#include "support/bundled_model.hpp"
#include "support/tensor_file.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::run_program;
using testing::HasSubstr;

class LoraOption : public testing::Test {
 protected:
  void SetUp() override { write({{"blk.0.ffn_up.weight", "blk.1.attn_output.weight"}}); }

  void write(const test::AdapterFile& adapter) const {
    const auto model = gguf::File::open(test::kBundledModel);
    ASSERT_TRUE(model) << model.error().message;
    adapter.write(path_, *model);
  }
  Ended generate(const test::Arguments& more) const {
    return run_program(
        test::joined(test::generate_bundled({"--prompt", "In the beginning", "-m", "12"}), more));
  }

  const test::TemporaryFolder folder_;
  const std::string path_ = (folder_ / "adapter:v1.gguf").string();
};

TEST_F(LoraOption, ChangesTheText) {
  const Ended none = generate({}), with = generate({"--lora", path_});
  ASSERT_EQ(with.status, 0) << with.err;
  EXPECT_NE(with.out, none.out);
  EXPECT_EQ(generate({"--lora", path_ + ":1"}).out, with.out);
  EXPECT_EQ(generate({"--lora", path_ + ":0"}).out, none.out);
  EXPECT_EQ(generate({"--lora", path_ + ":1.5", "--lora", path_ + ":-1.5"}).out, none.out);
  EXPECT_THAT(run_program({"generate", "--help"}).out, HasSubstr("--lora FILE[:SCALE]"));
}

TEST_F(LoraOption, NormsAreLeftOutWithANote) {
  test::TensorFile file;
  file.metadata().add_string("general.type", "adapter");
  file.metadata().add_string("general.architecture", "llama");
  file.metadata().add_string("adapter.type", "lora");
  file.tensor("blk.0.ffn_up.weight.lora_a", {256, 2})
      .tensor("blk.0.ffn_up.weight.lora_b", {2, 704})
      .tensor("blk.0.attn_norm.weight", {256})
      .file();
  const std::string path = file.path().string(), unused = "holds norms (1), which are not used\n";
  const Ended ended = generate({"--lora", path});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr(path + " " + unused));
  const Ended merged = run_program({"quantize", "--gguf", test::kBundledModel.string(), "--lora",
                                    path, "--type", "Q8_0", "--dry-run", folder_ / "out.gguf"});
  EXPECT_EQ(merged.status, 0) << merged.err;
  EXPECT_THAT(merged.err, HasSubstr(unused));
}

// Beside --lora, as its files are named alike.
TEST_F(LoraOption, AControlVectorChangesTheText) {
  test::TensorFile file;
  file.metadata().add_string("general.architecture", "controlvector");
  file.tensor("direction.1", {256}).file();
  const std::string path = file.path().string();
  const Ended none = generate({}), with = generate({"--control-vector", path + ":2"});
  ASSERT_EQ(with.status, 0) << with.err;
  EXPECT_NE(with.out, none.out);
  EXPECT_EQ(generate({"--control-vector", path + ":0"}).out, none.out);
  test::TensorFile larger;
  larger.metadata().add_string("general.architecture", "controlvector");
  larger.tensor("direction.1", {256}).tensor("direction.99", {256}).file();
  EXPECT_THAT(generate({"--control-vector", larger.path().string()}).err,
              HasSubstr("has directions of layers that the model lacks (1), which are not used\n"));
  const Ended wrong = generate({"--control-vector", path_});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr(path_ + ": is no control vector"));
}

TEST_F(LoraOption, IsThatOfAMergedModel) {
  const std::string merged = (folder_ / "merged.gguf").string();
  const std::string text = (folder_ / "text").string();
  test::write_file(text, "In the beginning God created the heaven and the earth. And the earth");
  ASSERT_EQ(run_program({"quantize", "--gguf", test::kBundledModel.string(), "--type", "F32",
                         "--lora", path_ + ":0.5", merged})
                .status,
            0);
  const auto json = test::json_of(
      run_program({"perplexity", "--gguf", test::kBundledModel.string(), "--lora", path_ + ":0.5",
                   "--against", merged, "--json", "--backend", "reference", text}));
  ASSERT_TRUE(json.is_object());
  EXPECT_LE(json["kl_divergence"]["value"], 1e-6);
  const auto without = test::json_of(
      run_program({"perplexity", "--gguf", merged, "--against", test::kBundledModel.string(),
                   "--json", "--backend", "reference", text}));
  EXPECT_GE(without["kl_divergence"]["value"], 1e-3);
}

TEST_F(LoraOption, SaysWhatIsWrong) {
  const auto message = [&](const std::string& adapter) {
    const Ended ended = generate({"--lora", adapter});
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
    return ended.err;
  };
  EXPECT_THAT(message("/nowhere.gguf:2"), HasSubstr("/nowhere.gguf: "));
  EXPECT_THAT(message(test::kBundledModel.string()), HasSubstr("is no LoRA adapter"));
  write({{"token_embd.weight"}});
  const Ended ended = generate({"--lora", path_});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, HasSubstr("linnet: " + path_ + ": changes tensor token_embd.weight, "));
}

}  // namespace
}  // namespace linnet
