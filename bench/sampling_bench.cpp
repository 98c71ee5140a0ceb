// How long one token takes to draw from a vocabulary of 256k.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "generate/sampling/sampler_chain.hpp"
#include "generate/sampling/uniform.hpp"

namespace linnet {
namespace {

constexpr std::size_t kVocabulary = 256 * 1024;
constexpr int kDraws = 301;

void measure(const char* name, const SamplingParams& params) {
  std::vector<float> logits(kVocabulary);
  for (std::size_t i = 0; i < kVocabulary; ++i) {
    // A sum of uniforms: roughly normal, as logits are.
    double sum = 0.0;
    for (std::uint64_t j = 0; j < 4; ++j) sum += uniform(j, i);
    logits[i] = static_cast<float>(8.0 * (sum - 2.0));
  }
  SamplerChain chain(params);
  std::vector<double> times_ms;
  for (int i = 0; i < kDraws; ++i) {
    std::vector<float> row = logits;
    const auto start = std::chrono::steady_clock::now();
    chain.draw(row, {{}, i});
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    times_ms.push_back(taken.count());
  }
  std::sort(times_ms.begin(), times_ms.end());
  fmt::print("{:32} median {:.3f} ms, 95 % below {:.3f} ms\n", name, times_ms[kDraws / 2],
             times_ms[kDraws * 95 / 100]);
}

}  // namespace
}  // namespace linnet

int main() {
  linnet::SamplingParams params;
  linnet::measure("greedy", params);
  params.temperature = 0.8f;
  linnet::SamplingParams only = params;
  only.dynamic_range = 0.5f;
  linnet::measure("dynamic temperature", only);
  only = params;
  only.typical_p = 0.9f;
  linnet::measure("typical", only);
  only = params;
  only.top_n_sigma = 1.0f;
  linnet::measure("top-n-sigma", only);
  only = params;
  only.xtc_probability = 1.0f;
  only.xtc_threshold = 0.01f;
  linnet::measure("XTC", only);
  for (only = params, only.mirostat = 1; only.mirostat <= 2; ++only.mirostat) {
    linnet::measure(only.mirostat == 1 ? "mirostat 1" : "mirostat 2", only);
  }
  linnet::measure("temperature", params);
  params.top_p = 0.95f;
  linnet::measure("top-p", params);
  params.min_p = 0.05f;
  params.top_k = 40;
  linnet::measure("top-k, top-p, min-p", params);
  params.top_p = 1.0f;
  params.top_k = 0;
  linnet::measure("min-p", params);
}
