#include <algorithm>

#include "cuda/cuda_rows.hpp"
#include "support/damaged_weights.hpp"
#include "support/normalised_error.hpp"

namespace linnet {
namespace {

using test::DeviceRows;
using test::PackedSource;
using test::random_rows;

class CudaMatmulTest : public test::CudaTest, public testing::WithParamInterface<const Format*> {};

std::vector<float> multiply(Backend& backend, const PackedSource& weights, std::int64_t rows) {
  auto matrix = backend.upload(weights.source());
  if (!matrix) return ADD_FAILURE() << matrix.error().message, std::vector<float>{};
  const DeviceRows in = random_rows(backend, rows, weights.columns, 3);
  const DeviceRows out(backend, rows, weights.rows);
  const MatmulOutput output{matrix->get(), out.view()};
  backend.matmul(in.view(), {&output, 1});
  return out.values();
}

// Rows for every kernel: one at a time, two, four, the narrow and the wide tile with a rest.
TEST_P(CudaMatmulTest, AgreesWithTheReference) {
  const Format& format = *GetParam();
  const bool is_float = format.block_elements == 1;
  for (const std::int64_t columns :
       is_float ? std::vector<std::int64_t>{77, 160} : std::vector<std::int64_t>{256, 768}) {
    const PackedSource weights(format, columns, 139);
    for (const std::int64_t rows : {1, 2, 3, 5, 37}) {
      // Tensor cores, on Hopper from three rows on, take weights and inputs in binary16.
      const bool exact = rows <= 2 || format.type == TensorType::kF32;
      expect_agreement([&](Backend& b) { return multiply(b, weights, rows); }, exact ? 2e-9 : 4e-7);
    }
  }
}

TEST_P(CudaMatmulTest, FourRowsWithoutWarpgroupsAreExact) {
  CudaOptions options = test::options_of_environment();
  options.wgmma = false;
  auto own = make_cuda_backend(1, options);
  ASSERT_TRUE(own) << own.error().message;
  const PackedSource weights(*GetParam(), GetParam()->block_elements == 1 ? 77 : 768, 139);
  for (const std::int64_t rows : {3, 4}) {
    const auto want = multiply(*reference_, weights, rows), got = multiply(**own, weights, rows);
    EXPECT_LT(test::normalised_error(got, want), 2e-9) << rows << " rows";
  }
}

// As many rows as a prompt has: by a library, where there is one.
TEST_P(CudaMatmulTest, ManyRowsAgreeWithTheReference) {
  const bool is_float = GetParam()->block_elements == 1;
  for (const std::int64_t columns : {is_float ? 77 : 256, 256}) {
    const PackedSource weights(*GetParam(), columns, 21);
    expect_agreement([&](Backend& b) { return multiply(b, weights, 260); }, 3e-7);
  }
}

// Every width of a tile, by our own kernels; inputs that are no whole group of a warpgroup's.
TEST_P(CudaMatmulTest, ManyRowsWithoutALibraryAgreeWithTheReference) {
  CudaOptions options = test::options_of_environment();
  options.library = false;
  auto own = make_cuda_backend(1, options);
  ASSERT_TRUE(own) << own.error().message;
  const bool is_block = GetParam()->block_elements == 32;
  const PackedSource weights(*GetParam(), is_block ? 160 : 256, 133);
  for (const std::int64_t rows : {20, 60, 100, 200}) {
    const auto want = multiply(*reference_, weights, rows), got = multiply(**own, weights, rows);
    EXPECT_LT(test::normalised_error(got, want), 3e-7) << rows << " rows";
  }
}

TEST_P(CudaMatmulTest, EmbeddedRowsAreTheValuesOfTheFile) {
  const PackedSource weights(*GetParam(), 512, 21);
  const std::vector<std::int32_t> ids = {20, 0, 15, 16};
  const auto embed = [&](Backend& backend) {
    auto matrix = backend.upload(weights.source());
    const DeviceRows out(backend, 4, 512);
    backend.embed_rows(**matrix, ids, out.view());
    return out.values();
  };
  EXPECT_EQ(embed(*cuda_), embed(*reference_));
}

INSTANTIATE_TEST_SUITE_P(Formats, CudaMatmulTest, testing::ValuesIn(test::weight_formats()),
                         [](const auto& info) { return std::string(info.param->name); });

class CudaProductTest : public test::CudaTest {};

TEST_F(CudaProductTest, TypesThatAreNoWeightsAsARule) {
  for (const TensorType type : {TensorType::kI8, TensorType::kF64}) {
    const PackedSource weights(*find_format(type), 64, 9);
    expect_agreement([&](Backend& b) { return multiply(b, weights, 2); }, 1e-9);
  }
}

TEST_F(CudaProductTest, WeightsThatAreNotFiniteAreSeenWhenTheyArePacked) {
  for (const auto& [format, last_byte] : test::kFloatPlaces) {
    PackedSource weights(*find_format(format), 256, 40);
    EXPECT_TRUE(cuda_->upload(weights.source())) << format;
    test::damage(weights.bytes, last_byte);
    const auto matrix = cuda_->upload(weights.source());
    ASSERT_FALSE(matrix) << format;
    EXPECT_EQ(matrix.error().message, "some weights are not finite: the file is damaged");
  }
}

TEST_F(CudaProductTest, ScalesAddsBiasAndAccumulates) {
  for (const TensorType type : {TensorType::kF32, TensorType::kQ8_0}) {
    const PackedSource weights(*find_format(type), 64, 20);
    for (const std::int64_t rows : {1, 3, 9, 256}) {
      expect_agreement(
          [&](Backend& b) {
            auto matrix = b.upload(weights.source());
            const DeviceRows in = random_rows(b, rows, 64, 6), bias = random_rows(b, 1, 20, 4);
            const DeviceRows out = random_rows(b, rows, 20, 8);
            const MatmulOutput output{matrix->get(), out.view(), bias.data(), true, 0.25f};
            b.matmul(in.view(), {&output, 1});
            return out.values();
          },
          1e-7);
    }
  }
}

// One input for several weights, of which one wants it in another form; outputs side by side.
TEST_F(CudaProductTest, SeveralOutputsOfOneInput) {
  const PackedSource first(*find_format(TensorType::kQ4_K), 256, 40);
  const PackedSource second(*find_format(TensorType::kF16), 256, 24);
  for (const std::int64_t rows : {2, 33}) {
    expect_agreement(
        [&](Backend& b) {
          auto one = b.upload(first.source()), two = b.upload(second.source());
          const DeviceRows in = random_rows(b, rows, 256, 6);
          const DeviceRows out(b, rows, 64);
          const MatmulOutput outputs[] = {{one->get(), out.view().slice(0, 40)},
                                          {two->get(), out.view().slice(40, 24)}};
          b.matmul(in.view(), outputs);
          return out.values();
        },
        2e-7);
  }
}

// Weights of one layout go together, as many as there is room for.
TEST_F(CudaProductTest, ManyWeightsOfOneLayout) {
  const std::int64_t sizes[] = {40, 8, 9, 1, 24, 16};
  std::vector<PackedSource> sources;
  for (const std::int64_t size : sizes) sources.emplace_back(*find_format("Q4_K"), 256, size);
  for (const std::int64_t rows : {1, 2, 4, 11}) {
    expect_agreement(
        [&](Backend& b) {
          const DeviceRows in = random_rows(b, rows, 256, 6), out(b, rows, 98);
          std::vector<std::unique_ptr<Matrix>> matrices;
          std::vector<MatmulOutput> outputs;
          std::int64_t first = 0;
          for (const PackedSource& source : sources) {
            matrices.push_back(std::move(*b.upload(source.source())));
            outputs.push_back({matrices.back().get(), out.view().slice(first, source.rows)});
            first += source.rows;
          }
          b.matmul(in.view(), outputs);
          return out.values();
        },
        rows <= 2 ? 2e-9 : 4e-7);
  }
}

// A scale may be zero in a super block whose number is so large that nothing else fits beside it.
TEST_F(CudaProductTest, LargeNumbersOfSuperBlocksWithoutScales) {
  PackedSource weights(*find_format("Q4_K"), 512, 128);
  const std::size_t block = weights.format->size_bytes(256);
  for (std::size_t at = 0; at < weights.bytes.size(); at += 2 * block) {
    const std::uint8_t largest[] = {0xff, 0x7b, 0xff, 0x7b};  // 65,504 twice
    std::fill_n(weights.bytes.begin() + at, 16, std::byte{0});
    std::memcpy(weights.bytes.data() + at, largest, sizeof largest);
  }
  for (const std::int64_t rows : {1, 9}) {
    expect_agreement([&](Backend& b) { return multiply(b, weights, rows); }, 4e-7);
  }
}

// Gate and up in one kernel where there are few rows, and what a product of the result makes of it;
// outputs that are whole blocks of inputs, and not.
TEST_F(CudaProductTest, GateAndUp) {
  for (const Format* format : test::weight_formats()) {
    const std::int64_t columns = 256, outputs = 256;
    const PackedSource gate(*format, columns, outputs), down(*format, outputs, 24);
    PackedSource up = gate;  // of the same layout, other values
    std::rotate(up.bytes.begin(), up.bytes.begin() + std::ssize(up.bytes) / 2, up.bytes.end());
    for (const std::int64_t rows : {1, 2, 3, 4, 5}) {
      expect_agreement(
          [&](Backend& b) {
            auto left = b.upload(gate.source()), right = b.upload(up.source());
            auto last = b.upload(down.source());
            const DeviceRows in = random_rows(b, rows, columns, 6), both(b, rows, 2 * outputs);
            const DeviceRows bias = random_rows(b, 1, outputs, 8), out(b, rows, 24);
            const View wide = both.view();
            const View x = wide.slice(outputs, outputs);
            b.gated_matmul(in.view(),
                           {left->get(), wide.slice(0, outputs), bias.data(), false, 0.5f},
                           {right->get(), x}, Activation::kSilu);
            const MatmulOutput output{last->get(), out.view()};
            b.matmul(x, {&output, 1});
            std::vector<float> result = out.values(), middle(both.values());
            for (std::int64_t r = 0; r < rows; ++r) {  // what is left of the gate is undefined
              const auto first = middle.begin() + (2 * r + 1) * outputs;
              result.insert(result.end(), first, first + outputs);
            }
            return result;
          },
          rows <= 2 ? 1e-6 : 2e-6);
    }
  }
}

TEST_F(CudaProductTest, GateAndUpOfOddSizes) {
  struct Case {
    const char *gate, *up;
    std::int64_t columns;
  };
  for (const auto& [first, second, columns] :
       {Case{"Q8_0", "Q8_0", 96}, Case{"Q8_0", "Q4_0", 96}, Case{"F32", "F32", 77},
        Case{"F16", "F16", 77}, Case{"BF16", "BF16", 77}}) {
    const PackedSource gate(*find_format(first), columns, 41);
    const PackedSource up(*find_format(second), columns, 41);
    for (const std::int64_t rows : {1, 3}) {
      expect_agreement(
          [&, columns = columns](Backend& b) {
            auto left = b.upload(gate.source()), right = b.upload(up.source());
            const DeviceRows in = random_rows(b, rows, columns, 6), out(b, rows, 41);
            const DeviceRows scratch(b, rows, 41);
            b.gated_matmul(in.view(), {left->get(), scratch.view()}, {right->get(), out.view()},
                           Activation::kClampedSwiglu);
            return out.values();
          },
          rows <= 2 ? 1e-7 : 4e-7);
    }
  }
}

// Values far from 1 must not leave the range of binary16.
TEST_F(CudaProductTest, LargeAndSmallNumbersKeepTheirDigits) {
  const PackedSource weights(*find_format(TensorType::kBF16), 128, 16);
  for (const float size : {1e-12f, 1e6f}) {
    expect_agreement(
        [&](Backend& b) {
          auto matrix = b.upload(weights.source());
          const DeviceRows in = random_rows(b, 12, 128, 5, size), out(b, 12, 16);
          const MatmulOutput output{matrix->get(), out.view()};
          b.matmul(in.view(), {&output, 1});
          return out.values();
        },
        1e-6);
  }
}

// Few outputs and many inputs: several thread blocks share an output.
TEST_F(CudaProductTest, SplitInputsAddUp) {
  const PackedSource weights(*find_format(TensorType::kQ6_K), 4096, 8);
  expect_agreement([&](Backend& b) { return multiply(b, weights, 6); }, 3e-7);
}

TEST_F(CudaProductTest, RowsAreGathered) {
  const std::vector<std::int32_t> rows = {4, 0, 4, 2};
  expect_agreement(
      [&](Backend& b) {
        const DeviceRows in = random_rows(b, 5, 300, 1), out(b, 4, 300);
        b.gather_rows(in.view(), rows, out.view());
        return out.values();
      },
      1e-30);
}

// Heads that each have their own weight, as in latent attention: one kernel for several of them.
struct HeadSizes {
  std::int64_t heads, in_step, outputs, out_step;
};

// Each head of the inputs times the weights of that head.
std::vector<float> multiply_heads(Backend& b, const Format& format, const HeadSizes& size,
                                  std::int64_t rows) {
  std::vector<std::unique_ptr<Matrix>> weights;
  for (std::int64_t h = 0; h < size.heads; ++h) {
    const PackedSource source(format, 256, size.outputs, h % 3 + 1);
    MatrixSource own = source.source();
    own.bytes += own.format->size_bytes(own.columns * own.rows) * (own.slices - 1);
    own.slices = 1;
    weights.push_back(std::move(*b.upload(own)));
  }
  const DeviceRows in = random_rows(b, rows, size.heads * size.in_step + 300, 1);
  const DeviceRows out = random_rows(b, rows, size.heads * size.out_step + 80, 2);
  for (std::int64_t h = 0; h < size.heads; ++h) {
    const MatmulOutput output{weights[static_cast<std::size_t>(h)].get(),
                              out.view().slice(h * size.out_step, size.outputs)};
    b.matmul(in.view().slice(h * size.in_step, 256), {&output, 1});
  }
  return out.values();
}

TEST_F(CudaProductTest, HeadsWithTheirOwnWeights) {
  for (const char* name : {"F32", "BF16", "Q4_K", "Q5_1"}) {
    for (const HeadSizes& size : {HeadSizes{70, 256, 3, 3}, HeadSizes{1, 300, 9, 20}}) {
      for (const std::int64_t rows : {1, 3, 17}) {
        expect_agreement(
            [&](Backend& b) { return multiply_heads(b, *find_format(name), size, rows); }, 1e-6);
      }
    }
  }
}

TEST_F(CudaProductTest, HeadsOfAllFormats) {
  for (const Format* format : test::weight_formats()) {
    for (const std::int64_t rows : {1, 17}) {
      expect_agreement(
          [&](Backend& b) {
            return multiply_heads(b, *format, {5, 300, 70, 80}, rows);
          },
          1e-6);
    }
  }
}

}  // namespace
}  // namespace linnet
