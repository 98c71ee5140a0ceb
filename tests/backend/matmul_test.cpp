#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backend/backend_pair.hpp"
#include "backend/instruction_sets.hpp"
#include "support/damaged_weights.hpp"
#include "support/normalised_error.hpp"
#include "support/random_floats.hpp"

namespace linnet {
namespace {

using test::HostMatrix;
using test::random_floats;

struct PackedSource {
  const Format* format;
  std::int64_t columns, rows, slices;
  std::vector<std::byte> bytes;

  MatrixSource source() const { return {format, bytes.data(), columns, rows, slices}; }
};

// Random weights in `format`; types that Linnet cannot write get random bytes, which any block may
// hold, with bytes that keep half-precision scales small.
PackedSource random_weights(const Format& format, std::int64_t columns, std::int64_t rows,
                            std::int64_t slices = 1) {
  PackedSource weights{&format, columns, rows, slices, {}};
  const std::int64_t elements = columns * rows * slices;
  weights.bytes.resize(static_cast<std::size_t>(format.size_bytes(elements)));
  const std::vector<float> values = random_floats(elements, 7);
  if (format.quantize) {
    format.quantize(values.data(), weights.bytes.data(), elements);
  } else {
    std::mt19937 generator(7);
    for (std::byte& byte : weights.bytes) byte = static_cast<std::byte>(generator() % 47);
  }
  return weights;
}

std::vector<const Format*> weight_formats() {
  std::vector<const Format*> formats;
  for (const Format& format : all_formats()) {
    const bool side_data = (format.type >= TensorType::kI8 && format.type <= TensorType::kF64);
    if (!side_data) formats.push_back(&format);
  }
  return formats;
}

std::vector<float> multiply(Backend& backend, const PackedSource& weights, std::vector<float> input,
                            std::int64_t rows) {
  auto matrix = backend.upload(weights.source());
  EXPECT_TRUE(matrix.ok());
  HostMatrix in(rows, weights.columns, std::move(input));
  HostMatrix out(rows, weights.rows);
  const MatmulOutput output{matrix->get(), out.view()};
  backend.matmul(in.view(), {&output, 1});
  return out.values;
}

bool is_16_bit_float(const Format& format) {
  return format.type == TensorType::kF16 || format.type == TensorType::kBF16;
}

// Activations in 8 bits: half a step of 1/127 of a block's largest value; both factors in 14 bits:
// half a step of 1/8191.
double rounding_error(const Format& format) {
  if (is_16_bit_float(format)) return 4e-8;
  return format.block_elements == 1 ? 1e-12 : 1e-4;
}

class MatmulTest : public testing::TestWithParam<const Format*> {};

TEST_P(MatmulTest, AgreesWithTheReference) {
  const Format& format = *GetParam();
  const bool is_float = format.block_elements == 1;
  const auto reference = make_reference_backend();
  for (const std::int64_t rows : {1, 5, 16, 40}) {
    const std::int64_t columns = is_float ? 77 : 512;
    const PackedSource weights = random_weights(format, columns, rows);
    const std::vector<float> input = random_floats(11 * columns, 3);
    const std::vector<float> want = multiply(*reference, weights, input, 11);
    for (const std::string_view set : test::instruction_sets()) {
      const auto backend = test::make_backend(2, set);
      const double error = test::normalised_error(multiply(*backend, weights, input, 11), want);
      EXPECT_LT(error, rounding_error(format)) << set << ", " << rows << " rows";
    }
  }
}

TEST_P(MatmulTest, ARowIsBitIdenticalAloneAndInCompanyOnEveryInstructionSet) {
  const Format& format = *GetParam();
  const std::int64_t columns = 512;
  const PackedSource weights = random_weights(format, columns, 37);
  const std::vector<float> input = random_floats(23 * columns, 5);
  const std::vector<float> want = multiply(*make_cpu_backend(1, "scalar"), weights, input, 23);
  for (const std::string_view set : test::instruction_sets()) {
    const auto backend = test::make_backend(3, set);
    EXPECT_EQ(multiply(*backend, weights, input, 23), want) << set;
    for (const std::int64_t count : {2, 3, 5, 8, 9, 13}) {
      const std::vector<float> few(input.begin(), input.begin() + count * columns);
      const std::vector<float> got = multiply(*backend, weights, few, count);
      EXPECT_TRUE(std::equal(got.begin(), got.end(), want.begin())) << set << ", " << count;
    }
    for (const std::int64_t row : {0, 7, 22}) {
      const std::vector<float> alone(input.begin() + row * columns,
                                     input.begin() + (row + 1) * columns);
      const std::vector<float> got = multiply(*backend, weights, alone, 1);
      EXPECT_TRUE(std::equal(got.begin(), got.end(), want.begin() + row * 37)) << set;
    }
  }
}

// The inverse of their scale is no float.
TEST_P(MatmulTest, ValuesNextToZeroCountAsZeroOnEveryInstructionSet) {
  const Format& format = *GetParam();
  if (format.type == TensorType::kF32) GTEST_SKIP() << "its inputs stay floats";
  const std::int64_t columns = 512;
  const PackedSource weights = random_weights(format, columns, 37);
  std::vector<float> input = random_floats(3 * columns, 5);
  for (std::int64_t i = 0; i < columns; ++i) {
    input[i] *= 1e-38f;                                 // all of the first row,
    if (i / 32 % 2 == 0) input[columns + i] *= 1e-39f;  // some blocks of the second
    input[2 * columns + i] = input[columns + i] * (i / 32 % 2 == 0 ? 0.0f : 1.0f);
  }
  const std::vector<float> want = multiply(*make_cpu_backend(1, "scalar"), weights, input, 3);
  for (int o = 0; o < 37; ++o) {
    EXPECT_EQ(want[o], 0.0f);
    EXPECT_EQ(want[37 + o], want[2 * 37 + o]);
  }
  for (const std::string_view set : test::instruction_sets()) {
    EXPECT_EQ(multiply(*test::make_backend(3, set), weights, input, 3), want) << set;
  }
}

// Products as large as they get: where an instruction set adds them in 16 bits, they have to fit.
TEST_P(MatmulTest, TheLargestCodesGiveTheSameBitsOnEveryInstructionSet) {
  const Format& format = *GetParam();
  constexpr std::int64_t kColumns = 512, kRows = 48;
  PackedSource weights = random_weights(format, kColumns, kRows);
  std::fill(weights.bytes.begin(), weights.bytes.end(), std::byte{0x2f});  // small scales
  if (format.quantize) {
    // Rows of 1, of -1 and of both.
    std::vector<float> values(kRows * kColumns, 1.0f);
    for (std::size_t i = 16 * kColumns; i < values.size(); ++i) {
      values[i] = i < 32 * kColumns || i % 2 == 0 ? -1.0f : 1.0f;
    }
    format.quantize(values.data(), weights.bytes.data(), kRows * kColumns);
  }
  std::vector<float> input(9 * kColumns, 1.0f);
  for (std::size_t i = 3 * kColumns; i < input.size(); ++i) {
    input[i] = i < 6 * kColumns || i % 2 == 0 ? -1.0f : 1.0f;
  }
  const std::vector<float> want = multiply(*make_cpu_backend(1, "scalar"), weights, input, 9);
  for (const std::string_view set : test::instruction_sets()) {
    EXPECT_EQ(multiply(*test::make_backend(1, set), weights, input, 9), want) << set;
  }
}

TEST_P(MatmulTest, EmbeddedRowsAreTheValuesOfTheFile) {
  const Format& format = *GetParam();
  const std::int64_t columns = 512;
  const PackedSource weights = random_weights(format, columns, 21);
  const std::vector<std::int32_t> ids = {20, 0, 15, 16};
  const auto embed = [&](Backend& backend) {
    auto matrix = backend.upload(weights.source());
    HostMatrix out(4, columns);
    backend.embed_rows(**matrix, ids, out.view());
    return out.values;
  };
  const std::vector<float> got = embed(*make_cpu_backend(2)),
                           want = embed(*make_reference_backend());
  if (!is_16_bit_float(format)) {
    EXPECT_EQ(got, want);
    return;
  }
  for (std::size_t first = 0; first < want.size(); first += 32) {
    float largest = 0.0f;
    for (std::size_t i = first; i < first + 32; ++i) largest = std::max(largest, std::abs(want[i]));
    for (std::size_t i = first; i < first + 32; ++i) {
      const bool is_large = std::abs(want[i]) >= largest / 4;
      EXPECT_NEAR(got[i], want[i], is_large ? 0.0f : largest * 0x1p-13f);
    }
  }
}

// The inverse of their scale is no float, either.
TEST(Int16MatmulTest, InputsNextToTheSmallestOnesThatCountGiveTheSameBitsOnEveryInstructionSet) {
  constexpr std::int64_t kColumns = 65, kRows = 17;
  const PackedSource weights = random_weights(*find_format(TensorType::kF16), kColumns, kRows);
  for (const float factor : {2e-36f, 1e-35f, 1e-34f, 2e-34f, 1e-33f}) {
    std::vector<float> input = random_floats(3 * kColumns, 5);
    for (std::size_t i = 0; i < input.size(); ++i) {
      input[i] = (i < kColumns ? std::abs(input[i]) + 1.0f : input[i]) * factor;
    }
    const std::vector<float> want = multiply(*make_cpu_backend(1, "scalar"), weights, input, 3);
    EXPECT_TRUE(std::ranges::all_of(want, [](float x) { return std::isfinite(x); })) << factor;
    for (const std::string_view set : test::instruction_sets()) {
      EXPECT_EQ(multiply(*test::make_backend(1, set), weights, input, 3), want) << set;
    }
  }
}

// 32 products of such codes fit 32 bits, and no more would.
TEST(Int16MatmulTest, TheLargestCodesFitTheirSums) {
  constexpr std::int64_t kColumns = 300, kRows = 17;
  for (const auto& [type, bits] : {std::pair{TensorType::kF16, 0x3fff},
                                   {TensorType::kBF16, 0x3fff},
                                   {TensorType::kF16, 0xbfff},
                                   {TensorType::kBF16, 0xbfff}}) {
    PackedSource weights = random_weights(*find_format(type), kColumns, kRows);
    for (std::size_t i = 0; i < weights.bytes.size(); i += 2) {
      weights.bytes[i] = static_cast<std::byte>(bits & 0xff);
      weights.bytes[i + 1] = static_cast<std::byte>(bits >> 8);
    }
    const std::vector<float> input(7 * kColumns, -3.0f);
    const std::vector<float> want = multiply(*make_reference_backend(), weights, input, 7);
    for (const std::string_view set : test::instruction_sets()) {
      const std::vector<float> got = multiply(*test::make_backend(1, set), weights, input, 7);
      EXPECT_LT(test::normalised_error(got, want), 1e-12) << set;
    }
  }
}

// Tiny and huge ones, and of rows that end within a block.
TEST(Int16MatmulTest, WeightsOfAnyMagnitudeAgreeWithTheReference) {
  for (const float factor : {1e-33f, 1e-30f, 1.0f, 1e30f}) {
    for (const std::int64_t columns : {1, 31, 33, 257}) {
      const Format& format = *find_format(TensorType::kBF16);
      PackedSource weights{&format, columns, 5, 1, {}};
      std::vector<float> values = random_floats(5 * columns, 3);
      for (float& value : values) value *= factor;
      weights.bytes.resize(static_cast<std::size_t>(format.size_bytes(5 * columns)));
      format.quantize(values.data(), weights.bytes.data(), 5 * columns);
      const std::vector<float> input = random_floats(3 * columns, 4);
      std::vector<float> got = multiply(*make_cpu_backend(1), weights, input, 3);
      std::vector<float> want = multiply(*make_reference_backend(), weights, input, 3);
      for (std::size_t i = 0; i < got.size(); ++i) got[i] /= factor, want[i] /= factor;
      EXPECT_LT(test::normalised_error(got, want), 1e-7) << factor << ", " << columns << " columns";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, MatmulTest, testing::ValuesIn(weight_formats()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(ExpertMatmulTest, AgreesWithTheReferenceAndDoesNotDependOnTheOtherRows) {
  for (const TensorType type : {TensorType::kF32, TensorType::kQ4_0, TensorType::kQ6_K}) {
    constexpr std::int64_t kRows = 9, kColumns = 256, kOutputs = 40, kExperts = 5;
    const PackedSource weights = random_weights(*find_format(type), kColumns, kOutputs, kExperts);
    const std::vector<float> scale = random_floats(kExperts, 1);
    const std::vector<float> bias = random_floats(kExperts * kOutputs, 2);
    std::vector<std::int32_t> experts(kRows * 2);
    for (std::size_t i = 0; i < experts.size(); ++i) experts[i] = (i * 7 + i / 3) % kExperts;
    std::vector<float> gates(kRows * 2, 0.5f);
    const auto run = [&](Backend& backend, std::int64_t first, std::int64_t rows) {
      auto matrix = backend.upload(weights.source());
      HostMatrix in(kRows, kColumns, random_floats(kRows * kColumns, 9));
      HostMatrix out(rows * 2, kOutputs);
      const View part{in.values.data() + first * kColumns, rows, kColumns, kColumns};
      backend.expert_matmul(part, **matrix, scale.data(), bias.data(),
                            {experts.data() + 2 * first, gates.data(), rows, 2}, out.view());
      return out.values;
    };
    const auto reference = make_reference_backend();
    const auto backend = make_cpu_backend(2);
    const std::vector<float> all = run(*backend, 0, kRows);
    EXPECT_LT(test::normalised_error(all, run(*reference, 0, kRows)),
              type == TensorType::kF32 ? 1e-12 : 1e-4);
    const std::vector<float> alone = run(*backend, 4, 1);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), all.begin() + 4 * 2 * kOutputs));
  }
}

// More rows of an expert than are multiplied straight from the packed weights, and no neighbours.
TEST(ExpertMatmulTest, GivesTheSameBitsOnEveryInstructionSet) {
  constexpr std::int64_t kRows = 50, kColumns = 512, kOutputs = 40, kExperts = 2;
  for (const TensorType type : {TensorType::kQ4_K, TensorType::kQ6_K}) {
    const PackedSource weights = random_weights(*find_format(type), kColumns, kOutputs, kExperts);
    std::vector<std::int32_t> experts(kRows);
    for (std::int32_t i = 0; i < kRows; ++i) experts[i] = i % 3 == 0 ? 0 : 1;
    std::vector<float> gates(kRows, 1.0f);
    const auto run = [&](std::string_view set) {
      const auto backend = test::make_backend(2, set);
      auto matrix = backend->upload(weights.source());
      HostMatrix in(kRows, kColumns, random_floats(kRows * kColumns, 9)), out(kRows, kOutputs);
      backend->expert_matmul(in.view(), **matrix, nullptr, nullptr,
                             {experts.data(), gates.data(), kRows, 1}, out.view());
      return out.values;
    };
    const std::vector<float> want = run("scalar");
    for (const std::string_view set : test::instruction_sets()) EXPECT_EQ(run(set), want) << set;
  }
}

TEST(ExpertMatmulTest, ReadsAnExpertOfALastingSourceWhenItIsFirstUsed) {
  PackedSource weights = random_weights(*find_format(TensorType::kQ4_0), 256, 16, 3);
  MatrixSource source = weights.source();
  source.lasting = true;
  const auto backend = make_cpu_backend(2);
  auto matrix = backend->upload(source);
  const auto run = [&](std::int32_t expert) {
    float gate = 1.0f;
    HostMatrix in(1, 256, random_floats(256, 9)), out(1, 16);
    backend->expert_matmul(in.view(), **matrix, nullptr, nullptr, {&expert, &gate, 1, 1},
                           out.view());
    return out.values;
  };
  const std::vector<float> first = run(0);
  std::fill(weights.bytes.begin(), weights.bytes.end(), std::byte{0});
  EXPECT_EQ(run(0), first);
  EXPECT_EQ(run(2), std::vector<float>(16, 0.0f));
}

PackedSource damaged_weights(std::string_view format, std::size_t last_byte) {
  PackedSource weights = random_weights(*find_format(format), 256, 40, 3);
  test::damage(weights.bytes, last_byte);
  return weights;
}

// Products with activations in 8 bits make something of a scale that is no number, and what follows
// looks sound.
TEST(DamagedWeightsTest, AreSeenWhenTheyArePacked) {
  const auto backend = make_cpu_backend(2);
  for (const auto& [format, last_byte] : test::kFloatPlaces) {
    const auto matrix = backend->upload(damaged_weights(format, last_byte).source());
    ASSERT_FALSE(matrix) << format;
    EXPECT_EQ(matrix.error().message, "some weights are not finite: the file is damaged");
  }
  EXPECT_TRUE(backend->upload(random_weights(*find_format("Q4_K"), 256, 40, 3).source()));
}

// The exponent that stands for no number; ggml reads 2^127, and the kernels would read infinity.
TEST(DamagedWeightsTest, AnExponentThatIsNoNumberIsSeen) {
  const auto backend = make_cpu_backend(1);
  PackedSource weights = random_weights(*find_format("MXFP4"), 256, 40);
  weights.bytes[17 * 100] = std::byte{254};
  EXPECT_TRUE(backend->upload(weights.source()));
  weights.bytes[17 * 100] = std::byte{255};
  const auto matrix = backend->upload(weights.source());
  ASSERT_FALSE(matrix);
  EXPECT_EQ(matrix.error().message, "some weights are not finite: the file is damaged");
}

TEST(DamagedWeightsTest, OfAnExpertAreSeenWhenItIsFirstUsed) {
  const PackedSource weights = damaged_weights("Q4_0", 18 * 8 * 100 + 1);
  MatrixSource source = weights.source();
  source.lasting = true;
  source.name = "m.gguf: tensor blk.0.ffn_up_exps.weight";
  const auto backend = make_cpu_backend(2);
  const auto matrix = backend->upload(source);
  ASSERT_TRUE(matrix) << matrix.error().message;
  bool is_damaged = false;
  for (std::int32_t expert : {0, 1, 2, 0}) {
    float gate = 1.0f;
    HostMatrix in(1, 256, random_floats(256, 9)), out(1, 40);
    backend->expert_matmul(in.view(), **matrix, nullptr, nullptr, {&expert, &gate, 1, 1},
                           out.view());
    is_damaged = is_damaged || expert == 2;
    EXPECT_EQ(!backend->status(), is_damaged) << expert;
  }
  ASSERT_FALSE(backend->status());
  EXPECT_EQ(backend->status().error().message,
            "m.gguf: tensor blk.0.ffn_up_exps.weight: some weights are not finite: the file is "
            "damaged");
}

// 704 columns end in the middle of a panel. What memory held for the blocks behind them was read
// and multiplied, though not used: the overflow shows with the asan preset.
TEST(MatmulMemoryTest, WhatAnEarlierInputLeftBehindDoesNotMatter) {
  const Format& q8_0 = *find_format("Q8_0");
  const PackedSource wide = random_weights(q8_0, 2048, 32), odd = random_weights(q8_0, 704, 32);
  const auto used = make_cpu_backend(1), fresh = make_cpu_backend(1);
  multiply(*used, wide, random_floats(16 * 2048, 3), 16);
  const std::vector<float> input = random_floats(16 * 704, 4);
  EXPECT_EQ(multiply(*used, odd, input, 16), multiply(*fresh, odd, input, 16));
}

// As damaged models give. What overflowed shows with the asan preset.
TEST(MatmulMemoryTest, ARowThatIsNotFiniteSpoilsNoOther) {
  const PackedSource weights = random_weights(*find_format("Q4_0"), 256, 32);
  std::vector<float> input = random_floats(9 * 256, 4);
  for (const std::string_view set : test::instruction_sets()) {
    const auto backend = test::make_backend(1, set);
    const std::vector<float> want = multiply(*backend, weights, input, 9);
    std::vector<float> spoilt = input;
    spoilt[3] = std::numeric_limits<float>::infinity();
    spoilt[40] = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> got = multiply(*backend, weights, spoilt, 9);
    EXPECT_TRUE(std::equal(got.begin() + 32, got.end(), want.begin() + 32)) << set;
  }
}

TEST(MatmulEpilogueTest, ScalesAddsBiasAndAccumulates) {
  const PackedSource weights = random_weights(*find_format(TensorType::kF32), 48, 20);
  const std::vector<float> bias = random_floats(20, 4);
  const auto run = [&](Backend& backend) {
    auto matrix = backend.upload(weights.source());
    HostMatrix in(3, 48, random_floats(3 * 48, 6));
    HostMatrix out(3, 20, random_floats(3 * 20, 8));
    const MatmulOutput output{matrix->get(), out.view(), bias.data(), true, 0.25f};
    backend.matmul(in.view(), {&output, 1});
    return out.values;
  };
  EXPECT_LT(test::normalised_error(run(*make_cpu_backend(2)), run(*make_reference_backend())),
            1e-12);
}

// Gate and up in one pass: the bits of two matmuls and an activation, for few rows, for more than a
// chunk of them and for outputs that end within a strip.
TEST(GatedMatmulTest, IsTwoMatmulsAndAnActivation) {
  constexpr std::int64_t kColumns = 256, kOutputs = 40;
  const PackedSource gate_weights = random_weights(*find_format("Q4_K"), kColumns, kOutputs);
  const PackedSource up_weights = random_weights(*find_format("Q8_0"), kColumns, kOutputs);
  const std::vector<float> bias = random_floats(kOutputs, 4);
  for (const std::string_view set : test::instruction_sets()) {
    const auto backend = test::make_backend(2, set);
    auto gate_matrix = backend->upload(gate_weights.source());
    auto up_matrix = backend->upload(up_weights.source());
    for (const std::int64_t rows : {1, 7, 300}) {
      HostMatrix in(rows, kColumns, random_floats(rows * kColumns, 6));
      const auto run = [&](auto&& operation) {
        HostMatrix gate(rows, kOutputs), up(rows, kOutputs);
        operation(MatmulOutput{gate_matrix->get(), gate.view(), bias.data(), false, 0.5f},
                  MatmulOutput{up_matrix->get(), up.view(), nullptr, false, 2.0f});
        return up.values;
      };
      const auto got = run([&](const MatmulOutput& gate, const MatmulOutput& up) {
        backend->gated_matmul(in.view(), gate, up, Activation::kSilu);
      });
      const auto want = run([&](const MatmulOutput& gate, const MatmulOutput& up) {
        backend->Backend::gated_matmul(in.view(), gate, up, Activation::kSilu);
      });
      EXPECT_EQ(got, want) << set << ", " << rows << " rows";
    }
  }
}

}  // namespace
}  // namespace linnet
