#include <gtest/gtest.h>

#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

using test::Ids;

test::VocabularyFile vocabulary() {
  test::VocabularyFile file{.model = "rwkv"};
  file.add("<s>", PieceType::kControl);  // 0
  file.add("a");                         // 1
  file.add("ab");                        // 2
  file.add("abcd");                      // 3
  file.add("\\n");                       // 4
  file.add("\\xe6\\xbc");                // 5
  file.add("\\xa2");                     // 6
  file.add("\\\\");                      // 7
  file.add("b");                         // 8
  file.add("c");                         // 9
  file.add("\\'");                       // 10
  file.add("\\x4");                      // 11, not an escape
  file.add("\\");                        // 12
  return file;
}

TEST(RwkvTest, TakesTheLongestTokenAtEachPlace) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "abcd"), (Ids{3}));
  EXPECT_EQ(test::encode(*tokenizer, "abca"), (Ids{2, 9, 1}));
}

TEST(RwkvTest, PiecesAreEscaped) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "\n漢\\'"), (Ids{4, 5, 6, 7, 10}));
  EXPECT_EQ(test::decode(*tokenizer, {4, 5, 6, 7, 10}), "\n漢\\'");
  EXPECT_EQ(tokenizer->token_bytes(11, false), "x4");
  EXPECT_EQ(tokenizer->token_bytes(12, false), "\\");
}

TEST(RwkvTest, BytesWithoutATokenAreUnknownOrAnError) {
  auto file = vocabulary();
  test::expect_no_token(*test::make(file), "aZa<s>", "U+005A ('Z')");
  file.ids = {{"unknown_token_id", 0}};
  EXPECT_EQ(test::encode(*test::make(file), "aZa"), (Ids{1, 0, 1}));
}

}  // namespace
}  // namespace linnet
