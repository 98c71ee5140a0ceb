#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "architectures/architecture.hpp"
#include "architectures/families.hpp"

namespace linnet {
namespace {

constexpr std::array kArchitectures = {
    Architecture{"arwkv7", read_arwkv7},
    Architecture{"falcon-h1", read_falcon_h1},
    Architecture{"granitehybrid", read_granite_hybrid},
    Architecture{"jamba", read_jamba},
    Architecture{"lfm2", read_lfm2},
    Architecture{"llama", read_llama},
    Architecture{"mamba", read_mamba},
    Architecture{"mamba2", read_mamba2},
    Architecture{"nemotron_h", read_nemotron_h},
    Architecture{"nemotron_h_moe", read_nemotron_h},
    Architecture{"plamo2", read_plamo2},
    Architecture{"rwkv6", read_rwkv6},
    Architecture{"rwkv6qwen2", read_rwkv6_qwen2},
    Architecture{"rwkv7", read_rwkv7},
};

std::string known_names() {
  std::string names;
  for (const Architecture& architecture : kArchitectures) {
    names += names.empty() ? "" : ", ";
    names += architecture.name;
  }
  return names;
}

}  // namespace

std::span<const Architecture> all_architectures() { return kArchitectures; }

Result<ModelSpec> read_model_spec(const gguf::File& file, WeightLoader& loader) {
  Hyperparameters hyperparameters(file);
  if (Status status = hyperparameters.status(); !status) return status.error();
  const auto found =
      std::find_if(kArchitectures.begin(), kArchitectures.end(),
                   [&](const Architecture& a) { return a.name == hyperparameters.architecture(); });
  if (found == kArchitectures.end()) {
    return Error{fmt::format("{}: unknown architecture '{}'; the known ones are: {}",
                             file.path().string(), hyperparameters.architecture(), known_names())};
  }
  ModelSpec spec = found->read(hyperparameters, loader);
  if (Status status = hyperparameters.status(); !status) return status.error();
  return spec;
}

}  // namespace linnet
