// `linnet quantize` as a user runs it.

#include <gmock/gmock.h>

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
  EXPECT_EQ(run_program({"quantize", "--type", "Q8_0", out_}).status, 2);
  const Ended type = quantize({"--type", "Q9"});
  EXPECT_EQ(type.status, 2);
  EXPECT_THAT(type.err, HasSubstr("can't be written as Q9"));
  EXPECT_EQ(quantize({"--type", "Q8_0", "--rule", "x"}).status, 2);
}

}  // namespace
}  // namespace linnet
