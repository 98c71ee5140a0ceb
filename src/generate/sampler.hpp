#pragma once

#include <cstdint>
#include <span>

namespace linnet {

struct SamplingParams {
  float temperature = 0.0f;  ///< 0: greedy, the lowest id on ties
  std::uint64_t seed = 0;
};

/// A uniform number in [0, 1) for the `counter`-th draw of `seed`: SplitMix64
/// (https://doi.org/10.1145/ 2714064.2660195) over both. It depends on nothing else, so the same
/// seed gives the same text on every machine, whatever runs beside it.
double uniform(std::uint64_t seed, std::uint64_t counter);

/// The id that is drawn from softmax(logits / temperature) with the number `uniform(seed,
/// counter)`, where `counter` is the number of tokens drawn before it. Ids are accumulated in their
/// order, in double.
std::int32_t pick(std::span<const float> logits, const SamplingParams& params,
                  std::uint64_t counter);

}  // namespace linnet
