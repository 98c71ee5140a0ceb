#include <algorithm>

#include "encoder/padded_rows.hpp"
#include "encoder/step_running.hpp"
#include "model/blocks/elementwise.hpp"

namespace linnet {
namespace {

using Kind = ProjectorStep::Kind;
using Rows = std::vector<std::int32_t>;

// The patches at row `dy` and column `dx` of all squares.
Rows patches_at(int dy, int dx, int side, Grid grid, std::span<const std::int32_t> place) {
  Rows rows;
  for (int y = dy; y < grid.height; y += side) {
    for (int x = dx; x < grid.width; x += side) rows.push_back(place[y * grid.width + x]);
  }
  return rows;
}

// What each square has at its first place, at its second one, and so on.
std::vector<Rows> rows_of_squares(int side, Grid grid, std::span<const std::int32_t> place) {
  std::vector<Rows> parts;
  for (int i = 0; i < side * side; ++i) {
    parts.push_back(patches_at(i / side, i % side, side, grid, place));
  }
  return parts;
}

// The same of `runs` runs among `rows` rows, after the last of which is one of zeros.
std::vector<Rows> rows_of_runs(int length, std::int64_t runs, std::int64_t rows) {
  std::vector<Rows> parts(static_cast<std::size_t>(length));
  for (std::int64_t r = 0; r < runs * length; ++r) {
    parts[r % length].push_back(static_cast<std::int32_t>(std::min(r, rows)));
  }
  return parts;
}

View mean_of_parts(const Passage& passage, View in, std::span<const Rows> parts) {
  Backend& backend = passage.backend;
  const View out = passage.workspace.view(std::ssize(parts.front()), in.columns);
  const Workspace::Scope scope(passage.workspace);
  const View part = passage.workspace.view(out.rows, in.columns);
  backend.fill(out, 0.0f);
  for (const Rows& rows : parts) {
    backend.gather_rows(in, rows, part);
    add(backend, part, out);
  }
  backend.scale(out, 1.0f / static_cast<float>(parts.size()));
  return out;
}

View side_by_side(const Passage& passage, View in, std::span<const Rows> parts) {
  const auto columns = in.columns * std::ssize(parts);
  const View out = passage.workspace.view(std::ssize(parts.front()), columns);
  for (std::int64_t first = 0; const Rows& rows : parts) {
    passage.backend.gather_rows(in, rows, out.slice(first, in.columns));
    first += in.columns;
  }
  return out;
}

}  // namespace

View run_squares(Passage& passage, const LoadedStep& step) {
  const auto parts = rows_of_squares(step.spec.side, passage.grid, passage.places);
  const bool is_mean = step.spec.kind == Kind::kMean;
  return (is_mean ? mean_of_parts : side_by_side)(passage, passage.x, parts);
}

View run_runs(Passage& passage, const LoadedStep& step) {
  const View in = passage.x;
  const auto parts = rows_of_runs(step.spec.side, merged_rows(step.spec, in.rows), in.rows);
  if (step.spec.kind == Kind::kMeanOfRuns) return mean_of_parts(passage, in, parts);
  View padded = padded_copy(passage.backend, passage.workspace, in);
  ++padded.rows;
  return side_by_side(passage, padded, parts);
}

View run_add_mean(Passage& passage, const LoadedStep& step) {
  const auto parts = rows_of_squares(step.spec.side, passage.patch_grid, passage.patch_places);
  const View mean = mean_of_parts(passage, passage.patches, parts);
  add(passage.backend, passage.x, mean);
  return mean;
}

}  // namespace linnet
