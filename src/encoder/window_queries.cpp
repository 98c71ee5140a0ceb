#include "encoder/window_queries.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "backend/kv_pages.hpp"
#include "encoder/row_layout.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/given_rows.hpp"

namespace linnet {
namespace {

constexpr int kHeadWidth = 64;
constexpr float kEpsilon = 1e-12f;  // of all norms but that of the patches

std::string layer_name(const std::string& stem) { return stem + "."; }

QueryLayer::Shape shape_of(std::int64_t columns) {
  return {.heads = static_cast<int>(std::max<std::int64_t>(1, columns / kHeadWidth)),
          .columns = columns,
          .width = columns,
          .norm_epsilon = kEpsilon};
}

// The places of a grid, window by window, each by rows from the top.
std::vector<std::int32_t> by_windows(Grid grid, int side) {
  std::vector<std::int32_t> places;
  const Grid windows = grid / side;
  for (int window = 0; window < windows.area(); ++window) {
    const int top = window / windows.width * side, left = window % windows.width * side;
    for (int i = 0; i < side * side; ++i) {
      places.push_back((top + i / side) * grid.width + left + i % side);
    }
  }
  return places;
}

std::vector<std::int32_t> inverse(std::span<const std::int32_t> order) {
  std::vector<std::int32_t> places(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    places[order[i]] = static_cast<std::int32_t>(i);
  }
  return places;
}

}  // namespace

// Where the rows of a picture's windows stand.
struct WindowQueries::Picture {
  Picture(const WindowQueries& of, Backend& own_backend, Workspace& own_workspace, KvStore& store,
          Grid patches)
      : backend(own_backend),
        workspace(own_workspace),
        kv(store),
        windows((patches / of.spec_.side).area()),
        queries(windows, of.spec_.queries()),
        keys(windows, of.spec_.patches()) {}

  Backend& backend;
  Workspace& workspace;
  KvStore& kv;
  std::int64_t windows;
  RowLayout queries, keys;
};

WindowQueries::WindowQueries(WeightLoader& loader, const std::string& stem,
                             const WindowQueriesSpec& spec, std::int64_t columns)
    : spec_(spec), columns_(columns), layer_(loader, layer_name(stem), shape_of(columns)) {
  if (columns % kHeadWidth != 0) {
    loader.fail(fmt::format("patches have {} columns, expected a multiple of {} for {}", columns,
                            kHeadWidth, stem));
  }
  places_ = loader.vector(stem + ".img_pos", spec.patches() * columns);
  query_ = loader.vector(stem + ".query", spec.queries() * columns);
  patch_norm_ = loader.norm(stem + ".norm", columns);
  query_norm_ = loader.norm(stem + ".post_norm", columns);
}

std::int64_t WindowQueries::inner_columns(const WeightLoader& loader, const std::string& stem) {
  return QueryLayer::inner_columns(loader, layer_name(stem));
}

std::int64_t WindowQueries::workspace_floats(const WindowQueriesSpec& spec, std::int64_t columns,
                                             std::int64_t inner, std::int64_t patches) {
  const std::int64_t queries = patches / (spec.merged_side() * spec.merged_side());
  return 2 * Workspace::floats_for(patches, columns, 1) +
         3 * Workspace::floats_for(queries, columns, 1) +
         QueryLayer::workspace_floats(columns, inner, queries, patches);
}

std::int64_t WindowQueries::pages(const WindowQueriesSpec& spec, std::int64_t patches) {
  return patches / spec.patches() * pages_for(spec.patches());
}

Result<std::unique_ptr<KvStore>> WindowQueries::make_kv_store(Backend& backend,
                                                              std::int64_t patches) const {
  return QueryLayer::make_kv_store(backend, shape_of(columns_), pages(spec_, patches));
}

// The same `count` rows to each window.
void WindowQueries::add_to_windows(Backend& backend, const Buffer& rows, std::int64_t count,
                                   View x) const {
  for (std::int64_t first = 0; first < x.rows; first += count) {
    add(backend, {rows.data(), count, columns_, columns_}, some_rows(x, first, count));
  }
}

// Means of squares of patches, or one corner of each, and what was learned.
View WindowQueries::make_queries(const Picture& picture, View normed, Grid grid,
                                 std::span<const std::int32_t> place) const {
  const int merged = spec_.merged_side();
  const Grid squares = grid / merged;
  const std::vector<std::int32_t> order = by_windows(squares, spec_.query_side);
  const auto gather = [&](int corner, View to) {
    std::vector<std::int32_t> rows;
    for (const std::int32_t square : order) {
      const int y = square / squares.width * merged + corner / merged;
      const int x = square % squares.width * merged + corner % merged;
      rows.push_back(place[y * grid.width + x]);
    }
    picture.backend.gather_rows(normed, rows, to);
  };
  const View queries = picture.workspace.view(squares.area(), columns_);
  const Workspace::Scope scope(picture.workspace);
  gather(std::max(spec_.corner, 0), queries);
  const View part = picture.workspace.view(queries.rows, columns_);
  for (int corner = 1; spec_.corner < 0 && corner < merged * merged; ++corner) {
    gather(corner, part);
    add(picture.backend, part, queries);
  }
  if (spec_.corner < 0) {
    picture.backend.scale(queries, 1.0f / static_cast<float>(merged * merged));
  }
  add_to_windows(picture.backend, *query_, spec_.queries(), queries);
  picture.backend.norm(queries, query_norm_.params(NormKind::kLayer, kEpsilon), queries);
  return queries;
}

View WindowQueries::run(Backend& backend, Workspace& workspace, KvStore& kv, View patches,
                        Grid grid, std::span<const std::int32_t> place) const {
  const Picture picture(*this, backend, workspace, kv, grid);
  const Grid squares = grid / spec_.merged_side();
  const View out = workspace.view(squares.area(), columns_);
  const Workspace::Scope scope(workspace);
  const View normed = workspace.view(patches.rows, columns_);
  backend.norm(patches, patch_norm_.params(NormKind::kLayer, spec_.norm_epsilon), normed);
  const View queries = make_queries(picture, normed, grid, place);
  const View seen = workspace.view(grid.area(), columns_);
  std::vector<std::int32_t> order = by_windows(grid, spec_.side);
  for (std::int32_t& patch : order) patch = place[patch];
  backend.gather_rows(normed, order, seen);
  add_to_windows(backend, *places_, spec_.patches(), seen);
  layer_.run(backend, workspace, kv, picture.queries, picture.keys, seen, queries);
  backend.gather_rows(queries, inverse(by_windows(squares, spec_.query_side)), out);
  return out;
}

}  // namespace linnet
