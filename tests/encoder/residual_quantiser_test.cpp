#include "encoder/residual_quantiser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/tensor_file.hpp"

namespace linnet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Values = std::vector<float>;

class ResidualQuantiserTest : public testing::Test {
 protected:
  // Rows of two columns.
  Values run(const std::vector<int>& sizes, const Values& rows) {
    Backend& backend = file_.backend();
    WeightLoader loader(file_.file(), backend);
    const ResidualQuantiser quantiser(loader, "books", "rows", sizes, 2);
    const Status loaded = loader.finish();
    EXPECT_TRUE(loaded) << loaded.error().message;
    if (!loaded) return {};
    const std::int64_t count = std::ssize(rows) / 2;
    const auto codes = ResidualQuantiser::codes_of(loader, "books", 2, std::ssize(sizes));
    Workspace workspace(
        std::move(*backend.allocate(2 * Workspace::floats_for(count, 2, 1) +
                                    ResidualQuantiser::workspace_floats(codes, 2, count))));
    const View in = workspace.view(count, 2), out = workspace.view(count, 2);
    backend.upload(rows, in.data);
    quantiser.run(backend, workspace, in, out);
    Values values(rows.size());
    backend.download(out, values.data());
    return values;
  }

  test::TensorFile file_;
};

// The nearest of the first book, then of the second one to what is left.
TEST_F(ResidualQuantiserTest, FindsTheNearestCodeOfEachBook) {
  file_.tensor("books.weight", {2, 2, 2}, {0, 0, 10, 10, 1, 0, 0, 1})
      .tensor("rows.weight", {2, 2, 2}, {1, 2, 3, 4, 10, 20, 30, 40});
  EXPECT_THAT(run({2, 2}, {11, 10, 0, 2}), ElementsAre(3 + 10, 4 + 20, 1 + 30, 2 + 40));
}

TEST_F(ResidualQuantiserTest, CodesBeyondTheSizeOfABookDoNotCount) {
  file_.tensor("books.weight", {2, 3, 1}, {0, 0, 10, 10, 9, 9})
      .tensor("rows.weight", {2, 2, 1}, {1, 2, 3, 4});
  EXPECT_THAT(run({2}, {9, 9}), ElementsAre(3, 4));
}

// Also where the length of those that count is no number: the table of rows has no more.
TEST_F(ResidualQuantiserTest, CodesBeyondTheSizeNeverCount) {
  file_.tensor("books.weight", {2, 4, 1}, {1e34f, 1e34f, 0, 0, 0, 0, 0, 0})
      .tensor("rows.weight", {2, 1, 1}, {5, 6});
  EXPECT_THAT(run({1}, {1e34f, -3e34f}), ElementsAre(5, 6));
}

TEST_F(ResidualQuantiserTest, ABookHasAsManyCodesAsItsScoresTakeRoom) {
  const std::int64_t codes = ResidualQuantiser::kMostCodes + 1;
  file_.tensor("books.weight", {2, codes, 1}).tensor("rows.weight", {2, 1, 1});
  WeightLoader loader(file_.file(), file_.backend());
  const std::vector<int> sizes = {1};
  const ResidualQuantiser quantiser(loader, "books", "rows", sizes, 2);
  EXPECT_THAT(loader.finish().error().message, HasSubstr("has 8193 codes in a book"));
}

}  // namespace
}  // namespace linnet
