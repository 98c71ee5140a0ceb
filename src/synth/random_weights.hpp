#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "base/splitmix64.hpp"
#include "formats/format.hpp"

namespace linnet::synth {

/// Random numbers of SplitMix64: the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() { return spread_bits(state_ += kSplitMixStep); }
  /// About normal, with mean 0 and deviation 1.
  float normal();

 private:
  std::uint64_t state_;
};

/// Packed random weights of any tensor type. A stock of about a million values is made for each
/// type and deviation, and tensors are drawn from it piece by piece: models of many gigabytes are
/// written as fast as the disk takes them.
class RandomWeights {
 public:
  explicit RandomWeights(std::uint64_t seed) : random_(seed), seed_(seed) {}

  /// Fills `out`, a whole number of blocks of `format`, with values of mean about 0 and deviation
  /// about `deviation`. `format` must be one that model weights come in, not an integer type.
  void fill(const Format& format, float deviation, std::span<std::byte> out);

 private:
  const std::vector<std::byte>& stock(const Format& format, float deviation);

  Random random_;
  std::uint64_t seed_;
  std::map<std::pair<TensorType, float>, std::vector<std::byte>> stocks_;
};

/// Whether fill() can make weights of `format`.
bool can_fill(const Format& format);

}  // namespace linnet::synth
