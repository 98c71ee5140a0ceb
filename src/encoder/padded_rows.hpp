#pragma once

#include "backend/backend.hpp"
#include "model/given_rows.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// Rows in the workspace after which stands one of zeros: what convolutions see beyond the edges
/// of a grid. Their contents are undefined.
inline View padded_rows(Backend& backend, Workspace& workspace, std::int64_t rows,
                        std::int64_t columns) {
  const View view = workspace.view(rows + 1, columns);
  backend.fill(some_rows(view, rows, 1), 0.0f);
  return view.first_rows(rows);
}

/// The same as a copy of `in`.
inline View padded_copy(Backend& backend, Workspace& workspace, View in) {
  const View copy = padded_rows(backend, workspace, in.rows, in.columns);
  backend.copy(in, copy);
  return copy;
}

}  // namespace linnet
