// With CudaOptions::deterministic results do not depend on the other rows, bit for bit.

#include <numeric>

#include "cuda/cuda_rows.hpp"
#include "support/evaluate.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

using test::DeviceRows;

class CudaDeterministicTest : public test::CudaTest {
 protected:
  void SetUp() override {
    CudaOptions options = test::options_of_environment();
    options.deterministic = true;
    auto made = make_cuda_backend(1, options);
    if (!made) GTEST_SKIP() << made.error().message;
    cuda_ = std::move(*made);
    reference_ = make_reference_backend();
  }

  // The first `rows` of random inputs times a weight.
  std::vector<float> product(const Matrix& weight, std::int64_t rows) {
    const std::int64_t outputs = weight.rows();
    const DeviceRows in = test::random_rows(*cuda_, 300, weight.columns(), 1);
    const DeviceRows out(*cuda_, rows, outputs);
    const MatmulOutput output{&weight, out.view()};
    cuda_->matmul(in.view().first_rows(rows), {&output, 1});
    return out.values();
  }
};

// Few outputs of many inputs, which are split; more outputs; rows beyond those that go to a library
// elsewhere.
TEST_F(CudaDeterministicTest, ProductsOfARow) {
  for (const char* type : {"Q4_K", "Q8_0", "F16", "BF16", "F32"}) {
    for (const auto& [columns, outputs] : {std::pair{1280, 40}, {256, 300}}) {
      const test::PackedSource source(*find_format(type), columns, outputs);
      const auto weight = cuda_->upload(source.source());
      ASSERT_TRUE(weight) << weight.error().message;
      const auto one = product(**weight, 1);
      for (const std::int64_t rows : {3, 40, 300}) {
        auto more = product(**weight, rows);
        more.resize(one.size());
        EXPECT_EQ(more, one) << type << ", " << rows << " rows";
      }
    }
  }
}

// A row alone, with others of its sequence, and beside a longer sequence.
TEST_F(CudaDeterministicTest, AttentionOfARow) {
  constexpr int kTokens = 700, kRow = 330;
  auto store = cuda_->make_kv_store({{{1, 32, 32}}, KvType::kF16, 2 * (kTokens / kPageTokens + 1)});
  ASSERT_TRUE(store);
  std::vector<std::int32_t> pages(kTokens / kPageTokens + 1), others(pages.size());
  std::iota(pages.begin(), pages.end(), 0);
  std::iota(others.begin(), others.end(), static_cast<std::int32_t>(pages.size()));
  const std::span<const std::int32_t> tables[] = {pages, others};
  const std::int32_t lengths[] = {kTokens, kTokens};
  const DeviceRows keys = test::random_rows(*cuda_, kTokens, 32, 1);
  const DeviceRows values = test::random_rows(*cuda_, kTokens, 32, 2);
  const DeviceRows queries = test::random_rows(*cuda_, kTokens, 64, 3);
  std::vector<std::int32_t> positions(kTokens);
  std::iota(positions.begin(), positions.end(), 0);
  for (const int sequence : {0, 1}) {
    const std::vector<std::int32_t> sequences(kTokens, sequence);
    cuda_->store_kv(**store, 0, keys.view(), values.view(),
                    {positions, sequences, tables, lengths});
  }
  // Rows [first, last) of the first sequence, and the last one of the other where it takes part.
  const auto attend = [&](int first, int last, bool beside) {
    std::vector<std::int32_t> at(positions.begin() + first, positions.begin() + last);
    std::vector<std::int32_t> sequences(at.size(), 0);
    if (beside) at.push_back(kTokens - 1), sequences.push_back(1);
    const auto rows = static_cast<std::int64_t>(at.size());
    const DeviceRows out(*cuda_, rows, 64);
    const View all = queries.view();
    const auto tables_used = std::span(tables).first(beside ? 2 : 1);
    const std::int32_t own_lengths[] = {last, kTokens};
    cuda_->attention(**store, {all.row(first), rows, all.columns, all.stride}, {0, 2, 1, 32, 32},
                     {at, sequences, tables_used, std::span(own_lengths).first(tables_used.size())},
                     out.view());
    const auto result = out.values();
    const auto row = result.begin() + (kRow - first) * 64;
    return std::vector<float>(row, row + 64);
  };
  const auto alone = attend(kRow, kRow + 1, false);
  EXPECT_EQ(attend(kRow - 20, kRow + 60, false), alone);
  EXPECT_EQ(attend(kRow, kRow + 1, true), alone);
}

class CudaDeterministicModelTest : public CudaDeterministicTest,
                                   public testing::WithParamInterface<std::string> {};

TEST_P(CudaDeterministicModelTest, LogitsAreBitIdenticalWhateverTheChunks) {
  const auto oracle = test::OracleCase::read(GetParam());
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "model.gguf";
  ASSERT_TRUE(oracle.write(path));
  auto tokens = oracle.tokens();
  tokens.resize(36);
  std::vector<std::vector<float>> logits;
  for (const std::int64_t chunk : {36, 5}) {
    auto result = test::evaluate(path, *cuda_, tokens, chunk);
    ASSERT_TRUE(result) << result.error().message;
    logits.push_back(std::move(result->logits));
  }
  EXPECT_EQ(logits[0], logits[1]);
}

INSTANTIATE_TEST_SUITE_P(Cases, CudaDeterministicModelTest,
                         testing::Values("llama-dense", "jamba-dense", "qwen35moe-moe",
                                         "deepseek32-moe"),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
