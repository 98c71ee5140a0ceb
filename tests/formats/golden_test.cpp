// Every tensor type against packed rows and the values that ggml's own conversion gives them.
#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "formats/format.hpp"
#include "support/golden_files.hpp"
#include "support/paths.hpp"

namespace linnet {
namespace {

const std::filesystem::path kFolder = test::in_repository("tests/data/formats");

std::vector<std::byte> from_hex(const std::string& hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

class GoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, dequantizes_to_the_same_bits) {
  const auto golden = test::read_json(kFolder / (GetParam() + ".json"));
  const Format* format = find_format(GetParam());
  ASSERT_NE(format, nullptr);
  EXPECT_EQ(static_cast<std::uint32_t>(format->type), golden.at("id"));
  EXPECT_EQ(format->block_elements, golden.at("block_elements"));
  EXPECT_EQ(format->block_bytes, golden.at("block_bytes"));
  const std::int64_t elements = golden.at("row_elements");
  ASSERT_EQ(golden.at("rows").size(), golden.at("values").size());
  ASSERT_GT(golden.at("rows").size(), 0u);
  for (std::size_t row = 0; row < golden.at("rows").size(); ++row) {
    auto bytes = from_hex(golden.at("rows")[row]);
    ASSERT_EQ(static_cast<std::int64_t>(bytes.size()), format->size_bytes(elements));
    bytes.insert(bytes.begin(), std::byte{0});  // so that no block is aligned
    std::vector<float> values(elements);
    format->dequantize(bytes.data() + 1, values.data(), elements);
    for (std::int64_t i = 0; i < elements; ++i) {
      const float expected = golden.at("values")[row][i];
      ASSERT_EQ(std::bit_cast<std::uint32_t>(values[i]), std::bit_cast<std::uint32_t>(expected))
          << "row " << row << " value " << i << ": " << values[i] << " instead of " << expected;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(types, GoldenTest, testing::ValuesIn(test::case_names(kFolder)),
                         [](const auto& info) { return info.param; });

TEST(GoldenCasesTest, cover_every_quantised_type) {
  std::set<std::string> missing;
  for (const Format& format : all_formats()) missing.insert(std::string(format.name));
  for (const std::string& name : test::case_names(kFolder)) missing.erase(name);
  EXPECT_EQ(missing, (std::set<std::string>{"F32", "F64", "I8", "I16", "I32", "I64"}));
}

}  // namespace
}  // namespace linnet
