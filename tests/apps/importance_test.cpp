// `linnet importance` and what `linnet quantize` makes of it, as a user runs them.

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/bundled_model.hpp"
#include "support/model_copy.hpp"
#include "support/run_program.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::run_program;
using testing::HasSubstr;
using Json = nlohmann::json;

class Importance : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  const std::string model_ = test::kBundledModel.string();
  const test::TemporaryFolder folder_;
};

TEST_F(Importance, QuantizeLosesLessOnTextOfTheKind) {
  const Ended written = run_program({"generate", "--gguf", model_, "--prompt", "In the beginning",
                                     "-m", "400", "--seed", "1", "--temp", "1", "--ignore-eos"});
  ASSERT_EQ(written.status, 0) << written.err;
  test::write_file(path("text.txt"), written.out);
  const Ended measured = run_program({"importance", "--gguf", model_, "--window", "128",
                                      path("text.txt"), path("importance.gguf")});
  ASSERT_EQ(measured.status, 0) << measured.err;
  EXPECT_THAT(measured.err, HasSubstr("windows of 128 tokens"));
  const auto divergence = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"quantize", "--gguf", model_, "--type", "Q2_K", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.push_back(path("out.gguf"));
    const Ended quantised = run_program(arguments);
    EXPECT_EQ(quantised.status, 0) << quantised.err;
    EXPECT_EQ(Json::parse(quantised.out)["weighted"] > 0, !more.empty());
    const Ended compared = run_program({"perplexity", "--gguf", path("out.gguf"), "--against",
                                        model_, "--window", "128", "--json", path("text.txt")});
    EXPECT_EQ(compared.status, 0) << compared.err;
    return Json::parse(compared.out)["kl_divergence"]["value"].get<double>();
  };
  EXPECT_LT(divergence({"--importance", path("importance.gguf")}), divergence({}));
}

TEST_F(Importance, OfTheFirstWindows) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "And God said, Let there be light. ";
  test::write_file(path("text.txt"), text);
  const Ended measured = run_program({"importance", "--gguf", model_, "--window", "64", "--chunks",
                                      "2", path("text.txt"), path("importance.gguf")});
  ASSERT_EQ(measured.status, 0) << measured.err;
  EXPECT_THAT(measured.err, HasSubstr("windows of 64 tokens: 2\n"));
}

// Before the text is read, which may take hours.
TEST_F(Importance, APathThatCannotBeWrittenIsSaidAtOnce) {
  const Ended ended =
      run_program({"importance", "--gguf", model_, path("absent.txt"), path("none/out.gguf")});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("linnet: " + path("none/out.gguf") + ": cannot be written"));
}

TEST_F(Importance, OfAnotherModelIsNoted) {
  test::write_file(path("text.txt"), "In the beginning God created the heaven and the earth.");
  ASSERT_EQ(run_program({"importance", "--gguf", model_, path("text.txt"), path("importance.gguf")})
                .status,
            0);
  ASSERT_TRUE(test::ModelCopy().drop_tensor("blk.0.attn_q.weight").write(path("other.gguf")));
  for (const auto& [model, unknown] : {std::pair(model_, 0), std::pair(path("other.gguf"), 1)}) {
    const Ended ended = run_program({"quantize", "--gguf", model, "--type", "Q4_0", "--dry-run",
                                     "--importance", path("importance.gguf")});
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.err.find("note:    1 of ") != std::string::npos, unknown == 1) << ended.err;
  }
}

TEST_F(Importance, WhatIsNoImportanceMatrixIsRefused) {
  const Ended ended = run_program(
      {"quantize", "--gguf", model_, "--type", "Q2_K", "--importance", model_, path("out.gguf")});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("is no importance matrix"));
}

TEST_F(Importance, ATextWithoutTokensIsRefused) {
  test::write_file(path("empty.txt"), "");
  const Ended ended =
      run_program({"importance", "--gguf", model_, path("empty.txt"), path("importance.gguf")});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("at least 2 are needed"));
  EXPECT_FALSE(std::filesystem::exists(path("importance.gguf")));
}

}  // namespace
}  // namespace linnet
