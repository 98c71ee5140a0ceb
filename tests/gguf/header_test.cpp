#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gguf/gguf_file.hpp"
#include "support/gguf_bytes.hpp"

namespace linnet::gguf {
namespace {

using test::GgufBytes;
using test::packed;
using test::packed_string;
using test::parse;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::uint32_t kF32 = 0, kQ4_0 = 2, kQ4_K = 12;
constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

std::string refusal(std::string_view file) {
  const auto header = parse(file);
  return header ? "accepted" : header.error().message;
}
std::string refusal(const GgufBytes& file, std::size_t data_bytes = 0) {
  return refusal(file.bytes(data_bytes));
}

const Value* find(const Header& header, std::string_view key) {
  for (const KeyValue& item : header.metadata) {
    if (item.key == key) return &item.value;
  }
  return nullptr;
}

TEST(Header, ReadsVersions2And3) {
  for (const std::uint32_t version : {2u, 3u}) {
    GgufBytes file;
    file.version = version;
    const auto header = parse(file.text("name", "x").bytes());
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(header->version, version);
    EXPECT_EQ(header->alignment, 32u);
  }
}

TEST(Header, RefusesOtherVersions) {
  for (const std::uint32_t version : {0u, 1u, 4u, 1000u}) {
    GgufBytes file;
    file.version = version;
    EXPECT_EQ(refusal(file), "test.gguf: is a GGUF file of version " + std::to_string(version) +
                                 ", expected version 2 or 3");
  }
}

TEST(Header, RefusesBigEndianFiles) {
  GgufBytes same_magic;
  same_magic.version = 0x03000000;
  EXPECT_THAT(refusal(same_magic), HasSubstr("is a big-endian GGUF file"));
  GgufBytes reversed_magic;
  reversed_magic.magic = "FUGG";
  EXPECT_THAT(refusal(reversed_magic), HasSubstr("is a big-endian GGUF file"));
}

TEST(Header, RefusesForeignFiles) {
  EXPECT_THAT(refusal("PK\x03\x04 and so on"), HasSubstr("is not a GGUF file but a zip file"));
  EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n"),
              HasSubstr("is not a GGUF file but a pointer of Git LFS"));
  EXPECT_THAT(refusal("<!doctype html>\n<html>"), HasSubstr("but a page of HTML"));
  EXPECT_THAT(refusal(std::string("\x10\0\0\0\0\0\0\0", 8) + R"({"__metadata__":{}})"),
              HasSubstr("but a safetensors file"));
  EXPECT_THAT(refusal("some other text"), HasSubstr("(it does not begin with 'GGUF')"));
  EXPECT_THAT(refusal("GG"), HasSubstr("too short to be a GGUF file (2 bytes)"));
  EXPECT_THAT(refusal(""), HasSubstr("too short"));
}

template <class T>
void expect_integer(ValueType type, T number) {
  const auto file = GgufBytes().value("key", type, number).bytes();
  const auto header = parse(file);
  ASSERT_TRUE(header) << header.error().message;
  const Value* value = find(*header, "key");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->type, type);
  EXPECT_EQ(std::get<std::int64_t>(value->data), static_cast<std::int64_t>(number));
}

template <class T>
void expect_extremes(ValueType type) {
  expect_integer<T>(type, std::numeric_limits<T>::min());
  expect_integer<T>(type, std::numeric_limits<T>::max());
}

TEST(Header, ReadsIntegersOfEveryWidth) {
  expect_extremes<std::uint8_t>(ValueType::kUint8);
  expect_extremes<std::int8_t>(ValueType::kInt8);
  expect_extremes<std::uint16_t>(ValueType::kUint16);
  expect_extremes<std::int16_t>(ValueType::kInt16);
  expect_extremes<std::uint32_t>(ValueType::kUint32);
  expect_extremes<std::int32_t>(ValueType::kInt32);
  expect_extremes<std::uint64_t>(ValueType::kUint64);
  expect_extremes<std::int64_t>(ValueType::kInt64);
}

TEST(Header, ReadsFloatsBooleansAndStrings) {
  const auto file = GgufBytes()
                        .value("f", ValueType::kFloat32, 0.1f)
                        .value("d", ValueType::kFloat64, 0.1)
                        .value("inf", ValueType::kFloat32, HUGE_VALF)
                        .value("no", ValueType::kBool, std::uint8_t{0})
                        .value("yes", ValueType::kBool, std::uint8_t{1})
                        .text("s", std::string_view("a\0b \xff", 5))
                        .text("none", "")
                        .bytes();
  const auto header = parse(file);
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(std::get<double>(find(*header, "f")->data), double{0.1f});
  EXPECT_EQ(std::get<double>(find(*header, "d")->data), 0.1);
  EXPECT_TRUE(std::isinf(std::get<double>(find(*header, "inf")->data)));
  EXPECT_FALSE(std::get<bool>(find(*header, "no")->data));
  EXPECT_TRUE(std::get<bool>(find(*header, "yes")->data));
  EXPECT_EQ(std::get<std::string_view>(find(*header, "s")->data), std::string_view("a\0b \xff", 5));
  EXPECT_EQ(std::get<std::string_view>(find(*header, "none")->data), "");
}

template <class T>
void expect_array(ValueType type, T first, T second) {
  const auto file =
      GgufBytes()
          .text("odd", "x")  // so that the elements lie unaligned
          .raw_array("key", static_cast<std::uint32_t>(type), 2, packed(first) + packed(second))
          .bytes();
  const auto header = parse(file);
  ASSERT_TRUE(header) << header.error().message;
  const auto& array = std::get<Array>(find(*header, "key")->data);
  EXPECT_EQ(array.element_type(), type);
  ASSERT_EQ(array.size(), 2u);
  EXPECT_EQ(array.number(0), static_cast<double>(first));
  EXPECT_EQ(array.number(1), static_cast<double>(second));
  EXPECT_FALSE(array.is_string());
  ASSERT_EQ(array.is_integer(), std::is_integral_v<T>);
  if (array.is_integer()) {
    EXPECT_EQ(array.integer(0), static_cast<std::int64_t>(first));
    EXPECT_EQ(array.integer(1), static_cast<std::int64_t>(second));
  }
}

TEST(Header, ReadsArraysOfEveryType) {
  expect_array<std::uint8_t>(ValueType::kUint8, 1, 255);
  expect_array<std::int8_t>(ValueType::kInt8, -128, 127);
  expect_array<std::uint16_t>(ValueType::kUint16, 1, 65535);
  expect_array<std::int16_t>(ValueType::kInt16, -32768, 32767);
  expect_array<std::uint32_t>(ValueType::kUint32, 1, 4294967295u);
  expect_array<std::int32_t>(ValueType::kInt32, -2147483648, 2147483647);
  expect_array<std::uint64_t>(ValueType::kUint64, 1, kHuge);
  expect_array<std::int64_t>(ValueType::kInt64, -1, std::numeric_limits<std::int64_t>::min());
  expect_array<float>(ValueType::kFloat32, -0.1f, 3e38f);
  expect_array<double>(ValueType::kFloat64, -0.1, 1e300);
  expect_array<std::uint8_t>(ValueType::kBool, 0, 1);
}

TEST(Header, ReadsArraysOfStringsAndEmptyArrays) {
  const auto file =
      GgufBytes()
          .raw_array("words", 8, 3, packed_string("") + packed_string("a") + packed_string("bc"))
          .raw_array("nothing", 8, 0, "")
          .raw_array("no_numbers", 4, 0, "")
          .bytes();
  const auto header = parse(file);
  ASSERT_TRUE(header) << header.error().message;
  const auto& words = std::get<Array>(find(*header, "words")->data);
  ASSERT_EQ(words.size(), 3u);
  EXPECT_TRUE(words.is_string());
  EXPECT_FALSE(words.is_integer());
  EXPECT_EQ(words.string(0), "");
  EXPECT_EQ(words.string(2), "bc");
  EXPECT_EQ(std::get<Array>(find(*header, "nothing")->data).size(), 0u);
  EXPECT_EQ(std::get<Array>(find(*header, "no_numbers")->data).size(), 0u);
}

TEST(Header, ElementsOfBooleanArraysAre0Or1) {
  const auto file = GgufBytes().raw_array("key", 7, 2, std::string_view("\x07\0", 2)).bytes();
  const auto header = parse(file);
  ASSERT_TRUE(header) << header.error().message;
  const auto& array = std::get<Array>(find(*header, "key")->data);
  EXPECT_EQ(array.integer(0), 1);
  EXPECT_EQ(array.integer(1), 0);
}

TEST(Header, RefusesUnknownValueTypesAndArraysOfArrays) {
  EXPECT_EQ(refusal(GgufBytes().raw_value("k", 13, "12345678")),
            "test.gguf: metadata key k has the unknown value type 13");
  EXPECT_EQ(refusal(GgufBytes().raw_array("k", 13, 1, "12345678")),
            "test.gguf: metadata key k is an array of the unknown value type 13");
  EXPECT_EQ(refusal(GgufBytes().raw_array("k", 9, 1, packed(4u) + packed(kHuge))),
            "test.gguf: metadata key k is an array of arrays, which is not supported");
  EXPECT_EQ(refusal(GgufBytes().value("k", ValueType::kBool, std::uint8_t{2})),
            "test.gguf: metadata key k is 2, expected a boolean, 0 or 1");
}

TEST(Header, RefusesLengthsAndCountsThatTheFileCannotHold) {
  EXPECT_THAT(refusal(GgufBytes().raw_value("k", 8, packed(kHuge))),
              HasSubstr("string of metadata key k"));
  EXPECT_THAT(refusal(GgufBytes().raw_value("k", 8, packed(std::uint64_t{1} << 40))),
              HasSubstr("string of metadata key k"));
  for (const std::uint32_t type : {0u, 4u, 6u, 7u, 8u, 10u, 12u}) {
    for (const std::uint64_t count :
         {kHuge, kHuge / 8 + 1, std::uint64_t{1} << 61, std::uint64_t{9}}) {
      EXPECT_EQ(refusal(GgufBytes().raw_array("k", type, count, "12345678")),
                "test.gguf: the file ends inside the array of metadata key k (after 57 bytes)")
          << type << " " << count;
    }
  }
  GgufBytes keys = GgufBytes().text("k", "v");
  keys.key_count = kHuge;
  EXPECT_EQ(refusal(keys),
            "test.gguf: says it has 18446744073709551615 metadata keys, more than its size allows");
  GgufBytes tensors = GgufBytes().text("k", "v");
  tensors.tensor_count = std::uint64_t{1} << 62;
  EXPECT_EQ(refusal(tensors),
            "test.gguf: says it has 4611686018427387904 tensors, more than its size allows");
}

TEST(Header, RefusesMoreKeysTensorsAndStringsThanSensible) {
  const std::string room(40 << 20, '\0');
  GgufBytes keys;
  keys.key_count = (1 << 16) + 1;
  EXPECT_THAT(refusal(keys.bytes() + room),
              HasSubstr("has 65537 metadata keys, expected at most 65536"));
  GgufBytes tensors;
  tensors.tensor_count = (1 << 20) + 1;
  EXPECT_THAT(refusal(tensors.bytes() + room),
              HasSubstr("has 1048577 tensors, expected at most 1048576"));
  // As the header of a sparse file would look: nothing but empty strings.
  GgufBytes strings;
  strings.raw_array("k", 8, (1 << 24) + 1, "");
  const std::string file = strings.bytes() + std::string(((1 << 24) + 1) * 8ull, '\0');
  EXPECT_THAT(refusal(file), HasSubstr("metadata key k brings the strings in arrays to 16777217"));
  GgufBytes numbers;
  numbers.raw_array("j", 0, 1 << 23, std::string(1 << 23, '\0'));
  numbers.raw_array("k", 0, (1 << 23) + 1, std::string((1 << 23) + 1, '\0'));
  EXPECT_THAT(refusal(numbers),
              HasSubstr("metadata key k has an array of 8388609 numbers after 8388608 in others, "
                        "expected at most 16777216"));
}

TEST(Header, RefusesTextsLongerThanSensible) {
  const std::string longest = test::packed_string(std::string(64 << 20, 'x')),
                    longer = test::packed_string(std::string((64 << 20) + 1, 'x'));
  EXPECT_TRUE(test::parse(test::GgufBytes().raw_value("a", 8, longest).bytes()));
  for (const std::string& file : {test::GgufBytes().raw_value("a", 8, longer).bytes(),
                                  test::GgufBytes().raw_array("a", 8, 1, longer).bytes()}) {
    const auto header = test::parse(file);
    ASSERT_FALSE(header);
    EXPECT_THAT(header.error().message,
                HasSubstr("key a holds a text of 67108865 bytes, expected at most 67108864"));
  }
}

TEST(Header, RefusesDuplicates) {
  EXPECT_EQ(refusal(GgufBytes().text("twice", "a").text("once", "b").text("twice", "a")),
            "test.gguf: metadata key twice occurs twice");
  EXPECT_EQ(refusal(GgufBytes().tensor("t", {1}, kF32, 0).tensor("t", {1}, kF32, 32), 64),
            "test.gguf: tensor t occurs twice");
}

TEST(Header, ChecksKeyNames) {
  EXPECT_EQ(refusal(GgufBytes().text(std::string(65535, 'k'), "v")), "accepted");
  EXPECT_EQ(refusal(GgufBytes().text("schl\u00fcssel", "v")), "accepted");
  for (const std::string& name :
       {std::string(65536, 'k'), std::string(), std::string("\xff"), std::string("\xc3"),
        std::string("a\nb"), std::string("\x1b[2J"), std::string("a\0b", 3)}) {
    EXPECT_EQ(refusal(GgufBytes().text("first", "v").text(name, "v")),
              "test.gguf: metadata key 2 of 2 is not a valid name");
  }
}

TEST(Header, ChecksTensorNames) {
  EXPECT_EQ(refusal(GgufBytes().tensor(std::string(127, 't'), {1}, kF32, 0), 4), "accepted");
  for (const std::string& name :
       {std::string(128, 't'), std::string(), std::string("\xff\xfe"), std::string("a\x07")}) {
    EXPECT_EQ(refusal(GgufBytes().tensor(name, {1}, kF32, 0), 4),
              "test.gguf: tensor 1 of 1 has no valid name of at most 127 bytes");
  }
}

TEST(Header, HonoursTheAlignment) {
  for (const std::uint64_t alignment : {1u, 8u, 64u, 1u << 20}) {
    GgufBytes file;
    file.alignment = alignment;
    file.value("general.alignment", ValueType::kUint32, static_cast<std::uint32_t>(alignment))
        .tensor("a", {2}, kF32, 0)
        .tensor("b", {1}, kF32, std::max<std::uint64_t>(alignment, 8));
    const std::string bytes = file.bytes(std::max<std::uint64_t>(alignment, 8) + 4);
    const auto header = parse(bytes);
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(header->alignment, alignment);
    EXPECT_EQ(header->data_offset % alignment, 0u);
    EXPECT_EQ(header->data_offset + header->tensor_offsets[1] + 4, bytes.size());
  }
}

TEST(Header, RefusesBadAlignments) {
  for (const std::int64_t alignment : {0l, 3l, 48l, -32l, 1l << 21, 1l << 62}) {
    EXPECT_EQ(refusal(GgufBytes().value("general.alignment", ValueType::kInt64, alignment)),
              "test.gguf: metadata key general.alignment is " + std::to_string(alignment) +
                  ", expected a power of two up to 1048576");
  }
  EXPECT_EQ(refusal(GgufBytes().text("general.alignment", "32")),
            "test.gguf: metadata key general.alignment is of type string, expected an integer");
  EXPECT_EQ(refusal(GgufBytes().tensor("t", {1}, kF32, 16), 64),
            "test.gguf: tensor t begins at offset 16, expected a multiple of 32");
}

TEST(Header, DescribesTensors) {
  const auto file = GgufBytes()
                        .tensor("a", {3}, kF32, 0)
                        .tensor("b", {32, 2, 1, 5}, kQ4_0, 32)
                        .bytes(32 + 10 * 18);
  const auto header = parse(file);
  ASSERT_TRUE(header) << header.error().message;
  ASSERT_EQ(header->tensors.size(), 2u);
  EXPECT_EQ(header->tensors[0].dimensions, 1);
  EXPECT_EQ(header->tensors[0].shape_text(), "[3]");
  EXPECT_EQ(header->tensors[0].elements(), 3);
  EXPECT_EQ(header->tensors[1].name, "b");
  EXPECT_EQ(header->tensors[1].format->name, "Q4_0");
  EXPECT_EQ(header->tensors[1].dimensions, 4);
  EXPECT_EQ(header->tensors[1].shape_text(), "[32, 2, 1, 5]");
  EXPECT_EQ(header->tensors[1].elements(), 320);
  EXPECT_EQ(header->tensor_offsets[1], 32u);
}

TEST(Header, RefusesImpossibleShapes) {
  EXPECT_THAT(refusal(GgufBytes().tensor("t", {}, kF32, 0), 32),
              HasSubstr("tensor t has 0 dimensions, expected 1 to 4"));
  EXPECT_THAT(refusal(GgufBytes().tensor("t", {1, 1, 1, 1, 1}, kF32, 0), 32),
              HasSubstr("tensor t has 5 dimensions, expected 1 to 4"));
  EXPECT_THAT(refusal(GgufBytes().tensor("t", {4, 0}, kF32, 0), 32),
              HasSubstr("impossible dimension of 0"));
  EXPECT_THAT(refusal(GgufBytes().tensor("t", {kHuge}, kF32, 0), 32),
              HasSubstr("impossible dimension"));
  EXPECT_THAT(refusal(GgufBytes().tensor("t", {(1ull << 60) + 1}, kF32, 0), 32),
              HasSubstr("impossible dimension"));
  EXPECT_THAT(refusal(GgufBytes().tensor("t", {1ull << 32, 1ull << 32}, kF32, 0), 32),
              HasSubstr("impossible dimension of 4294967296"));
  EXPECT_THAT(refusal(GgufBytes().tensor("t", {2, 1ull << 31, 1ull << 31, 2}, kF32, 0), 32),
              HasSubstr("impossible dimension of 2"));
  EXPECT_THAT(refusal(GgufBytes().tensor("t", {33}, kQ4_0, 0), 64),
              HasSubstr("tensor t has rows of 33 values, expected a multiple of 32 for type Q4_0"));
  EXPECT_THAT(
      refusal(GgufBytes().tensor("t", {32, 8}, kQ4_K, 0), 256),
      HasSubstr("tensor t has rows of 32 values, expected a multiple of 256 for type Q4_K"));
}

TEST(Header, RefusesTensorsBeyondTheEnd) {
  EXPECT_EQ(refusal(GgufBytes().tensor("t", {8}, kF32, 0), 32), "accepted");
  EXPECT_EQ(
      refusal(GgufBytes().tensor("t", {8}, kF32, 0), 31),
      "test.gguf: tensor t [8] ends beyond the end of the file (95 bytes): it is cut or damaged");
  EXPECT_THAT(refusal(GgufBytes().tensor("t", {1ull << 60}, kF32, 0), 32),
              HasSubstr("ends beyond the end"));
  EXPECT_THAT(refusal(GgufBytes().tensor("t", {1ull << 60}, 28, 0), 32),
              HasSubstr("ends beyond the end"));
  for (const std::uint64_t offset : {kHuge - 31, kHuge / 2 + 1, std::uint64_t{32}}) {
    EXPECT_THAT(refusal(GgufBytes().tensor("t", {1}, kF32, offset), 32),
                HasSubstr("tensor t [1] ends beyond the end of the file"));
  }
}

TEST(Header, RefusesTensorsThatOverlap) {
  EXPECT_EQ(refusal(GgufBytes().tensor("a", {9}, kF32, 0).tensor("b", {1}, kF32, 32), 64),
            "test.gguf: tensors a and b overlap");
  EXPECT_EQ(refusal(GgufBytes().tensor("a", {1}, kF32, 32).tensor("b", {9}, kF32, 0), 64),
            "test.gguf: tensors b and a overlap");
  EXPECT_EQ(refusal(GgufBytes().tensor("a", {8}, kF32, 32).tensor("b", {8}, kF32, 0), 64),
            "accepted");
}

TEST(Header, NamesRemovedAndUnknownTensorTypes) {
  const std::pair<std::uint32_t, std::string> removed[] = {
      {4, "Q4_2"},      {5, "Q4_3"},        {31, "Q4_0_4_4"},   {32, "Q4_0_4_8"},
      {33, "Q4_0_8_8"}, {36, "IQ4_NL_4_4"}, {37, "IQ4_NL_4_8"}, {38, "IQ4_NL_8_8"}};
  for (const auto& [id, name] : removed) {
    EXPECT_EQ(refusal(GgufBytes().tensor("blk.0.attn_q.weight", {256}, id, 0), 1024),
              "test.gguf: tensor blk.0.attn_q.weight has type " + std::to_string(id) + " (" + name +
                  "), which was removed from GGUF");
  }
  for (const std::uint32_t id : {9u, 15u, 1000u, 4294967295u}) {
    EXPECT_EQ(refusal(GgufBytes().tensor("t", {256}, id, 0), 1024),
              "test.gguf: tensor t has the unknown type " + std::to_string(id));
  }
}

// A file with a bit of everything that ends with the last byte of its last tensor.
std::string small_file() {
  return GgufBytes()
      .text("general.architecture", "llama")
      .value("general.alignment", ValueType::kUint32, 32u)
      .value("yes", ValueType::kBool, std::uint8_t{1})
      .raw_array("words", 8, 2, packed_string("") + packed_string("abc"))
      .raw_array("numbers", 6, 2, packed(1.0f) + packed(2.0f))
      .tensor("token_embd.weight", {4, 2}, kF32, 0)
      .tensor("output.weight", {32, 2}, kQ4_0, 32)
      .bytes(32 + 36);
}

TEST(Header, RefusesAFileThatIsCutAnywhere) {
  const std::string file = small_file();
  ASSERT_EQ(refusal(file), "accepted");
  for (std::size_t size = 0; size < file.size(); ++size) {
    // A copy of the exact size, so that the address sanitizer sees a read beyond the end.
    const std::vector<char> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_THAT(refusal(std::string_view(cut.data(), cut.size())), StartsWith("test.gguf: "))
        << size;
  }
}

TEST(Header, SurvivesEveryByteBeingWrong) {
  const std::string file = small_file();
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (const int change : {0x01, 0x80, 0xff}) {
      std::string damaged = file;
      damaged[i] = static_cast<char>(damaged[i] ^ change);
      const auto header = parse(damaged);
      if (!header) {
        EXPECT_THAT(header.error().message,
                    AllOf(StartsWith("test.gguf: "), testing::Not(HasSubstr("\n"))));
      }
    }
  }
}

}  // namespace
}  // namespace linnet::gguf
