#include "backend/cpu/weight_bytes.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "backend/backend.hpp"

namespace linnet {
namespace {

bool holds_weights(const Format& format) {
  return format.type < TensorType::kI8 || format.type > TensorType::kF64;
}

TEST(CpuWeightBytes, AreThoseOfThePackedWeight) {
  const auto backend = make_cpu_backend(1);
  for (const Format& format : all_formats()) {
    if (!holds_weights(format)) continue;
    for (const std::int64_t columns : {256, 512, 768, 1, 33, 300}) {
      if (columns % format.block_elements != 0) continue;
      constexpr std::int64_t kRows = 32, kSlices = 3;
      const std::vector<std::byte> bytes(
          static_cast<std::size_t>(format.size_bytes(columns * kRows * kSlices)));
      const auto matrix = backend->upload({&format, bytes.data(), columns, kRows, kSlices});
      ASSERT_TRUE(matrix) << format.name << ": " << matrix.error().message;
      EXPECT_EQ(cpu_weight_bytes(format, columns, kRows * kSlices), (*matrix)->size_bytes())
          << format.name;
    }
  }
}

// As docs/performance.md says.
TEST(CpuWeightBytes, AreAtMostSoMuchMoreThanInTheFile) {
  constexpr std::int64_t kColumns = 4096, kRows = 64;
  for (const Format& format : all_formats()) {
    if (!holds_weights(format)) continue;
    const auto bytes = static_cast<double>(cpu_weight_bytes(format, kColumns, kRows));
    const double times = bytes / static_cast<double>(format.size_bytes(kColumns * kRows));
    EXPECT_GE(times, 1.0) << format.name;
    EXPECT_LE(times, format.name.starts_with("IQ1")   ? 2.17
                     : format.name.starts_with("IQ2") ? 1.65
                     : format.name.starts_with("IQ3") ? 1.44
                     : format.name == "TQ1_0"         ? 1.27
                     : format.name == "Q2_K"          ? 1.20
                                                      : 1.06)
        << format.name;
  }
}

}  // namespace
}  // namespace linnet
