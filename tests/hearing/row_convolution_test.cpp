#include "hearing/row_convolution.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/random_floats.hpp"
#include "support/tensor_file.hpp"

namespace linnet {
namespace {

using Values = std::vector<float>;

constexpr int kRows = 6, kColumns = 3;

class RowConvolutionTest : public testing::Test {
 protected:
  // What the file's convolution makes of random rows, the second time.
  Values run(Backend& backend, int taps, int later) {
    WeightLoader loader(file_.file(), backend);
    const RowConvolution convolution(loader, "a", kColumns, taps, later);
    EXPECT_FALSE(loader.failed()) << loader.finish().error().message;
    const auto states =
        backend.make_state_store({{RowConvolution::state_floats(kColumns, taps)}, /*slots=*/1});
    Workspace workspace(
        std::move(*backend.allocate(Workspace::floats_for(4 * (kRows + later), kColumns, 4))));
    const View in = workspace.view(kRows, kColumns);
    backend.upload(in_, in.data);
    convolution.run(backend, workspace, **states, in);
    const View out = convolution.run(backend, workspace, **states, in);
    Values values(static_cast<std::size_t>(out.rows * out.columns));
    backend.download(out, values.data());
    return values;
  }

  // The same by the definition.
  Values expected(int taps, int later) {
    const Values weights = file_.values("a.weight"), bias = file_.values("a.bias");
    Values out;
    for (int row = 0; row < kRows; ++row) {
      for (int column = 0; column < kColumns; ++column) {
        float sum = bias[static_cast<std::size_t>(column)];
        for (int tap = 0; tap < taps; ++tap) {
          const int from = row + later - taps + 1 + tap;
          if (from < 0 || from >= kRows) continue;
          sum += weights[static_cast<std::size_t>(column * taps + tap)] *
                 in_[static_cast<std::size_t>(from * kColumns + column)];
        }
        out.push_back(sum);
      }
    }
    return out;
  }

  void expect_definition(int taps, int later) {
    file_.tensor("a.weight", {taps, kColumns}).tensor("a.bias", {kColumns});
    const auto cpu = make_cpu_backend(2);
    const Values want = expected(taps, later);
    const auto is_near = testing::Pointwise(testing::FloatNear(1e-5f), want);
    EXPECT_THAT(run(file_.backend(), taps, later), is_near);
    EXPECT_THAT(run(*cpu, taps, later), is_near);
  }

  test::TensorFile file_;
  const Values in_ = test::random_floats(kRows * kColumns, 7);
};

TEST_F(RowConvolutionTest, OfEarlierRows) { expect_definition(5, 0); }

TEST_F(RowConvolutionTest, OfEarlierAndLaterRows) { expect_definition(5, 2); }

TEST_F(RowConvolutionTest, OfMoreRowsThanThereAre) { expect_definition(15, 7); }

TEST_F(RowConvolutionTest, OfTheRowItself) { expect_definition(1, 0); }

TEST_F(RowConvolutionTest, WeightsOfAnotherShapeAreAnError) {
  file_.tensor("a.weight", {4, kColumns});
  WeightLoader loader(file_.file(), file_.backend());
  const RowConvolution convolution(loader, "a", kColumns, 5, 2);
  EXPECT_THAT(loader.finish().error().message,
              testing::HasSubstr("tensor a.weight has shape [4, 3]"));
}

}  // namespace
}  // namespace linnet
