#include <algorithm>
#include <array>
#include <iterator>

#include "formats/all.hpp"
#include "formats/format.hpp"
#include "formats/plain.hpp"
#include "formats/quantise_blocks.hpp"
#include "formats/same_name.hpp"

namespace linnet {
namespace {

template <class T>
constexpr Format plain() {
  Format format{T::type, T::name, 1, sizeof(typename T::Value), formats::plain_to_float<T>,
                nullptr, nullptr};
  if constexpr (requires { T::from_float; }) format.quantize = formats::plain_from_float<T>;
  return format;
}

template <class T>
constexpr Format blocks() {
  Format format{
      T::type, T::name, T::block_elements, sizeof(typename T::Block), formats::dequantize<T>,
      nullptr, nullptr};
  if constexpr (requires { T::quantize; }) format.quantize = formats::quantize<T>;
  if constexpr (formats::kIsWeighted<T>) format.quantize_weighted = formats::quantize_weighted<T>;
  return format;
}

// In the order of the ids.
constexpr Format kFormats[] = {
    plain<formats::F32>(),      plain<formats::F16>(),     blocks<formats::Q4_0>(),
    blocks<formats::Q4_1>(),    blocks<formats::Q5_0>(),   blocks<formats::Q5_1>(),
    blocks<formats::Q8_0>(),    blocks<formats::Q2_K>(),   blocks<formats::Q3_K>(),
    blocks<formats::Q4_K>(),    blocks<formats::Q5_K>(),   blocks<formats::Q6_K>(),
    blocks<formats::IQ2_XXS>(), blocks<formats::IQ2_XS>(), blocks<formats::IQ3_XXS>(),
    blocks<formats::IQ1_S>(),   blocks<formats::IQ4_NL>(), blocks<formats::IQ3_S>(),
    blocks<formats::IQ2_S>(),   blocks<formats::IQ4_XS>(), plain<formats::I8>(),
    plain<formats::I16>(),      plain<formats::I32>(),     plain<formats::I64>(),
    plain<formats::F64>(),      blocks<formats::IQ1_M>(),  plain<formats::BF16>(),
    blocks<formats::TQ1_0>(),   blocks<formats::TQ2_0>(),  blocks<formats::MXFP4>(),
    blocks<formats::NVFP4>(),   blocks<formats::Q1_0>(),   blocks<formats::Q2_0>(),
};
static_assert(std::is_sorted(std::begin(kFormats), std::end(kFormats),
                             [](const Format& a, const Format& b) { return a.type < b.type; }));
// That of all.hpp, whose types the kernels are compiled for, has them all.
static_assert(std::count_if(std::begin(kFormats), std::end(kFormats), [](const Format& format) {
                return format.block_elements > 1;
              }) == formats::kQuantisedCount);

struct RemovedFormat {
  std::uint32_t id;
  std::string_view name;
};
constexpr RemovedFormat kRemovedFormats[] = {
    {4, "Q4_2"},      {5, "Q4_3"},        {31, "Q4_0_4_4"},   {32, "Q4_0_4_8"},
    {33, "Q4_0_8_8"}, {36, "IQ4_NL_4_4"}, {37, "IQ4_NL_4_8"}, {38, "IQ4_NL_8_8"},
};

}  // namespace

std::span<const Format> all_formats() { return kFormats; }

const Format* find_format(TensorType type) {
  const Format* found = std::ranges::find(kFormats, type, &Format::type);
  return found == std::end(kFormats) ? nullptr : found;
}

const Format* find_format(std::string_view name) {
  const Format* found = std::ranges::find_if(
      kFormats, [&](const Format& format) { return same_name(format.name, name); });
  return found == std::end(kFormats) ? nullptr : found;
}

std::string_view removed_format_name(std::uint32_t id) {
  const RemovedFormat* found = std::ranges::find(kRemovedFormats, id, &RemovedFormat::id);
  return found == std::end(kRemovedFormats) ? std::string_view{} : found->name;
}

}  // namespace linnet
