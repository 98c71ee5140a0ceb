#include <gtest/gtest.h>

#include "backend/product_observer.hpp"
#include "support/random_floats.hpp"

namespace linnet {
namespace {

struct Seen {
  std::string tensor;
  std::int64_t slice;
  std::vector<float> in;
  friend bool operator==(const Seen&, const Seen&) = default;
};

class Notes final : public ProductObserver {
 public:
  void see(const Product& product) override {
    Seen& seen = all.emplace_back(Seen{product.weight.tensor, product.slice, {}});
    for (std::int64_t r = 0; r < product.in.rows; ++r) {
      seen.in.insert(seen.in.end(), product.in.row(r), product.in.row(r) + product.in.columns);
    }
  }
  std::vector<Seen> all;
};

class ObservedBackend : public testing::Test {
 protected:
  static constexpr std::int64_t kColumns = 8, kRows = 4, kSlices = 3;

  std::unique_ptr<Matrix> upload(Backend& backend, const std::string& tensor,
                                 std::int64_t slices = 1) const {
    return std::move(
        *backend.upload(MatrixSource{.format = find_format(TensorType::kF32),
                                     .bytes = reinterpret_cast<const std::byte*>(weights_.data()),
                                     .columns = kColumns,
                                     .rows = kRows,
                                     .slices = slices,
                                     .weight = {tensor, 0, slices}}));
  }

  const std::vector<float> weights_ = test::random_floats(kColumns * kRows * kSlices, 1);
  std::vector<float> input_ = test::random_floats(2 * kColumns, 2);
  const View in_{input_.data(), 2, kColumns, kColumns};
  Notes notes_;
  const std::unique_ptr<Backend> observed_ = make_observed_cpu_backend(1, notes_);
  const std::unique_ptr<Backend> plain_ = make_cpu_backend(1);
};

TEST_F(ObservedBackend, ShowsProductsAndComputesTheSame) {
  const auto compute = [&](Backend& backend) {
    const auto a = upload(backend, "a.weight"), b = upload(backend, "b.weight"),
               none = upload(backend, "");
    std::vector<float> out(6 * kRows);
    const auto view = [&](int i) { return View{out.data() + 2 * i * kRows, 2, kRows, kRows}; };
    const MatmulOutput outputs[] = {{a.get(), view(0)}, {none.get(), view(1)}};
    backend.matmul(in_, outputs);
    backend.gated_matmul(in_, {a.get(), view(1)}, {b.get(), view(2)}, Activation::kSilu);
    return out;
  };
  EXPECT_EQ(compute(*observed_), compute(*plain_));
  const std::vector<Seen> want = {
      {"a.weight", 0, input_}, {"a.weight", 0, input_}, {"b.weight", 0, input_}};
  EXPECT_EQ(notes_.all, want);
}

TEST_F(ObservedBackend, ShowsToEachExpertItsRows) {
  const auto compute = [&](Backend& backend, View in, std::vector<std::int32_t> experts) {
    const auto weight = upload(backend, "experts.weight", kSlices);
    std::vector<float> out(experts.size() * kRows), shares(experts.size(), 1.0f);
    const Routing routing{experts.data(), shares.data(), 2, static_cast<int>(experts.size() / 2)};
    backend.expert_matmul(in, *weight, nullptr, nullptr, routing,
                          {out.data(), std::ssize(experts), kRows, kRows});
    return out;
  };
  const std::vector<float> first(input_.begin(), input_.begin() + kColumns);
  const std::vector<float> second(input_.begin() + kColumns, input_.end());
  // Two experts a row, then a row for each pick.
  EXPECT_EQ(compute(*observed_, in_, {2, 0, 1, 2}), compute(*plain_, in_, {2, 0, 1, 2}));
  compute(*observed_, in_, {1, 0});
  const std::string name = "experts.weight";
  const std::vector<Seen> want = {{name, 2, first},  {name, 0, first}, {name, 1, second},
                                  {name, 2, second}, {name, 1, first}, {name, 0, second}};
  EXPECT_EQ(notes_.all, want);
}

// A matrix often lies where one lay that is gone.
TEST_F(ObservedBackend, DoesNotTakeAMatrixForOneThatWasThereBefore) {
  std::vector<float> out(2 * kRows);
  for (int i = 0; i < 10; ++i) {
    upload(*observed_, "gone.weight").reset();
    const auto unnamed = upload(*observed_, "");
    const MatmulOutput outputs[] = {{unnamed.get(), {out.data(), 2, kRows, kRows}}};
    observed_->matmul(in_, outputs);
  }
  EXPECT_TRUE(notes_.all.empty());
}

}  // namespace
}  // namespace linnet
