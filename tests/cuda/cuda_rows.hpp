#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "backend/backend.hpp"
#include "backend/cuda/cuda.hpp"
#include "support/normalised_error.hpp"
#include "support/random_floats.hpp"

namespace linnet::test {

/// What LINNET_CUDA_WITHOUT leaves out, as for the program.
inline CudaOptions options_of_environment() {
  const char* set = std::getenv("LINNET_CUDA_WITHOUT");
  const std::string_view without = set ? set : "";
  const auto has = [&](std::string_view part) { return without.find(part) == without.npos; };
  return {.graphs = has("graphs"),
          .library = has("library"),
          .picks = has("picks"),
          .early = has("early"),
          .wgmma = has("wgmma"),
          .chunks = has("chunks"),
          .sparse = has("sparse")};
}

/// Tests of the CUDA backend: on a card, or in the emulation, as the program is linked; skipped
/// where there is neither.
class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = make_cuda_backend(1, options_of_environment());
    if (!made) GTEST_SKIP() << made.error().message;
    cuda_ = std::move(*made);
    reference_ = make_reference_backend();
  }
  void TearDown() override {
    if (!cuda_) return;
    const Status status = cuda_->status();
    EXPECT_TRUE(status) << status.error().message;
  }

  /// What `run` gives on the device is what it gives by the specification.
  void expect_agreement(const std::function<std::vector<float>(Backend&)>& run,
                        double largest_error) {
    const std::vector<float> want = run(*reference_), got = run(*cuda_);
    ASSERT_EQ(got.size(), want.size());
    EXPECT_LT(normalised_error(got, want), largest_error);
  }

  std::unique_ptr<Backend> cuda_, reference_;
};

/// A matrix in a backend's memory.
class DeviceRows {
 public:
  DeviceRows(Backend& backend, std::int64_t rows, std::int64_t columns,
             const std::vector<float>& values = {})
      : backend_(backend), rows_(rows), columns_(columns) {
    auto made = backend.allocate(rows * columns);
    if (!made) throw std::runtime_error(made.error().message);
    buffer_ = std::move(*made);
    if (!values.empty()) backend.upload(values, buffer_->data());
  }
  View view() const { return {buffer_->data(), rows_, columns_, columns_}; }
  float* data() const { return buffer_->data(); }
  std::vector<float> values() const {
    std::vector<float> result(static_cast<std::size_t>(rows_ * columns_));
    backend_.download(view(), result.data());
    return result;
  }

 private:
  Backend& backend_;
  std::int64_t rows_, columns_;
  std::unique_ptr<Buffer> buffer_;
};

/// `rows` x `columns` random numbers in the backend's memory.
inline DeviceRows random_rows(Backend& backend, std::int64_t rows, std::int64_t columns,
                              std::uint32_t seed, float deviation = 1.0f) {
  return DeviceRows(backend, rows, columns, random_floats(rows * columns, seed, deviation));
}

/// Integers as the bits of floats, for memory that holds both.
inline std::vector<float> as_floats(const std::vector<std::int32_t>& numbers) {
  std::vector<float> result(numbers.size());
  std::memcpy(result.data(), numbers.data(), numbers.size() * sizeof(float));
  return result;
}

/// Random weights in `format`; types that Linnet cannot write get random bytes, which any block may
/// hold, small enough to keep half-precision scales small.
struct PackedSource {
  const Format* format;
  std::int64_t columns, rows, slices;
  std::vector<std::byte> bytes;

  PackedSource(const Format& f, std::int64_t c, std::int64_t r, std::int64_t s = 1)
      : format(&f), columns(c), rows(r), slices(s) {
    const std::int64_t elements = c * r * s;
    bytes.resize(static_cast<std::size_t>(f.size_bytes(elements)));
    const std::vector<float> values = random_floats(elements, 7);
    if (f.quantize) {
      f.quantize(values.data(), bytes.data(), elements);
    } else {
      std::mt19937 generator(7);
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(generator() % 47);
    }
  }
  MatrixSource source() const { return {format, bytes.data(), columns, rows, slices}; }
};

/// The tensor types that weights have, one value a block or more.
inline std::vector<const Format*> weight_formats() {
  std::vector<const Format*> formats;
  for (const Format& format : all_formats()) {
    const bool side_data = format.type >= TensorType::kI8 && format.type <= TensorType::kF64;
    if (!side_data) formats.push_back(&format);
  }
  return formats;
}

}  // namespace linnet::test
