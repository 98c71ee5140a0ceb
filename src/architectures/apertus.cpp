#include <cmath>
#include <string>

#include "architectures/families.hpp"

namespace linnet {
namespace {

float softplus(float x) { return x > 20.0f ? x : std::log1p(std::exp(x)); }

}  // namespace

// Apertus (https://arxiv.org/abs/2509.14233): xIELU without a gate, its factors learned for each
// layer and kept positive by a softplus. The key xielu.eps only keeps an exponential away from 0.
ModelSpec read_apertus(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  for (const std::string key : {".xielu.alpha_p", ".xielu.alpha_n", ".xielu.beta"}) {
    if (!p.has(key)) p.fail("missing metadata key " + key.substr(1));
  }
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    Xielu xielu;
    xielu.linear = p.layer_number(".xielu.beta", i, 0.5f);
    xielu.positive = softplus(p.layer_number(".xielu.alpha_p", i, 0.0f));
    xielu.negative = xielu.linear + softplus(p.layer_number(".xielu.alpha_n", i, 0.0f));
    spec.layers[i].mlp.gate.xielu = xielu;
  }
  return spec;
}

}  // namespace linnet
