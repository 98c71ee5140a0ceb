// `linnet split`, `linnet merge` and `linnet edit` as a user runs them.

#include <gmock/gmock.h>

#include "support/bundled_model.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;
using test::Ended;
using test::json_of;
using test::run_program;
using testing::HasSubstr;

class EditTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  Ended edit(const test::Arguments& more) const {
    return run_program(test::joined({"edit", "--gguf", model_, path("out.gguf")}, more));
  }
  static nlohmann::json inspected(const std::string& path) {
    return json_of(run_program({"inspect", "--gguf", path, "--json"}));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
  const test::TemporaryFolder folder_;
  const std::string model_ = test::kBundledModel.string();
};

TEST_F(EditTest, WhatWasSplitIsReadAndMergedAgain) {
  const Ended split =
      run_program({"split", "--gguf", model_, "--max-tensors", "15", path("part.gguf")});
  ASSERT_EQ(split.status, 0) << split.err;
  EXPECT_THAT(split.err, HasSubstr("parts:   3 of 38 tensors\n"));
  const std::string first = path("part-00001-of-00003.gguf");
  EXPECT_EQ(run_program({"generate", "--gguf", first, "-m", "4"}).out,
            run_program({"generate", "--gguf", model_, "-m", "4"}).out);
  const Ended merged = run_program({"merge", "--gguf", first, path("whole.gguf")});
  ASSERT_EQ(merged.status, 0) << merged.err;
  EXPECT_EQ(test::read_file(path("whole.gguf")), test::read_file(model_));
  const Ended again = run_program({"split", "--gguf", model_, "--max-tensors", "15", path("part")});
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("part-00001-of-00003.gguf: is there already"));
  EXPECT_EQ(run_program({"merge", "--gguf", first, first}).status, 1);
}

// Who names one file may mean the model by it, and not the bundled one.
TEST_F(EditTest, OfTheBundledModelNoPartsAreCalledAsAFileThatIsThere) {
  test::write_file(path("m.gguf"), "");
  for (const char* name : {"m", "m.gguf"}) {
    const Ended ended = run_program({"split", "--max-mib", "4000", path(name)});
    EXPECT_EQ(ended.status, 2);
    EXPECT_THAT(ended.err, HasSubstr("m.gguf is there already"));
    EXPECT_THAT(names(), testing::ElementsAre("m.gguf"));
  }
  EXPECT_EQ(run_program({"split", "--max-mib", "4000", path("other")}).status, 0);
}

TEST_F(EditTest, PartsAreNoLargerThanAsked) {
  ASSERT_EQ(run_program({"split", "--gguf", model_, "--max-mib", "1", path("part")}).status, 0);
  EXPECT_GT(names().size(), 2u);
  for (const std::string& name : names()) EXPECT_LT(fs::file_size(folder_ / name), 2 << 20) << name;
}

TEST_F(EditTest, MetadataChangesAndTensorsDoNot) {
  test::write_file(path("template.jinja"), "{{ messages[0]['content'] }}");
  const Ended ended = edit({"--set", "general.name=A: b", "--set", "llama.rope.freq_base=5e5",
                            "--set", "linnet.new=int:-3", "--chat-template", path("template.jinja"),
                            "--remove", "general.license"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const auto before = inspected(model_), after = inspected(path("out.gguf"));
  EXPECT_EQ(after["tensors"], before["tensors"]);
  auto expected = before["metadata"];
  ASSERT_TRUE(expected.contains("general.license"));
  expected.erase("general.license");
  expected["general.name"] = "A: b";
  expected["llama.rope.freq_base"] = 5e5;
  expected["linnet.new"] = -3;
  expected["tokenizer.chat_template"] = "{{ messages[0]['content'] }}";
  EXPECT_EQ(after["metadata"], expected);
  EXPECT_EQ(run_program({"generate", "--gguf", path("out.gguf"), "-m", "4"}).status, 0);
}

TEST_F(EditTest, WhatCanNotBeChangedIsSaid) {
  const auto expect_error = [&](const test::Arguments& more, const std::string& text) {
    const Ended ended = edit(more);
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr(text));
    EXPECT_FALSE(fs::exists(path("out.gguf")));
  };
  expect_error({"--set", "general.nme=x"}, "there is no metadata key general.nme; a new one needs");
  expect_error({"--set", "llama.block_count=many"},
               "--set llama.block_count=many: expected a value");
  expect_error({"--set", "llama.block_count=-1"}, "is of type uint32, which can't be -1");
  expect_error({"--set", "tokenizer.ggml.tokens=x"}, "is a list");
  expect_error({"--set", "general.alignment=int:7"}, "says how the file is laid out");
  expect_error({"--remove", "general.nme"}, "metadata key general.nme is not there");
  test::write_file(path("broken.jinja"), "{% if %}");
  expect_error({"--chat-template", path("broken.jinja")}, "broken.jinja: ");
  EXPECT_EQ(edit({}).status, 2);
  EXPECT_EQ(edit({"--set", "general.name"}).status, 2);
  EXPECT_EQ(run_program({"edit", "--gguf", model_, "--set", "general.name=x", model_}).status, 1);
}

}  // namespace
}  // namespace linnet
