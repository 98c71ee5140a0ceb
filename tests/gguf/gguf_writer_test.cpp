#include "gguf/gguf_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/gguf_bytes.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::gguf {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Gives every tensor `size` bytes that differ by tensor and place.
std::vector<std::byte> content(std::size_t index, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + index + 1);
  return bytes;
}

Writer::TensorSource source(std::vector<std::size_t> sizes) {
  return [sizes](std::size_t index, const Writer::Sink& sink) {
    return sink(content(index, sizes.at(index)));
  };
}

class GgufWriter : public testing::Test {
 protected:
  // Nothing but the finished files may be left.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
  test::TemporaryFolder folder_;
  fs::path path_ = folder_ / "out.gguf";
};

struct IntegerCase {
  ValueType type;
  std::int64_t low, high;
};

template <class T>
IntegerCase extremes(ValueType type) {
  return {type, static_cast<std::int64_t>(std::numeric_limits<T>::min()),
          static_cast<std::int64_t>(std::numeric_limits<T>::max())};
}

TEST_F(GgufWriter, RoundTripOfIntegers) {
  const IntegerCase cases[] = {
      extremes<std::uint8_t>(ValueType::kUint8),   extremes<std::int8_t>(ValueType::kInt8),
      extremes<std::uint16_t>(ValueType::kUint16), extremes<std::int16_t>(ValueType::kInt16),
      extremes<std::uint32_t>(ValueType::kUint32), extremes<std::int32_t>(ValueType::kInt32),
      extremes<std::uint64_t>(ValueType::kUint64), extremes<std::int64_t>(ValueType::kInt64)};
  Writer writer;
  for (const IntegerCase& c : cases) {
    const std::string name(value_type_name(c.type));
    writer.add_integer(name + ".low", c.type, c.low);
    writer.add_integer(name + ".high", c.type, c.high);
    writer.add_integers(name + ".both", c.type, std::vector{c.low, c.high});
  }
  ASSERT_TRUE(writer.write(path_, source({})));
  const auto file = File::open(path_);
  ASSERT_TRUE(file) << file.error().message;
  for (const IntegerCase& c : cases) {
    const std::string name(value_type_name(c.type));
    EXPECT_EQ(file->find(name + ".low")->type, c.type);
    EXPECT_EQ(std::get<std::int64_t>(file->find(name + ".low")->data), c.low);
    EXPECT_EQ(std::get<std::int64_t>(file->find(name + ".high")->data), c.high);
    const Array* both = *file->array(name + ".both");
    EXPECT_EQ(both->element_type(), c.type);
    ASSERT_EQ(both->size(), 2u);
    EXPECT_EQ(both->integer(0), c.low);
    EXPECT_EQ(both->integer(1), c.high);
  }
}

TEST_F(GgufWriter, RoundTripOfTheOtherValues) {
  Writer writer;
  writer.add_number("f32", ValueType::kFloat32, 0.1f);
  writer.add_number("f64", ValueType::kFloat64, 0.1);
  writer.add_bool("yes", true);
  writer.add_bool("no", false);
  writer.add_string("text", std::string_view("a\0b", 3));
  writer.add_numbers("floats", ValueType::kFloat32, std::vector{0.5, -2.0});
  writer.add_integers("flags", ValueType::kBool, std::vector<std::int64_t>{1, 0, 1});
  writer.add_strings("words", std::vector<std::string>{"", "x", "yz"});
  writer.add_strings("none", {});
  ASSERT_TRUE(writer.write(path_, source({})));
  const auto file = File::open(path_);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(**file->number("f32"), double{0.1f});
  EXPECT_EQ(**file->number("f64"), 0.1);
  EXPECT_TRUE(**file->boolean("yes"));
  EXPECT_FALSE(**file->boolean("no"));
  EXPECT_EQ(**file->string("text"), std::string_view("a\0b", 3));
  EXPECT_EQ((*file->array("floats"))->number(1), -2.0);
  EXPECT_EQ((*file->array("flags"))->integer(2), 1);
  EXPECT_EQ((*file->array("words"))->string(2), "yz");
  EXPECT_EQ((*file->array("none"))->size(), 0u);
}

TEST_F(GgufWriter, RoundTripOfTensorsOfEveryFormat) {
  Writer writer;
  std::vector<std::size_t> sizes;
  for (const Format& format : all_formats()) {
    const std::int64_t shape[] = {format.block_elements, 3};
    writer.add_tensor(format.name, format, shape);
    sizes.push_back(static_cast<std::size_t>(format.block_bytes) * 3);
  }
  ASSERT_TRUE(writer.write(path_, source(sizes)));
  const auto file = File::open(path_);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->tensors().size(), all_formats().size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const Tensor& tensor = file->tensors()[i];
    EXPECT_EQ(tensor.name, all_formats()[i].name);
    EXPECT_EQ(tensor.format, &all_formats()[i]);
    EXPECT_EQ(tensor.dimensions, 2);
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, content(i, sizes[i]))) << tensor.name;
  }
}

TEST_F(GgufWriter, TakesATensorInPieces) {
  Writer writer;
  writer.add_tensor("t", *find_format("F32"), std::vector<std::int64_t>{1000});
  const auto bytes = content(0, 4000);
  const auto in_pieces = [&](std::size_t, const Writer::Sink& sink) -> Status {
    for (std::size_t i = 0; i < bytes.size(); i += 400) {
      if (Status status = sink(std::span(bytes).subspan(i, 400)); !status) return status;
    }
    return {};
  };
  ASSERT_TRUE(writer.write(path_, in_pieces));
  const auto file = File::open(path_);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(std::ranges::equal(file->find_tensor("t")->bytes, bytes));
}

// All value types and an alignment of 64, put together without the writer.
std::string foreign_file() {
  test::GgufBytes bytes;
  bytes.alignment = 64;
  return bytes.value("general.alignment", ValueType::kUint32, 64u)
      .value("u8", ValueType::kUint8, std::uint8_t{200})
      .value("i8", ValueType::kInt8, std::int8_t{-3})
      .value("u64", ValueType::kUint64, ~std::uint64_t{0})
      .value("f32", ValueType::kFloat32, 0.1f)
      .value("f64", ValueType::kFloat64, 0.1)
      .value("yes", ValueType::kBool, std::uint8_t{1})
      .text("text", "abc")
      .raw_array("i16", 3, 2, test::packed(std::int16_t{-1}) + test::packed(std::int16_t{5}))
      .raw_array("f", 6, 1, test::packed(1.5f))
      .raw_array("d", 12, 1, test::packed(1.5))
      .raw_array("flags", 7, 2, std::string_view("\1\0", 2))
      .raw_array("words", 8, 2, test::packed_string("a") + test::packed_string(""))
      .tensor("a", {1}, 0, 0)
      .tensor("b", {16}, 0, 64)
      .bytes(128);
}

TEST_F(GgufWriter, ACopyIsTheSameBytes) {
  const std::string original = foreign_file();
  test::write_file(folder_ / "in.gguf", original);
  const auto in = File::open(folder_ / "in.gguf");
  ASSERT_TRUE(in) << in.error().message;
  Writer writer;
  for (const KeyValue& item : in->metadata()) writer.add_value(item.key, item.value);
  for (const Tensor& tensor : in->tensors()) {
    writer.add_tensor(tensor.name, *tensor.format,
                      std::span(tensor.shape).first(static_cast<std::size_t>(tensor.dimensions)));
  }
  const Status status = writer.write(
      path_, [&](std::size_t i, const Writer::Sink& sink) { return sink(in->tensors()[i].bytes); });
  ASSERT_TRUE(status) << status.error().message;
  const std::string copy = test::read_file(path_);
  ASSERT_EQ(copy.size(), original.size());
  // What lies between the tensors is padding, which the writer makes zero.
  const std::size_t second = original.size() - 64;
  EXPECT_EQ(copy.substr(0, second - 60), original.substr(0, second - 60));
  EXPECT_EQ(copy.substr(second - 60, 60), std::string(60, '\0'));
  EXPECT_EQ(copy.substr(second), original.substr(second));
}

TEST_F(GgufWriter, LeavesNothingBehindWhenATensorFails) {
  Writer writer;
  writer.add_tensor("t", *find_format("F32"), std::vector<std::int64_t>{2});
  const Status few = writer.write(path_, source({7}));
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().message, path_.string() + ": tensor t was given 7 bytes, expected 8");
  const Status many = writer.write(path_, source({9}));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().message, path_.string() + ": tensor t was given 9 bytes, expected 8");
  const Status failed = writer.write(
      path_, [](std::size_t, const Writer::Sink&) { return Status(Error{"no weights today"}); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "no weights today");
  EXPECT_THAT(names(), testing::IsEmpty());
}

TEST_F(GgufWriter, KeepsTheOldFileUntilTheNewOneIsComplete) {
  test::write_file(path_, "old");
  Writer writer;
  writer.add_tensor("t", *find_format("F32"), std::vector<std::int64_t>{2});
  ASSERT_FALSE(writer.write(path_, source({7})));
  EXPECT_EQ(test::read_file(path_), "old");
  ASSERT_TRUE(writer.write(path_, source({8})));
  EXPECT_TRUE(File::open(path_));
  EXPECT_THAT(names(), testing::ElementsAre("out.gguf"));
}

TEST_F(GgufWriter, SaysWhyItCannotWrite) {
  Writer writer;
  writer.add_string("key", "value");
  const Status status = writer.write(folder_ / "absent" / "out.gguf", source({}));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message,
              HasSubstr("out.gguf: cannot be written: No such file or directory"));
}

TEST_F(GgufWriter, WritesNoMoreTensorsThanCanBeRead) {
  Writer writer;
  const std::int64_t shape[] = {1};
  for (int i = 0; i <= 1 << 20; ++i) writer.add_tensor("t", *find_format(TensorType::kF32), shape);
  const Status written = writer.write(path_, source({}));
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message,
              HasSubstr("out.gguf: would have 1048577 tensors, expected at most 1048576"));
  EXPECT_THAT(names(), testing::IsEmpty());
}

}  // namespace
}  // namespace linnet::gguf
