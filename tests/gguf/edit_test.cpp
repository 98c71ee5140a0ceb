#include "gguf/edit.hpp"

#include <gmock/gmock.h>

#include "support/temporary_folder.hpp"

namespace linnet::gguf {
namespace {

using testing::HasSubstr;
using testing::Not;

// What a file of one value under "key" has there after a change.
class Edit : public testing::Test {
 protected:
  template <class Add>
  Result<Value> edited(const Add& add, MetadataChange change) {
    Writer writer;
    add(writer);
    const auto none = [](std::size_t, const Writer::Sink&) { return Status(); };
    EXPECT_TRUE(writer.write(folder_ / "in.gguf", none));
    const auto file = File::open(folder_ / "in.gguf");
    EXPECT_TRUE(file);
    const std::vector<MetadataChange> changes = {std::move(change)};
    if (Status s = write_edited(*file, changes, folder_ / "out.gguf"); !s) return s.error();
    auto out = File::open(folder_ / "out.gguf");
    EXPECT_TRUE(out);
    files_.push_back(std::move(*out));
    const Value* const value = files_.back().find("key");
    return value ? Result<Value>(*value) : Result<Value>(Error{"absent"});
  }
  const test::TemporaryFolder folder_;
  std::vector<File> files_;
};

constexpr auto kNothing = [](Writer&) {};

TEST_F(Edit, AValueKeepsItsTypeWhereThatHoldsIt) {
  const auto small = [](Writer& writer) { writer.add_integer("key", ValueType::kUint8, 3); };
  EXPECT_EQ(edited(small, {"key", std::int64_t{255}})->type, ValueType::kUint8);
  const auto large = edited(small, {"key", std::int64_t{256}});
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message, HasSubstr("key key is of type uint8, which can't be 256"));
  const auto real = [](Writer& writer) { writer.add_number("key", ValueType::kFloat64, 0.5); };
  const auto whole = edited(real, {"key", std::int64_t{4}});
  EXPECT_EQ(whole->type, ValueType::kFloat64);
  EXPECT_EQ(std::get<double>(whole->data), 4.0);
}

TEST_F(Edit, ABoolIsGivenAsAWordOrAsANumber) {
  const auto boolean = [](Writer& writer) { writer.add_bool("key", true); };
  for (const MetadataChange& change :
       {MetadataChange{"key", false}, MetadataChange{"key", std::int64_t{0}}}) {
    const auto value = edited(boolean, change);
    ASSERT_TRUE(value) << value.error().message;
    EXPECT_EQ(value->type, ValueType::kBool);
    EXPECT_FALSE(std::get<bool>(value->data));
  }
  EXPECT_TRUE(std::get<bool>(edited(boolean, {"key", std::int64_t{1}})->data));
  EXPECT_THAT(edited(boolean, {"key", std::int64_t{2}}).error().message,
              HasSubstr("key key is of type bool, which can't be 2"));
}

// Who reads the key would refuse the file.
TEST_F(Edit, AValueOfAnotherKindIsAnError) {
  const auto integer = [](Writer& writer) { writer.add_integer("key", ValueType::kUint32, 3); };
  const auto real = [](Writer& writer) { writer.add_number("key", ValueType::kFloat32, 0.5); };
  const auto text = [](Writer& writer) { writer.add_string("key", "text"); };
  const auto boolean = [](Writer& writer) { writer.add_bool("key", true); };
  const auto problem = [&](const auto& add, MetadataChange change) {
    const auto changed = edited(add, std::move(change));
    return changed ? "none" : changed.error().message;
  };
  EXPECT_THAT(problem(integer, {"key", 4.0}), HasSubstr("is of type uint32, which can't be 4"));
  EXPECT_THAT(problem(integer, {"key", true}), HasSubstr("is of type uint32, which can't be true"));
  EXPECT_THAT(problem(real, {"key", std::string("2")}),
              HasSubstr("is of type float32, which can't be a text"));
  EXPECT_THAT(problem(real, {"key", true}), HasSubstr("is of type float32, which can't be true"));
  EXPECT_THAT(problem(text, {"key", std::int64_t{17}}),
              HasSubstr("is of type string, which can't be 17"));
  EXPECT_THAT(problem(text, {"key", 0.5}), HasSubstr("is of type string, which can't be 0.5"));
  EXPECT_THAT(problem(boolean, {"key", 1.0}), HasSubstr("is of type bool, which can't be 1"));
}

TEST_F(Edit, ANewValueHasTheUsualType) {
  EXPECT_EQ(edited(kNothing, {"key", std::int64_t{7}})->type, ValueType::kUint32);
  EXPECT_EQ(edited(kNothing, {"key", std::int64_t{-7}})->type, ValueType::kInt32);
  EXPECT_EQ(edited(kNothing, {"key", std::int64_t{1} << 40})->type, ValueType::kInt64);
  EXPECT_EQ(edited(kNothing, {"key", 0.5})->type, ValueType::kFloat32);
  EXPECT_EQ(edited(kNothing, {"key", true})->type, ValueType::kBool);
  EXPECT_EQ(std::get<std::string_view>(edited(kNothing, {"key", std::string("x")})->data), "x");
}

TEST_F(Edit, ANumberThatItsTypeCanNotHoldIsAnError) {
  constexpr double kLarge = 1e300;
  const auto single = [](Writer& writer) { writer.add_number("key", ValueType::kFloat32, 0.5); };
  for (const double value : {kLarge, -kLarge}) {
    const auto changed = edited(single, {"key", value});
    ASSERT_FALSE(changed);
    EXPECT_THAT(changed.error().message, HasSubstr("key key is of type float32, which can't be"));
  }
  const auto real = [](Writer& writer) { writer.add_number("key", ValueType::kFloat64, 0.5); };
  EXPECT_EQ(std::get<double>(edited(real, {"key", kLarge})->data), kLarge);
  EXPECT_EQ(edited(kNothing, {"key", kLarge})->type, ValueType::kFloat64);
}

TEST_F(Edit, AKeyThatNoFileMayHaveIsAnError) {
  for (const std::string& key :
       {std::string("a\nb"), std::string("\xff"), std::string(65536, 'k')}) {
    const auto changed = edited(kNothing, {key, true});
    ASSERT_FALSE(changed) << key;
    EXPECT_THAT(changed.error().message, HasSubstr("is no line of text of at most 65535 bytes"));
    EXPECT_THAT(changed.error().message, Not(HasSubstr("\n")));
  }
  EXPECT_EQ(edited(kNothing, {std::string(65535, 'k'), true}).error().message, "absent");
}

TEST_F(Edit, KeysAreNoMoreThanAFileMayHave) {
  const auto most = [](Writer& writer) {
    for (int i = 0; i < 1 << 16; ++i) writer.add_bool(std::to_string(i), true);
  };
  const auto changed = edited(most, {"key", true});
  ASSERT_FALSE(changed);
  EXPECT_THAT(changed.error().message,
              HasSubstr("out.gguf: would have 65537 metadata keys, expected at most 65536"));
  EXPECT_EQ(edited(most, {"7", false}).error().message, "absent");
}

TEST_F(Edit, AFileThatIsCutMeanwhileIsSaid) {
  constexpr std::int64_t kValues = 6 << 20;  // more than are copied at once
  Writer writer;
  writer.add_tensor("t", *find_format(TensorType::kF32), std::vector{kValues});
  ASSERT_TRUE(writer.write(folder_ / "in.gguf", [](std::size_t, const Writer::Sink& sink) {
    return sink(std::vector<std::byte>(4 * kValues));
  }));
  const auto file = File::open(folder_ / "in.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const Status edited = write_edited(*file, {}, folder_ / "out.gguf", [&](auto, auto) {
    std::filesystem::resize_file(folder_ / "in.gguf", 1);
    return true;
  });
  ASSERT_FALSE(edited);
  EXPECT_THAT(edited.error().message, HasSubstr("in.gguf: was changed while it was in use"));
}

TEST_F(Edit, AKeyThatIsRemovedIsGone) {
  const auto add = [](Writer& writer) { writer.add_bool("key", true); };
  EXPECT_EQ(edited(add, {"key", {}}).error().message, "absent");
  EXPECT_THAT(edited(kNothing, {"key", {}}).error().message, HasSubstr("key is not there"));
}

TEST_F(Edit, WhatSaysTheLayoutStays) {
  for (const char* key : {"general.alignment", "split.count"}) {
    EXPECT_THAT(edited(kNothing, {key, std::int64_t{3}}).error().message,
                HasSubstr("says how the file is laid out"));
  }
}

}  // namespace
}  // namespace linnet::gguf
