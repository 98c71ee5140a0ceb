#include "synth/random_weights.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "formats/all.hpp"

namespace linnet::synth {
namespace {

constexpr std::int64_t kStockElements = 1 << 20;
constexpr std::int64_t kPieceElements = 1024;  // a multiple of every block

// Sets the scale of a block whose other bytes are random.
template <class T>
void set_scale(typename T::Block& block, float scale) {
  block.scale = formats::PackedHalf::of(scale);
}

// The half-precision scale is spread over the upper nibbles of the group scales.
template <>
void set_scale<formats::IQ1_M>(formats::IQ1_M::Block& block, float scale) {
  const std::uint16_t half = float_to_half(scale);
  for (int i = 0; i < 4; ++i) {
    block.group_scales[i].bytes[1] = static_cast<std::uint8_t>(
        (block.group_scales[i].bytes[1] & 15) | (half >> (4 * i) & 15) << 4);
  }
}

template <>
void set_scale<formats::NVFP4>(formats::NVFP4::Block& block, float scale) {
  std::uint8_t nearest = 1;
  for (std::uint8_t bits = 1; bits < 0x7f; ++bits) {
    if (std::fabs(formats::NVFP4::e4m3_half(bits) - scale) <
        std::fabs(formats::NVFP4::e4m3_half(nearest) - scale)) {
      nearest = bits;
    }
  }
  std::fill(std::begin(block.scales), std::end(block.scales), nearest);
}

double root_mean_square(const std::vector<float>& values) {
  double sum = 0.0;
  for (const float value : values) sum += double{value} * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

template <class T>
void set_scales(std::vector<std::byte>& blocks, float scale) {
  for (std::size_t at = 0; at < blocks.size(); at += sizeof(typename T::Block)) {
    typename T::Block block;
    std::memcpy(&block, blocks.data() + at, sizeof block);
    set_scale<T>(block, scale);
    std::memcpy(blocks.data() + at, &block, sizeof block);
  }
}

// Types whose blocks are not quantised: Linnet can't, or it would take seconds.
template <class T>
constexpr bool kIsDrawn = formats::kHasPatterns<T> || !requires {
  T::quantize;
};

// Every byte is random but for the scales, which give the deviation.
template <class T>
std::vector<std::byte> random_blocks(Random& random, float deviation) {
  std::vector<std::byte> blocks(kStockElements / T::block_elements * sizeof(typename T::Block));
  for (std::byte& byte : blocks) byte = static_cast<std::byte>(random.next());
  std::vector<float> values(kStockElements);
  set_scales<T>(blocks, 1.0f);
  formats::dequantize<T>(blocks.data(), values.data(), kStockElements);
  set_scales<T>(blocks, deviation / static_cast<float>(root_mean_square(values)));
  return blocks;
}

std::vector<std::byte> quantised_stock(const Format& format, Random& random, float deviation) {
  std::vector<float> values(kStockElements);
  for (float& value : values) value = deviation * random.normal();
  std::vector<std::byte> blocks(static_cast<std::size_t>(format.size_bytes(kStockElements)));
  format.quantize(values.data(), blocks.data(), kStockElements);
  return blocks;
}

std::vector<std::byte> make_stock(const Format& format, Random random, float deviation) {
  std::vector<std::byte> blocks;
  formats::for_each_quantised([&]<class T>() {
    if constexpr (kIsDrawn<T>) {
      if (T::type == format.type) blocks = random_blocks<T>(random, deviation);
    }
  });
  return blocks.empty() ? quantised_stock(format, random, deviation) : blocks;
}

}  // namespace

float Random::normal() {
  // The sum of four uniform numbers has deviation sqrt(4 / 12) of their range.
  const std::uint64_t bits = next();
  const auto sum = static_cast<std::int32_t>((bits & 0xffff) + (bits >> 16 & 0xffff) +
                                             (bits >> 32 & 0xffff) + (bits >> 48));
  return static_cast<float>(sum - 2 * 0xffff) * (1.7320508f / 65536.0f);
}

bool can_fill(const Format& format) {
  bool known = format.quantize != nullptr;
  formats::for_each_quantised([&]<class T>() { known = known || T::type == format.type; });
  return known;
}

const std::vector<std::byte>& RandomWeights::stock(const Format& format, float deviation) {
  const auto [at, is_new] = stocks_.try_emplace({format.type, deviation});
  if (is_new) at->second = make_stock(format, Random(seed_ ^ stocks_.size() << 32), deviation);
  return at->second;
}

void RandomWeights::fill(const Format& format, float deviation, std::span<std::byte> out) {
  static_assert(kStockElements % kPieceElements == 0);
  const std::vector<std::byte>& from = stock(format, deviation);
  const auto piece = static_cast<std::size_t>(format.size_bytes(kPieceElements));
  while (!out.empty()) {
    const std::size_t size = std::min(piece, out.size());
    const std::size_t index = random_.next() % (kStockElements / kPieceElements);
    std::memcpy(out.data(), from.data() + index * piece, size);
    out = out.subspan(size);
  }
}

}  // namespace linnet::synth
