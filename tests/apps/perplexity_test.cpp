// `linnet perplexity` as a user runs it.

#include <gmock/gmock.h>

#include "support/bundled_model.hpp"
#include "support/encoder_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::json_of;
using test::run_program;
using testing::HasSubstr;
using testing::Not;

class Perplexity : public testing::Test {
 protected:
  void SetUp() override {
    std::string text;
    for (int i = 0; i < 20; ++i) {
      text +=
          "And God said, Let there be light: and there was light. And the evening and the "
          "morning were the first day. ";
    }
    test::write_file(text_, text);
  }
  Ended perplexity(const test::Arguments& more) const {
    return run_program(
        test::joined({"perplexity", "--gguf", test::kBundledModel.string(), text_}, more));
  }
  const test::TemporaryFolder folder_;
  const std::string text_ = (folder_ / "text").string();
};

TEST_F(Perplexity, IsPrinted) {
  const Ended ended = perplexity({});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out, HasSubstr("in windows of 512\nperplexity: "));
  EXPECT_THAT(ended.out, HasSubstr(" bits a byte\n"));
}

TEST_F(Perplexity, OfTheFirstWindows) {
  const auto all = json_of(perplexity({"--json", "--window", "64"}));
  const auto two = json_of(perplexity({"--json", "--window", "64", "--chunks", "2"}));
  EXPECT_EQ(two["tokens"], 128);
  EXPECT_EQ(two["scored_tokens"], 2 * 31);
  EXPECT_GT(all["tokens"], 128);
  EXPECT_EQ(json_of(perplexity({"--json", "--window", "64", "--chunks", "1000"})), all);
}

// A standard error needs two numbers: one was said to be exact.
TEST_F(Perplexity, OfOneTokenHasNoError) {
  test::write_file(text_, "And God said");  // with BOS four tokens, of which the last counts
  const Ended ended = perplexity({"--against", test::kBundledModel.string()});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr(", of which 1 is scored"));
  EXPECT_THAT(ended.out, Not(HasSubstr("±")));
  EXPECT_THAT(ended.out, HasSubstr("\nsame choice:   100.00 %\n"));
  const auto json = json_of(perplexity({"--json"}));
  EXPECT_GT(json["perplexity"]["value"], 1.0);
  EXPECT_TRUE(json["perplexity"]["error"].is_null());
}

TEST_F(Perplexity, IsTheSameOfTheModelItself) {
  const auto alone = json_of(perplexity({"--json", "--window", "64"}));
  ASSERT_TRUE(alone.is_object());
  EXPECT_EQ(alone["window"], 64);
  EXPECT_GT(alone["tokens"], alone["scored_tokens"]);
  EXPECT_GT(alone["perplexity"]["value"], 1.0);
  EXPECT_EQ(alone.count("reference"), 0u);
  const auto beside = json_of(perplexity(
      {"--json", "--window", "64", "--against", test::kBundledModel.string(), "--threads", "1"}));
  ASSERT_TRUE(beside.is_object());
  EXPECT_EQ(beside["perplexity"], alone["perplexity"]);
  EXPECT_EQ(beside["reference"]["perplexity"], alone["perplexity"]);
  EXPECT_EQ(beside["same_choice"]["value"], 1.0);
}

TEST_F(Perplexity, FewerBitsAreFurtherAway) {
  double before = 0.0;
  for (const char* const type : {"Q6_K", "Q4_0", "Q2_K"}) {
    const std::string model = (folder_ / "small.gguf").string();
    const test::Arguments quantize = {"quantize", "--gguf", test::kBundledModel.string(),
                                      model,      "--type", type};
    ASSERT_EQ(run_program(quantize).status, 0);
    const Ended ended = run_program({"perplexity", "--gguf", model, "--against",
                                     test::kBundledModel.string(), "--json", text_});
    const auto json = json_of(ended);
    ASSERT_TRUE(json.is_object()) << ended.err;
    EXPECT_GT(json["kl_divergence"]["value"], before) << type;
    before = json["kl_divergence"]["value"];
  }
  EXPECT_THAT(perplexity({"--against", (folder_ / "small.gguf").string()}).out,
              HasSubstr("\nKL divergence: "));
}

TEST_F(Perplexity, SaysWhatIsWrong) {
  const auto expect_failure = [](const Ended& ended, const std::string& mentions) {
    EXPECT_EQ(ended.status, 1) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, HasSubstr(mentions));
  };
  const auto of_text = [](const std::string& path) {
    return run_program({"perplexity", "--gguf", test::kBundledModel.string(), path});
  };
  expect_failure(of_text((folder_ / "absent").string()), "absent");
  expect_failure(of_text(folder_.path().string()), folder_.path().string());
  test::write_file(folder_ / "empty", "");
  expect_failure(of_text((folder_ / "empty").string()), "at least 3 are needed");
  test::write_file(folder_ / "foreign", "\xff\xfe text");
  expect_failure(of_text((folder_ / "foreign").string()), "UTF-8");
  expect_failure(perplexity({"--window", "2048"}), "longer than the context, which holds 512");
  expect_failure(perplexity({"--against", "absent.gguf"}), "absent.gguf");
  const std::string encoder = (folder_ / "encoder.gguf").string();
  ASSERT_TRUE(test::write_encoder(encoder));
  expect_failure(run_program({"perplexity", "--gguf", encoder, text_}), "encoder");
  const std::string diffusion = (folder_ / "diffusion.gguf").string();
  ASSERT_TRUE(test::OracleCase::read("dream-dense").write(diffusion));
  expect_failure(run_program({"perplexity", "--gguf", diffusion, text_}),
                 diffusion + ": dream models have no log probabilities");
  EXPECT_EQ(perplexity({"--window", "2"}).status, 2);
  EXPECT_EQ(run_program({"perplexity"}).status, 2);
}

}  // namespace
}  // namespace linnet
