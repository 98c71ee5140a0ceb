#pragma once

#include <memory>
#include <vector>

#include "backend/backend.hpp"

namespace linnet::test {

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
