#pragma once

#include <array>
#include <cstddef>

#include "encoder/projector_spec.hpp"

namespace linnet {

// What is known of each kind of step is in tables with a row for each kind, which has a `kind`.

/// Whether a table has the rows of all kinds, in their order.
template <class Row, std::size_t size>
consteval bool has_all_kinds(const std::array<Row, size>& table) {
  for (std::size_t i = 0; i < size; ++i) {
    if (table[i].kind != static_cast<ProjectorStep::Kind>(i)) return false;
  }
  return size == ProjectorStep::kKinds;
}

template <class Table>
constexpr const auto& row_for(const ProjectorStep& step, const Table& table) {
  return table[static_cast<std::size_t>(step.kind)];
}

}  // namespace linnet
