#include "chat/piece_json.hpp"

#include <gtest/gtest.h>

#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

TEST(PieceJson, IsATextOrTheNumbersOfItsBytes) {
  auto file = test::byte_level_vocabulary({{"a", "\""}, {"\xc3", "\xa9"}, {"\xa9", "a"}});
  const TokenId end = file.add("<|end|>", PieceType::kControl);
  const auto tokenizer = test::make(file);
  EXPECT_EQ(piece_json(*tokenizer, 256), R"("a\"")");
  EXPECT_EQ(piece_json(*tokenizer, 257), R"("é")");
  EXPECT_EQ(piece_json(*tokenizer, 0xc3), "[195]");
  EXPECT_EQ(piece_json(*tokenizer, 258), "[169,97]");
  EXPECT_EQ(piece_json(*tokenizer, end), R"("<|end|>")");
}

}  // namespace
}  // namespace linnet
