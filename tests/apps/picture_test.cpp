// `--mmproj` and pictures on the command line, on the bundled model with a tiny encoder.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/base64.hpp"
#include "support/bundled_model.hpp"
#include "support/mmproj_file.hpp"
#include "support/temporary_folder.hpp"
#include "support/vision_case.hpp"

namespace linnet {
namespace {

using test::Arguments;
using test::Ended;
using test::generate_bundled;
using test::joined;
using test::json_of;
using test::run_program;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class PictureProgramTest : public testing::Test {
 protected:
  PictureProgramTest() {
    EXPECT_TRUE(test::write_mmproj(mmproj(), 256, "gemma3"));
    for (const int colour : {0, 200}) put_picture(colour);
  }

  std::string mmproj() const { return (folder_ / "mmproj-tiny.gguf").string(); }
  std::string picture(int colour) const {
    return (folder_ / (std::to_string(colour) + ".png")).string();
  }

  // One of those that tests of decoding have: the picture is what it is.
  void put_picture(int colour) const {
    const std::filesystem::path from = test::in_repository("tests/data/image/decode");
    std::filesystem::copy_file(from / (colour == 0 ? "grey-8.png" : "palette-8.png"),
                               picture(colour));
  }

  Arguments with_encoder(const Arguments& more) const {
    return joined(generate_bundled({"--mmproj", mmproj(), "-m", "4", "--json"}), more);
  }

  Ended chat(const std::string& input, const Arguments& more = {}) const {
    return test::chat_bundled(input, joined({"--mmproj", mmproj()}, more));
  }

  const test::TemporaryFolder folder_;
};

TEST_F(PictureProgramTest, GenerateReadsThem) {
  const Ended ended = run_program(with_encoder({"--image", picture(0), "--prompt", "And"}));
  ASSERT_EQ(ended.status, 0) << ended.err;
  const auto json = json_of(ended);
  const auto tokens = json["prompt_tokens"].get<std::vector<int>>();
  EXPECT_EQ(std::ranges::count(tokens, -1), 16);  // which the tower makes of a picture
  EXPECT_EQ(json["tokens"].size(), 4u);
  const auto two = json_of(
      run_program(with_encoder({"--image", picture(0), "--image", picture(200), "--prompt", "A"})));
  EXPECT_EQ(std::ranges::count(two["prompt_tokens"].get<std::vector<int>>(), -1), 32);
}

TEST_F(PictureProgramTest, WhatIsTooLargeForTheContextNamesTheRemedy) {
  const Ended ended =
      run_program(with_encoder({"--image", picture(0), "--prompt", "And", "--ctx", "16"}));
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, ContainsRegex("but the context holds 16; --image-tokens makes pictures"));
}

TEST_F(PictureProgramTest, TheEncoderIsNamedAndCounted) {
  const Ended ended =
      run_program(generate_bundled({"--mmproj", mmproj(), "-m", "1", "--image", picture(0)}));
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, ContainsRegex("vision:  mmproj-tiny.gguf \\(gemma3\\), tensors"));
}

// Half of the context, where nothing else was asked for.
TEST_F(PictureProgramTest, WhatTheEncoderAllowsAndPicturesMayNotTakeIsSaid) {
  const std::string qwen = (folder_ / "mmproj-qwen.gguf").string();
  ASSERT_TRUE(test::write_mmproj(qwen, 256, "qwen2vl"));
  const auto notes = [&](const std::string& encoder, const Arguments& more = {}) {
    const Ended ended = run_program(
        joined(generate_bundled({"--mmproj", encoder, "-m", "1", "--prompt", "A"}), more));
    EXPECT_EQ(ended.status, 0) << ended.err;
    return ended.err;
  };
  EXPECT_THAT(notes(qwen, {"--ctx", "2048"}),
              ContainsRegex("encoder: pictures take at most 1024 of the 4096 tokens that .*qwen"));
  EXPECT_THAT(notes(qwen, {"--ctx", "2048", "--image-tokens", "9"}), Not(HasSubstr("encoder: ")));
  EXPECT_THAT(notes(mmproj(), {"--ctx", "2048"}), Not(HasSubstr("encoder: ")));
}

TEST_F(PictureProgramTest, TensorsOfNoEncoderAreNamed) {
  test::VisionCase gemma = test::VisionCase::read("gemma3");
  for (auto& tensor : gemma.model.json["tensors"]) {
    if (tensor["name"] == "mm.input_projection.weight") tensor["shape"][0] = 256;
  }
  gemma.model.json["tensors"].push_back(
      {{"name", "logit_scale"}, {"type", "F32"}, {"shape", {1}}, {"centre", 0}, {"amplitude", 1}});
  ASSERT_TRUE(gemma.model.write(mmproj()));
  const Ended ended = run_program(with_encoder({"--prompt", "A"}));
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err,
              HasSubstr("has tensors of no encoder, such as logit_scale, which are not used"));
}

TEST_F(PictureProgramTest, AutoTakesTheOneBesideTheModel) {
  const std::string model = (folder_ / "model.gguf").string();
  std::filesystem::copy_file(test::kBundledModel, model);
  const Arguments arguments = {"generate", "--gguf", model,     "--mmproj", "auto",
                               "-m",       "1",      "--image", picture(0)};
  const Ended one = run_program(arguments);
  EXPECT_EQ(one.status, 0) << one.err;
  std::filesystem::rename(mmproj(), folder_ / "mmproj-other-F16.gguf");
  EXPECT_EQ(run_program(arguments).status, 0);
  test::write_file(folder_ / "mmproj-third.gguf", "");
  const Ended two = run_program(arguments);
  EXPECT_EQ(two.status, 1);
  EXPECT_THAT(two.err, HasSubstr("has 2 files with mmproj in their names, expected one"));
  std::filesystem::remove(folder_ / "mmproj-other-F16.gguf");
  std::filesystem::remove(folder_ / "mmproj-third.gguf");
  const Ended none = run_program(arguments);
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("has 0 files with mmproj in their names"));
}

TEST_F(PictureProgramTest, AutoTakesF16OfSeveralTypes) {
  const std::string model = (folder_ / "model-Q8_0.gguf").string();
  std::filesystem::copy_file(test::kBundledModel, model);
  std::filesystem::rename(mmproj(), folder_ / "mmproj-F16.gguf");
  for (const char* const other : {"mmproj-BF16.gguf", "mmproj-F32.gguf"}) {
    test::write_file(folder_ / other, "no encoder");
  }
  const Ended ended = run_program(
      {"generate", "--gguf", model, "--mmproj", "auto", "-m", "1", "--image", picture(0)});
  EXPECT_EQ(ended.status, 0) << ended.err;
}

TEST_F(PictureProgramTest, WhatCannotBeReadIsSaid) {
  const auto problem = [&](const std::string& image) {
    const Ended ended = run_program(with_encoder({"--image", image}));
    EXPECT_EQ(ended.status, 1);
    return ended.err;
  };
  EXPECT_THAT(problem((folder_ / "none.png").string()), HasSubstr("none.png"));
  EXPECT_THAT(problem(mmproj()), HasSubstr("neither JPEG, PNG, WebP nor GIF"));
  EXPECT_THAT(problem(folder_.path().string()), HasSubstr("directory"));
  const Ended without = run_program(generate_bundled({"--image", picture(0)}));
  EXPECT_EQ(without.status, 1);
  EXPECT_THAT(without.err, HasSubstr("--mmproj FILE"));
  const Ended wrong = run_program(
      generate_bundled({"--mmproj", test::kBundledModel.string(), "--image", picture(0)}));
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("expected an encoder of pictures"));
}

TEST_F(PictureProgramTest, AConversationKeepsThem) {
  const std::string saved = (folder_ / "saved.json").string();
  const Ended first = chat("/image " + picture(0) + "\nWhat?\nAnd now?\n/save " + saved + "\n");
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(first.err, ContainsRegex("prompt [0-9]+ new, [1-9][0-9]* cached"));
  const auto messages = nlohmann::json::parse(test::read_file(saved));
  EXPECT_EQ(messages[0]["content"][0]["image_url"]["url"], "file://" + picture(0));
  EXPECT_EQ(messages[0]["content"][1]["text"], "\nWhat?");
  EXPECT_EQ(messages[2]["content"], "And now?");

  const Ended later = chat("/load " + saved + "\nAnd then?\n");
  ASSERT_EQ(later.status, 0) << later.err;
  EXPECT_THAT(later.err, HasSubstr("loaded: 2 turns"));
  std::filesystem::remove(picture(0));
  const Ended gone = chat("/load " + saved + "\nAnd then?\n");
  EXPECT_THAT(gone.err, HasSubstr(picture(0)));
  EXPECT_THAT(gone.err, Not(HasSubstr("loaded:")));
}

// As the page of `linnet serve` writes them.
TEST_F(PictureProgramTest, AConversationMayHoldWhatWasInTheFiles) {
  const std::string saved = (folder_ / "page.json").string();
  const std::string data = "data:image/png;base64," + encode_base64(test::read_file(picture(0)));
  nlohmann::json messages = {{{"role", "user"},
                              {"content",
                               {{{"type", "text"}, {"text", "What?"}},
                                {{"type", "image_url"}, {"image_url", {{"url", data}}}}}}},
                             {{"role", "assistant"}, {"content", "A picture."}}};
  test::write_file(saved, messages.dump());
  const std::string again = (folder_ / "again.json").string();
  const Ended ended = chat("/load " + saved + "\nAnd then?\n/save " + again + "\n");
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("loaded: 1 turn"));
  const auto kept = nlohmann::json::parse(test::read_file(again));
  EXPECT_EQ(kept[0]["content"], messages[0]["content"]);

  messages[0]["content"][1]["image_url"]["url"] = "https://example.org/cat.png";
  test::write_file(saved, messages.dump());
  const Ended refused = chat("/load " + saved + "\n");
  EXPECT_THAT(refused.err, HasSubstr("https://example.org/cat.png, expected file: or data:"));
}

TEST_F(PictureProgramTest, ASessionWithThemIsComputedAgainBehindTheFirst) {
  const std::string saved = (folder_ / "session").string();
  const Ended first = chat("What?\n/save " + saved + "\n", {"--image", picture(200)});
  ASSERT_EQ(first.status, 0) << first.err;
  const Ended later = chat("/load " + saved + "\nAnd then?\n", {"--image", picture(200)});
  ASSERT_EQ(later.status, 0) << later.err;
  EXPECT_THAT(later.err, HasSubstr("loaded: 1 turn"));
}

}  // namespace
}  // namespace linnet
