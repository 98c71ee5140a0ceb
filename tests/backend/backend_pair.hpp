#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.hpp"

namespace linnet::test {

/// The instruction sets that this machine has, by the name that make_cpu_backend takes.
inline std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const char* name :
       {"scalar", "avx2", "avx_vnni", "avx512", "avx512_bf16", "neon", "neon_dotprod", "neon_i8mm"}) {
    if (make_cpu_backend(1, name)->name() == name) names.emplace_back(name);
  }
  return names;
}

/// A matrix of floats that owns its memory.
struct HostMatrix {
  std::vector<float> values;
  std::int64_t rows, columns;

  HostMatrix(std::int64_t r, std::int64_t c, std::vector<float> v = {})
      : values(std::move(v)), rows(r), columns(c) {
    values.resize(static_cast<std::size_t>(r * c));
  }
  View view() { return {values.data(), rows, columns, columns}; }
};

}  // namespace linnet::test
