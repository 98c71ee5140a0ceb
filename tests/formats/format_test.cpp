#include "formats/format.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace linnet {
namespace {

TEST(FindFormatTest, finds_by_id_and_by_name_in_any_case) {
  for (const Format& format : all_formats()) {
    EXPECT_EQ(find_format(format.type), &format);
    EXPECT_EQ(find_format(format.name), &format);
  }
  ASSERT_NE(find_format("q4_k"), nullptr);
  EXPECT_EQ(find_format("q4_k")->type, TensorType::kQ4_K);
  EXPECT_EQ(find_format("iq2_xxs")->type, TensorType::kIQ2_XXS);
  EXPECT_EQ(find_format(""), nullptr);
  EXPECT_EQ(find_format("Q4"), nullptr);
  EXPECT_EQ(find_format("Q4_0x"), nullptr);
}

TEST(FindFormatTest, every_id_is_supported_removed_or_unknown) {
  const std::set<std::uint32_t> removed = {4, 5, 31, 32, 33, 36, 37, 38};
  const std::set<std::uint32_t> unknown = {9, 15};  // Q8_1 and Q8_K never stand in files
  for (std::uint32_t id = 0; id < 100; ++id) {
    const bool known = id <= 42 && !removed.contains(id) && !unknown.contains(id);
    EXPECT_EQ(find_format(static_cast<TensorType>(id)) != nullptr, known) << id;
    EXPECT_EQ(!removed_format_name(id).empty(), removed.contains(id)) << id;
  }
  EXPECT_EQ(removed_format_name(4), "Q4_2");
  EXPECT_EQ(removed_format_name(31), "Q4_0_4_4");
  EXPECT_EQ(removed_format_name(0xffffffff), "");
}

TEST(FormatTest, size_bytes_counts_blocks) {
  EXPECT_EQ(find_format("Q4_K")->size_bytes(0), 0);
  EXPECT_EQ(find_format("Q4_K")->size_bytes(512), 288);
  EXPECT_EQ(find_format("F32")->size_bytes(3), 12);
}

template <class T>
std::vector<float> dequantize_plain(std::string_view name, const std::vector<T>& values) {
  std::vector<std::byte> bytes(1 + values.size() * sizeof(T));  // unaligned
  std::memcpy(bytes.data() + 1, values.data(), values.size() * sizeof(T));
  std::vector<float> out(values.size());
  find_format(name)->dequantize(bytes.data() + 1, out.data(), values.size());
  return out;
}

TEST(FormatTest, side_data_converts_to_the_nearest_float) {
  EXPECT_EQ(dequantize_plain<float>("F32", {1.5f, -0.25f}), (std::vector<float>{1.5f, -0.25f}));
  EXPECT_EQ(dequantize_plain<double>("F64", {0.1, -3.0}), (std::vector<float>{0.1f, -3.0f}));
  EXPECT_EQ(dequantize_plain<std::int8_t>("I8", {-128, 127}), (std::vector<float>{-128, 127}));
  EXPECT_EQ(dequantize_plain<std::int16_t>("I16", {-32768, 5}), (std::vector<float>{-32768, 5}));
  EXPECT_EQ(dequantize_plain<std::int32_t>("I32", {16777217, -1}),
            (std::vector<float>{16777216, -1}));
  EXPECT_EQ(dequantize_plain<std::int64_t>("I64", {1ll << 40, -7}),
            (std::vector<float>{0x1p40f, -7}));
}

// Normalised mean squared error that a type may have on Gaussian values: a little above what was
// measured, so that a fit which becomes worse is noticed.
const std::map<std::string_view, double> kErrorBounds = {
    {"F32", 0.0},         {"F16", 1e-7},        {"BF16", 3.2e-6},   {"Q8_0", 3.3e-5},
    {"Q4_0", 6.8e-3},     {"Q4_1", 4.9e-3},     {"Q5_0", 1.65e-3},  {"Q5_1", 1.15e-3},
    {"Q2_K", 7.15e-2},    {"Q3_K", 2.15e-2},    {"Q4_K", 5e-3},     {"Q5_K", 1.22e-3},
    {"Q6_K", 2.8e-4},     {"IQ4_NL", 5.55e-3},  {"MXFP4", 1.26e-2}, {"IQ4_XS", 5.65e-3},
    {"IQ3_S", 1.76e-2},   {"IQ3_XXS", 3.25e-2}, {"IQ2_S", 6.05e-2}, {"IQ2_XS", 8.55e-2},
    {"IQ2_XXS", 1.14e-1}, {"IQ1_M", 1.87e-1},   {"IQ1_S", 2.22e-1}, {"TQ1_0", 2.03e-1},
    {"TQ2_0", 2.03e-1},   {"Q1_0", 3.98e-1},    {"Q2_0", 1.34e-1},
};

std::vector<float> gaussian_values(std::size_t count, float centre, float width) {
  std::mt19937 random(7);
  std::normal_distribution<float> distribution(centre, width);
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

std::vector<float> round_trip(const Format& format, const std::vector<float>& values) {
  std::vector<std::byte> bytes(format.size_bytes(values.size()) + 1, std::byte{0xff});
  format.quantize(values.data(), bytes.data() + 1, values.size());
  std::vector<float> out(values.size());
  format.dequantize(bytes.data() + 1, out.data(), values.size());
  return out;
}

double normalised_error(const std::vector<float>& expected, const std::vector<float>& actual) {
  double error = 0;
  double energy = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(double{expected[i]} - actual[i], 2);
    energy += std::pow(double{expected[i]}, 2);
  }
  return error / energy;
}

TEST(QuantizeTest, writes_the_types_it_should) {
  std::set<std::string_view> written;
  for (const Format& format : all_formats()) {
    if (format.quantize != nullptr) written.insert(format.name);
  }
  std::set<std::string_view> expected;
  for (const auto& [name, bound] : kErrorBounds) expected.insert(name);
  EXPECT_EQ(written, expected);
}

TEST(QuantizeTest, keeps_gaussian_values_within_bounds) {
  for (const float width : {1.0f, 1e-2f}) {
    const auto values = gaussian_values(1 << 15, 0.0f, width);
    for (const auto& [name, bound] : kErrorBounds) {
      const double error = normalised_error(values, round_trip(*find_format(name), values));
      EXPECT_LE(error, bound) << name << " at width " << width;
    }
  }
}

// As much as the least error would have it: by 9 and 14 %, or a quarter less.
TEST(QuantizeTest, few_bits_do_not_make_values_too_small) {
  const auto values = gaussian_values(1 << 15, 0.0f, 1.0f);
  for (const auto& [name, least] : {std::pair("IQ2_XXS", 0.93), std::pair("IQ1_S", 0.89)}) {
    const auto out = round_trip(*find_format(name), values);
    double kept = 0.0, whole = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      kept += double{values[i]} * out[i];
      whole += double{values[i]} * values[i];
    }
    EXPECT_GT(kept / whole, least) << name;
  }
}

// What matters more loses less, at the cost of the rest.
TEST(QuantizeTest, errors_count_by_importance) {
  const auto values = gaussian_values(1 << 14, 0.0f, 1.0f);
  std::vector<float> importance(values.size());
  for (std::size_t i = 0; i < importance.size(); ++i) importance[i] = i % 4 == 0 ? 4.0f : 0.1f;
  const auto important_error = [&](const std::vector<float>& out) {
    double error = 0.0;
    for (std::size_t i = 0; i < out.size(); i += 4) error += std::pow(out[i] - values[i], 2);
    return error;
  };
  std::set<std::string_view> weighted;
  for (const Format& format : all_formats()) {
    if (!format.quantize_weighted) continue;
    weighted.insert(format.name);
    std::vector<std::byte> bytes(format.size_bytes(values.size()));
    std::vector<float> out(values.size());
    format.quantize_weighted(values.data(), importance.data(), bytes.data(), values.size());
    format.dequantize(bytes.data(), out.data(), values.size());
    const std::set<std::string_view> few_values = {"TQ1_0", "TQ2_0", "Q1_0", "Q2_0"};
    const double part = few_values.contains(format.name) ? 0.98 : 0.8;
    EXPECT_LT(important_error(out), part * important_error(round_trip(format, values)))
        << format.name;
    const std::vector<float> alike(values.size(), 1.0f);
    format.quantize_weighted(values.data(), alike.data(), bytes.data(), values.size());
    format.dequantize(bytes.data(), out.data(), values.size());
    EXPECT_EQ(out, round_trip(format, values)) << format.name;
  }
  EXPECT_EQ(weighted,
            (std::set<std::string_view>{"IQ1_M",   "IQ1_S",  "IQ2_S",  "IQ2_XS", "IQ2_XXS", "IQ3_S",
                                        "IQ3_XXS", "IQ4_NL", "IQ4_XS", "Q1_0",   "Q2_0",    "Q2_K",
                                        "Q3_K",    "Q4_0",   "Q4_1",   "Q4_K",   "Q5_0",    "Q5_1",
                                        "Q5_K",    "Q6_K",   "TQ1_0",  "TQ2_0"}));
}

TEST(QuantizeTest, keeps_zeros_exactly) {
  const std::vector<float> zeros(512, 0.0f);
  for (const auto& [name, bound] : kErrorBounds) {
    for (const float value : round_trip(*find_format(name), zeros)) ASSERT_EQ(value, 0.0f) << name;
  }
}

// What is near the least numbers of half precision loses no more than these scales, which then lie
// far apart, make unavoidable; and of still smaller ones zeros would hardly be better.
TEST(QuantizeTest, small_values_are_not_cut_off) {
  for (const float width : {1e-4f, 3e-5f, 1e-5f}) {
    const auto values = gaussian_values(1 << 14, 0.0f, width);
    for (const auto& [name, bound] : kErrorBounds) {
      const double error = normalised_error(values, round_trip(*find_format(name), values));
      EXPECT_LE(error, 1.5 * bound + 1e-5) << name << " at width " << width;
    }
  }
  for (const float width : {3e-6f, 1e-6f, 1e-7f, 1e-8f}) {
    const auto values = gaussian_values(1 << 12, 0.0f, width);
    for (const auto& [name, bound] : kErrorBounds) {
      const double error = normalised_error(values, round_trip(*find_format(name), values));
      EXPECT_LE(error, 1.15) << name << " at width " << width;
    }
  }
}

TEST(QuantizeTest, values_that_are_all_the_same_stay) {
  const std::set<std::string_view> exact = {"F32",  "F16",  "BF16", "Q4_0",
                                            "Q4_1", "Q5_0", "Q5_1", "MXFP4"};
  for (const float value : {1.0f, -1.0f, 0.25f, -3.0f, 96.0f}) {
    const std::vector<float> values(512, value);
    for (const auto& [name, bound] : kErrorBounds) {
      for (const float out : round_trip(*find_format(name), values)) {
        ASSERT_NEAR(out, value, exact.contains(name) ? 0.0f : 6e-4f * std::fabs(value)) << name;
      }
    }
  }
}

// Those of models that were trained with three values.
TEST(QuantizeTest, ternary_values_stay) {
  std::mt19937 random(9);
  std::vector<float> values(1 << 12);
  for (float& value : values)
    value = 0.0371f * static_cast<float>(static_cast<int>(random() % 3) - 1);
  for (const char* const name : {"Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0",
                                 "Q3_K", "Q2_K", "TQ1_0", "TQ2_0", "Q2_0"}) {
    EXPECT_LE(normalised_error(values, round_trip(*find_format(name), values)), 1e-5) << name;
  }
}

// 4-bit floats end at 6 times a power of two: what is nearer to 8 becomes that, unless the others
// lose too much by the coarser steps.
TEST(QuantizeTest, mxfp4_cuts_off_no_more_than_it_must) {
  const auto largest = [](float others) {
    std::vector<float> values(32, others);
    values[5] = 7.5f;
    return round_trip(*find_format("MXFP4"), values)[5];
  };
  EXPECT_EQ(largest(7.5f), 8.0f);
  EXPECT_EQ(largest(-4.0f), 8.0f);
  EXPECT_EQ(largest(0.5f), 6.0f);
  const std::vector<float> huge(32, 0x1.ep127f);
  EXPECT_EQ(round_trip(*find_format("MXFP4"), huge)[0], 0x1.8p127f);
}

// A block of one value and zeros: the largest value must come back, zeros stay. Types without a
// code for zero give some of it up for the zeros beside it.
TEST(QuantizeTest, keeps_the_largest_value) {
  for (const float value : {3.0f, -3.0f}) {
    std::vector<float> values(512, 0.0f);
    values[300] = value;
    for (const auto& [name, bound] : kErrorBounds) {
      if (name == "Q1_0") continue;  // has two values, which are nearer to zero
      const auto out = round_trip(*find_format(name), values);
      const bool has_zero = !name.starts_with("IQ") || name.starts_with("IQ4");
      EXPECT_NEAR(out[300], value, has_zero ? 0.05f : 0.4f) << name;
      EXPECT_NEAR(out[0], 0.0f, 0.05f) << name;
    }
  }
}

// Values without a meaning must not be undefined behaviour (the sanitizer builds see to that), and
// spoil no other block.
TEST(QuantizeTest, survives_what_is_not_finite) {
  const auto sound = gaussian_values(768, 0.0f, 1.0f);
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float bad : {infinity, -infinity, nan, 3e38f, 1e-44f}) {
    auto values = sound;
    values[17] = bad;
    values[301] = -bad;
    for (const auto& [name, bound] : kErrorBounds) {
      const auto out = round_trip(*find_format(name), values);
      const auto expected = round_trip(*find_format(name), sound);
      EXPECT_TRUE(std::equal(out.begin() + 512, out.end(), expected.begin() + 512)) << name;
    }
  }
}

}  // namespace
}  // namespace linnet
