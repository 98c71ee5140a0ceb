#include "gguf/gguf_file.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>

#include "support/gguf_bytes.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::gguf {
namespace {

namespace fs = std::filesystem;
using test::GgufBytes;
using test::write_file;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::uint32_t kF32 = 0;

class GgufFile : public testing::Test {
 protected:
  fs::path make(std::string_view name, const std::string& bytes) {
    write_file(folder_ / name, bytes);
    return folder_ / name;
  }
  static std::string refusal(const fs::path& path) {
    const auto file = File::open(path);
    return file ? "accepted" : file.error().message;
  }
  test::TemporaryFolder folder_;
};

TEST_F(GgufFile, GivesMetadataAndTensors) {
  const auto path = make("a.gguf", GgufBytes()
                                       .text("general.name", "a name")
                                       .value("count", ValueType::kUint16, std::uint16_t{7})
                                       .tensor("first", {2}, kF32, 0)
                                       .tensor("second", {1, 3}, kF32, 32)
                                       .bytes(44));
  const auto file = File::open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->path(), path);
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(file->alignment(), 32u);
  EXPECT_EQ(file->size_bytes(), fs::file_size(path));
  EXPECT_EQ(file->metadata().size(), 2u);
  EXPECT_EQ(file->find("absent"), nullptr);
  EXPECT_EQ(file->find_tensor("absent"), nullptr);
  const Tensor* second = file->find_tensor("second");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->shape_text(), "[1, 3]");
  ASSERT_EQ(second->bytes.size(), 12u);
  EXPECT_EQ(second->bytes[0], std::byte{32});
  EXPECT_EQ(second->bytes[11], std::byte{43});
}

TEST_F(GgufFile, ReadsValuesByKind) {
  const auto path = make("a.gguf", GgufBytes()
                                       .value("u16", ValueType::kUint16, std::uint16_t{7})
                                       .value("i64", ValueType::kInt64, std::int64_t{-7})
                                       .value("huge", ValueType::kUint64, ~std::uint64_t{0})
                                       .value("f32", ValueType::kFloat32, 0.5f)
                                       .value("nan", ValueType::kFloat32, std::nanf(""))
                                       .value("inf", ValueType::kFloat64, -HUGE_VAL)
                                       .value("yes", ValueType::kBool, std::uint8_t{1})
                                       .text("text", "x")
                                       .raw_array("list", 0, 2, "ab")
                                       .bytes());
  const auto file = File::open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(**file->integer("u16"), 7);
  EXPECT_EQ(**file->integer("i64"), -7);
  EXPECT_EQ(*file->integer("absent"), std::nullopt);
  EXPECT_EQ(**file->number("u16"), 7.0);
  EXPECT_EQ(**file->number("huge"), 18446744073709551616.0);
  EXPECT_EQ(**file->number("f32"), 0.5);
  EXPECT_EQ(*file->number("absent"), std::nullopt);
  EXPECT_EQ(**file->boolean("yes"), true);
  EXPECT_EQ(*file->boolean("absent"), std::nullopt);
  EXPECT_EQ(**file->string("text"), "x");
  EXPECT_EQ(*file->string("absent"), std::nullopt);
  EXPECT_EQ((*file->array("list"))->size(), 2u);
  EXPECT_EQ(*file->array("absent"), nullptr);

  const std::string name = path.string();
  EXPECT_EQ(file->integer("huge").error().message,
            name + ": metadata key huge is 18446744073709551615, which is too large");
  EXPECT_EQ(file->integer("text").error().message,
            name + ": metadata key text is of type string, expected an integer");
  EXPECT_EQ(file->integer("f32").error().message,
            name + ": metadata key f32 is of type float32, expected an integer");
  EXPECT_EQ(file->number("nan").error().message,
            name + ": metadata key nan is nan, expected a finite number");
  EXPECT_EQ(file->number("inf").error().message,
            name + ": metadata key inf is -inf, expected a finite number");
  EXPECT_EQ(file->number("list").error().message,
            name + ": metadata key list is of type array, expected a number");
  EXPECT_EQ(file->boolean("u16").error().message,
            name + ": metadata key u16 is of type uint16, expected a boolean");
  EXPECT_EQ(file->string("yes").error().message,
            name + ": metadata key yes is of type bool, expected a string");
  EXPECT_EQ(file->array("i64").error().message,
            name + ": metadata key i64 is of type int64, expected an array");
}

TEST_F(GgufFile, RefusesWhatIsNoFile) {
  EXPECT_EQ(refusal(folder_ / "none.gguf"),
            (folder_ / "none.gguf").string() + ": there is no such file");
  EXPECT_EQ(refusal(folder_.path()), folder_.path().string() + ": is a directory, expected a file");
  EXPECT_THAT(refusal(make("empty.gguf", "")), EndsWith(": is empty"));
  const auto pipe = folder_ / "pipe.gguf";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(refusal(pipe), EndsWith(": is not a regular file"));
  EXPECT_THAT(refusal("/dev/zero"), EndsWith(": is not a regular file"));
  EXPECT_THAT(refusal(make("x.gguf", "x") / "y"), HasSubstr("cannot be opened: Not a directory"));
}

TEST_F(GgufFile, RefusesAFileThatIsCutAnywhere) {
  const std::string whole = GgufBytes()
                                .text("general.architecture", "llama")
                                .raw_array("list", 5, 2, "12345678")
                                .tensor("a", {8}, kF32, 0)
                                .tensor("b", {3}, kF32, 32)
                                .bytes(44);
  ASSERT_EQ(refusal(make("whole.gguf", whole)), "accepted");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto path = make("cut.gguf", whole.substr(0, size));
    EXPECT_THAT(refusal(path), StartsWith(path.string() + ": ")) << size;
  }
}

class OverriddenFile : public GgufFile {
 protected:
  fs::path make_model() {
    return make("m.gguf",
                GgufBytes()
                    .text("general.architecture", "llama")
                    .value("llama.block_count", ValueType::kUint32, std::uint32_t{4})
                    .value("llama.rope.freq_base", ValueType::kFloat32, 10000.0f)
                    .value("tokenizer.ggml.add_bos_token", ValueType::kBool, std::uint8_t{1})
                    .raw_array("llama.heads", 4, 1, test::packed(std::uint32_t{8}))
                    .bytes());
  }
  std::string refusal_of(const Override& by) {
    const auto file = File::open(make_model(), std::vector{by});
    return file ? "accepted" : file.error().message;
  }
};

TEST_F(OverriddenFile, GivesTheNewValues) {
  std::optional<File> file;
  {
    const std::vector<Override> overrides = {{"llama.block_count", std::int64_t{3}},
                                             {"llama.rope.freq_base", 5e5},
                                             {"llama.rope.freq_base", std::int64_t{1000000}},
                                             {"tokenizer.ggml.add_bos_token", false},
                                             {"general.name", std::string("short")},
                                             {"llama.rope.scaling.type", std::string(100, 'y')}};
    auto opened = File::open(make_model(), overrides);
    ASSERT_TRUE(opened) << opened.error().message;
    file = std::move(*opened);
  }  // the texts are the file's own
  EXPECT_EQ(**file->integer("llama.block_count"), 3);
  EXPECT_EQ(**file->number("llama.rope.freq_base"), 1e6) << "the later one counts";
  EXPECT_EQ(**file->boolean("tokenizer.ggml.add_bos_token"), false);
  EXPECT_EQ(**file->string("general.name"), "short");
  EXPECT_EQ(**file->string("llama.rope.scaling.type"), std::string(100, 'y'));
  EXPECT_EQ(**file->string("general.architecture"), "llama");
  EXPECT_EQ(file->metadata().size(), 7u);
  EXPECT_EQ(**File::open(file->path())->integer("llama.block_count"), 4) << "the file is as it was";
}

TEST_F(OverriddenFile, KeepsTheKindOfAValue) {
  EXPECT_THAT(refusal_of({"llama.block_count", 4.0}),
              EndsWith("metadata key llama.block_count is of type uint32, which float64 can't "
                       "override"));
  EXPECT_THAT(refusal_of({"llama.block_count", std::string("4")}), HasSubstr("which string can't"));
  EXPECT_THAT(refusal_of({"llama.rope.freq_base", true}), HasSubstr("which bool can't"));
  EXPECT_THAT(refusal_of({"tokenizer.ggml.add_bos_token", std::int64_t{1}}),
              HasSubstr("which int64 can't"));
  EXPECT_THAT(refusal_of({"llama.heads", std::int64_t{8}}), HasSubstr("is of type array"));
}

TEST_F(OverriddenFile, RefusesKeysThatNobodyReads) {
  for (const char* const key : {"qwen3.rope.freq_base", "rope.freq_base", "llama.", ""}) {
    EXPECT_THAT(refusal_of({key, 5e5}),
                EndsWith("to override; a new one begins with llama., general. or tokenizer."))
        << key;
  }
}

TEST_F(OverriddenFile, RefusesWhatSaysTheLayout) {
  for (const char* const key : {"split.count", "split.no", "general.alignment"}) {
    EXPECT_THAT(refusal_of({key, std::int64_t{1}}), HasSubstr("says how the file is laid out"));
  }
}

// Part `index` (from 1) of `count` with a tensor "t<index>" of one float.
GgufBytes part(int index, int count) {
  return GgufBytes()
      .value("split.no", ValueType::kUint16, static_cast<std::uint16_t>(index - 1))
      .value("split.count", ValueType::kUint16, static_cast<std::uint16_t>(count))
      .value("split.tensors.count", ValueType::kInt32, std::int32_t{count})
      .tensor(fmt::format("t{}", index), {1}, kF32, 0);
}

class SplitFile : public GgufFile {
 protected:
  fs::path make_part(int index, int count, const GgufBytes& bytes) {
    return make(fmt::format("m-{:05}-of-{:05}.gguf", index, count), bytes.bytes(4));
  }
  fs::path make_parts(int count) {
    for (int i = 1; i <= count; ++i) make_part(i, count, part(i, count));
    return folder_ / fmt::format("m-00001-of-{:05}.gguf", count);
  }
};

TEST_F(SplitFile, LooksLikeOne) {
  const auto file = File::open(make_parts(3));
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->tensors().size(), 3u);
  for (const char* name : {"t1", "t2", "t3"}) {
    const Tensor* tensor = file->find_tensor(name);
    ASSERT_TRUE(tensor) << name;
    EXPECT_EQ(tensor->bytes.size(), 4u);
  }
  EXPECT_EQ(file->size_bytes(), 3 * fs::file_size(file->path()));
}

TEST_F(SplitFile, IsOpenedByItsFirstPart) {
  make_parts(3);
  EXPECT_THAT(refusal(folder_ / "m-00002-of-00003.gguf"),
              EndsWith(": is part 2 of 3 of a split file; open the first part"));
}

TEST_F(SplitFile, MustBeNamedLikeOne) {
  const auto first = make_parts(2);
  fs::rename(first, folder_ / "model.gguf");
  EXPECT_THAT(refusal(folder_ / "model.gguf"),
              EndsWith("is the first of 2 parts, but is not called NAME-00001-of-00002.gguf"));
}

TEST_F(SplitFile, MustBeComplete) {
  const auto first = make_parts(3);
  fs::remove(folder_ / "m-00003-of-00003.gguf");
  EXPECT_EQ(refusal(first),
            (folder_ / "m-00003-of-00003.gguf").string() + ": there is no such file");
}

TEST_F(SplitFile, ChecksEveryPart) {
  const auto first = make_parts(3);
  make_part(3, 3, part(2, 3));
  EXPECT_THAT(refusal(first),
              EndsWith("m-00003-of-00003.gguf: does not say that it is part 3 of 3"));
  make_part(3, 3, part(3, 4));
  EXPECT_THAT(refusal(first),
              EndsWith("m-00003-of-00003.gguf: does not say that it is part 3 of 3"));
  make_part(3, 3, GgufBytes().tensor("t3", {1}, kF32, 0));
  EXPECT_THAT(refusal(first),
              EndsWith("m-00003-of-00003.gguf: does not say that it is part 3 of 3"));
  make("m-00003-of-00003.gguf", part(3, 3).bytes(3));
  EXPECT_THAT(refusal(first),
              HasSubstr("m-00003-of-00003.gguf: tensor t3 [1] ends beyond the end"));
  make("m-00003-of-00003.gguf", "no GGUF");
  EXPECT_THAT(refusal(first), HasSubstr("m-00003-of-00003.gguf: is not a GGUF file"));
}

TEST_F(SplitFile, RefusesATensorInTwoParts) {
  const auto first = make_parts(2);
  make_part(2, 2,
            GgufBytes()
                .value("split.no", ValueType::kUint16, std::uint16_t{1})
                .value("split.count", ValueType::kUint16, std::uint16_t{2})
                .tensor("t1", {1}, kF32, 0));
  EXPECT_THAT(refusal(first),
              EndsWith("m-00002-of-00002.gguf: tensor t1 is in an earlier part too"));
}

TEST_F(SplitFile, CountsTheTensors) {
  const auto first = make_parts(2);
  make("m-00002-of-00002.gguf", part(2, 2).tensor("more", {1}, kF32, 32).bytes(36));
  EXPECT_THAT(refusal(first), EndsWith("the parts hold 3 tensors, split.tensors.count is 2"));
}

TEST_F(SplitFile, RefusesAbsurdCounts) {
  for (const std::int64_t count : {std::int64_t{1001}, std::int64_t{1} << 62}) {
    const auto path = make("m-00001-of-01001.gguf",
                           GgufBytes().value("split.count", ValueType::kInt64, count).bytes());
    EXPECT_THAT(refusal(path),
                EndsWith("split.count is " + std::to_string(count) + ", expected at most 1000"));
  }
  EXPECT_EQ(
      refusal(make("a.gguf",
                   GgufBytes().value("split.count", ValueType::kInt64, std::int64_t{-5}).bytes())),
      "accepted");
}

TEST_F(SplitFile, RefusesAbsurdNumbers) {
  for (const std::int64_t number : {std::int64_t{-1}, std::int64_t{2}, INT64_MAX}) {
    const auto path =
        make("m-00001-of-00002.gguf", GgufBytes()
                                          .value("split.no", ValueType::kInt64, number)
                                          .value("split.count", ValueType::kInt64, std::int64_t{2})
                                          .bytes());
    EXPECT_THAT(refusal(path), EndsWith(fmt::format("split.no is {}, expected 0 to 1", number)));
  }
}

class CheckUnchanged : public GgufFile {
 protected:
  CheckUnchanged()
      : path_(make("a.gguf", GgufBytes().tensor("t", {1}, kF32, 0).bytes(4))),
        file_(std::move(*File::open(path_))) {}
  fs::path path_;
  File file_;
};

TEST_F(CheckUnchanged, IsContentWithAFileThatStays) {
  EXPECT_TRUE(file_.check_unchanged());
  EXPECT_FALSE(test::read_file(path_).empty());
  EXPECT_TRUE(file_.check_unchanged());
  // The mapping keeps the old content when the name is gone or stands for another file.
  fs::remove(path_);
  write_file(path_, "another");
  EXPECT_TRUE(file_.check_unchanged());
}

TEST_F(CheckUnchanged, SeesACut) {
  const auto size = fs::file_size(path_);
  fs::resize_file(path_, size - 1);
  const Status status = file_.check_unchanged();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, path_.string() + ": was changed while it was in use (" +
                                        std::to_string(size) + " bytes when opened, " +
                                        std::to_string(size - 1) + " bytes now)");
}

TEST_F(CheckUnchanged, SeesANewContent) {
  write_file(path_, test::read_file(path_));
  fs::last_write_time(path_, fs::last_write_time(path_) + std::chrono::milliseconds(1));
  EXPECT_FALSE(file_.check_unchanged());
}

TEST_F(SplitFile, CheckUnchangedSeesEveryPart) {
  const auto file = File::open(make_parts(3));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->check_unchanged());
  fs::resize_file(folder_ / "m-00003-of-00003.gguf", 100000);
  const Status status = file->check_unchanged();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("m-00003-of-00003.gguf: was changed"));
}

}  // namespace
}  // namespace linnet::gguf
