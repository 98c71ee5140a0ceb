#include "gguf/parts.hpp"

#include <gmock/gmock.h>

#include "support/temporary_folder.hpp"

namespace linnet::gguf {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::int64_t kTensors = 5, kValues = 1000;

class Parts : public testing::Test {
 protected:
  void SetUp() override {
    Writer writer;
    writer.add_string("general.architecture", "llama");
    writer.add_integer("general.alignment", ValueType::kUint32, 64);
    const std::vector<std::int64_t> shape = {kValues};
    for (std::int64_t i = 0; i < kTensors; ++i) {
      writer.add_tensor("t" + std::to_string(i), *find_format(TensorType::kF32), shape);
    }
    const Status written = writer.write(folder_ / "in.gguf", [](std::size_t i, const auto& sink) {
      const std::vector<float> values(kValues, static_cast<float>(i));
      return sink(std::as_bytes(std::span(values)));
    });
    ASSERT_TRUE(written) << written.error().message;
  }
  File opened(const std::string& name) const {
    auto file = File::open(folder_ / name);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(*file);
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
  const test::TemporaryFolder folder_;
  const std::string stem_ = (folder_ / "out").string();
};

TEST_F(Parts, HoldSoManyTensorsAndBytes) {
  const File file = opened("in.gguf");
  EXPECT_EQ(write_parts(file, {.tensors = 2}, stem_ + "-a").value(), 3);
  EXPECT_EQ(write_parts(file, {.size_bytes = 8 * kValues}, stem_ + "-b").value(), 3);
  EXPECT_EQ(write_parts(file, {.size_bytes = 8 * kValues - 1}, stem_ + "-c").value(), 5);
  EXPECT_EQ(write_parts(file, {.size_bytes = 1}, stem_ + "-d").value(), 5) << "none is cut";
  EXPECT_EQ(write_parts(file, {}, stem_ + "-e").value(), 1);
  for (const char* name : {"out-a-00001-of-00003.gguf", "out-b-00001-of-00003.gguf",
                           "out-d-00001-of-00005.gguf", "out-e-00001-of-00001.gguf"}) {
    const File parts = opened(name);
    ASSERT_EQ(std::ssize(parts.tensors()), kTensors);
    EXPECT_EQ(parts.alignment(), 64u);
    for (std::size_t i = 0; i < parts.tensors().size(); ++i) {
      EXPECT_EQ(parts.tensors()[i].name, file.tensors()[i].name);
      EXPECT_TRUE(std::ranges::equal(parts.tensors()[i].bytes, file.tensors()[i].bytes));
    }
  }
}

TEST_F(Parts, NothingIsLeftOfWhatWasStopped) {
  const File file = opened("in.gguf");
  int calls = 0;
  const auto stopped =
      write_parts(file, {.tensors = 1}, stem_, [&](std::int64_t done, std::int64_t total) {
        EXPECT_EQ(total, kTensors * kValues * 4);
        EXPECT_EQ(done, ++calls * kValues * 4);
        return calls < 4;
      });
  ASSERT_FALSE(stopped);
  EXPECT_THAT(stopped.error().message, HasSubstr("stopped before all of it was copied"));
  EXPECT_EQ(files(), 1u);
}

TEST_F(Parts, ReplaceNothing) {
  const File file = opened("in.gguf");
  ASSERT_TRUE(write_parts(file, {.tensors = 3}, stem_));
  const auto again = write_parts(file, {.tensors = 3}, stem_);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("out-00001-of-00002.gguf: is there already"));
  EXPECT_EQ(files(), 3u);
}

}  // namespace
}  // namespace linnet::gguf
