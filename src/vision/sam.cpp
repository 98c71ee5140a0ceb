#include "vision/sam.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "encoder/row_layout.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/multiply.hpp"
#include "model/given_rows.hpp"
#include "model/hyperparameters.hpp"
#include "vision/stretching.hpp"

namespace linnet {
namespace {

constexpr float kEpsilon = 1e-6f;
constexpr std::array kGlobalLayers = {2, 5, 8, 11};

// Outputs of the convolution `stem` of `side` x `side` rows with this many columns.
std::int64_t outputs_of(const WeightLoader& loader, const std::string& stem, int side,
                        std::int64_t columns) {
  const std::int64_t outputs = loader.elements(stem) / (side * side * columns);
  return std::clamp<std::int64_t>(outputs, 1, Hyperparameters::kWidest);
}

std::vector<int> sides_of(const SamSpec& spec) {
  std::vector<int> sides = {spec.side};
  sides.insert(sides.end(), spec.other_sides.begin(), spec.other_sides.end());
  return sides;
}

// With the last row first.
std::vector<float> reversed(const std::vector<float>& rows, std::int64_t columns) {
  std::vector<float> result;
  for (std::int64_t r = std::ssize(rows) / columns - 1; r >= 0; --r) {
    result.insert(result.end(), rows.begin() + r * columns, rows.begin() + (r + 1) * columns);
  }
  return result;
}

void normalise(Backend& backend, const Norm& norm, View in, View out) {
  backend.norm(in, norm.params(NormKind::kLayer, kEpsilon), out);
}

}  // namespace

// Squares of patches that see each other; those at the right and at the bottom are filled up with
// rows of zeros.
struct Sam::Windows {
  Windows(int grid, int window)
      : side(window),
        across((grid + window - 1) / window),
        layout(std::int64_t{across} * across, std::int64_t{side} * side) {
    back.resize(static_cast<std::size_t>(grid) * grid);
    for (int square = 0; square < across * across; ++square) {
      for (int i = 0; i < side * side; ++i) {
        const int y = square / across * side + i / side, x = square % across * side + i % side;
        const bool is_patch = y < grid && x < grid;
        if (is_patch) back[y * grid + x] = static_cast<std::int32_t>(order.size());
        order.push_back(is_patch ? y * grid + x : grid * grid);
      }
    }
  }

  std::int64_t rows() const { return std::int64_t{across} * across * side * side; }

  // [rows, 2 * side]: ones in the columns of a patch's row and of its column.
  std::vector<float> marks() const {
    std::vector<float> values(static_cast<std::size_t>(rows()) * 2 * side, 0.0f);
    for (std::int64_t r = 0; r < rows(); ++r) {
      const auto place = static_cast<int>(r % (std::int64_t{side} * side));
      values[r * 2 * side + place / side] = 1.0f;
      values[r * 2 * side + side + place % side] = 1.0f;
    }
    return values;
  }

  int side, across;
  RowLayout layout;
  std::vector<std::int32_t> order;  // the patch of each row
  std::vector<std::int32_t> back;   // the row of each patch
  std::unique_ptr<Buffer> marked;   // marks()
};

Sam::~Sam() = default;

Sam::Sam(WeightLoader& loader, const SamSpec& spec, Backend& backend)
    : spec_(spec), backend_(backend) {
  const std::int64_t width = spec.width,
                     patch = std::int64_t{3} * spec.patch_side * spec.patch_side;
  patches_ = loader.projection("v.sam.patch_embd.weight",
                               loader.values("v.sam.patch_embd.weight", patch * width), patch);
  patches_.bias = loader.vector("v.sam.patch_embd.bias", width);
  const std::vector<float> places =
      loader.values("v.sam.pos_embd.weight", std::int64_t{spec.side} * spec.side * width);
  for (const int side : sides_of(spec)) {
    Size size;
    size.side = side;
    size.places = loader.upload(stretched_square(places, spec.side, side, width));
    sizes_.push_back(std::move(size));
  }
  for (int i = 0; i < spec.layers; ++i) layers_.push_back(load_layer(loader, i));
  load_neck(loader);
}

void Sam::load_neck(WeightLoader& loader) {
  const std::string first = "v.sam.neck.0", third = "v.sam.net_2", last = "v.sam.net_3";
  neck_columns_ = outputs_of(loader, first, 1, spec_.width);
  const std::int64_t neck = neck_columns_, columns = outputs_of(loader, third, 3, neck);
  first_ = loader.linear(first, spec_.width, neck);
  first_norm_ = loader.norm("v.sam.neck.1", neck);
  second_ = Convolution(loader, "v.sam.neck.2", neck, neck, {});
  second_norm_ = loader.norm("v.sam.neck.3", neck);
  third_ = Convolution(loader, third, neck, columns, {.stride = 2});
  last_ = Convolution(loader, last, columns, outputs_of(loader, last, 3, columns), {.stride = 2});
}

Sam::Layer Sam::load_layer(WeightLoader& loader, int index) const {
  const std::string stem = fmt::format("v.sam.blk.{}.", index);
  const std::int64_t width = spec_.width, wide = spec_.inner;
  Layer layer;
  layer.before = loader.norm(stem + "pre_ln", width);
  layer.fused = loader.linear(stem + "attn.qkv", width, 3 * width);
  layer.output = loader.linear(stem + "attn.out", width, width);
  load_distances(loader, stem, index, layer);
  layer.behind = loader.norm(stem + "post_ln", width);
  layer.up = loader.linear(stem + "mlp.lin1", width, wide);
  layer.down = loader.linear(stem + "mlp.lin2", wide, width);
  return layer;
}

// The file has the distance from key to query, ascending.
void Sam::load_distances(WeightLoader& loader, const std::string& stem, int index,
                         Layer& layer) const {
  const std::int64_t columns = head_columns();
  const int from = 2 * (is_global(index) ? spec_.side : spec_.window) - 1;
  layer.distances.resize(is_global(index) ? sizes_.size() : 1);
  for (int axis = 0; axis < 2; ++axis) {
    const std::string name = stem + (axis == 0 ? "attn.pos_h.weight" : "attn.pos_w.weight");
    const std::vector<float> values = loader.values(name, columns * from);
    for (std::size_t i = 0; i < layer.distances.size(); ++i) {
      const int to = is_global(index) ? 2 * sizes_[i].side - 1 : from;
      const std::vector<float> stretched = stretched_rows(values, from, to, columns);
      layer.distances[i][axis] = loader.projection(name, reversed(stretched, columns), columns);
    }
  }
}

bool Sam::is_global(int layer) const {
  return std::ranges::find(kGlobalLayers, layer) != kGlobalLayers.end();
}

std::int64_t sam_workspace_bytes(const SamSpec& spec) {
  if (spec.layers == 0) return 0;
  const auto rows_of = [&](int side) {
    const std::int64_t across = (side + spec.window - 1) / spec.window * spec.window;
    return std::max(across * across, std::int64_t{side} * side);
  };
  std::int64_t most_rows = 0, floats = 0, kept_columns = 0;
  for (const int side : sides_of(spec)) {
    const std::int64_t rows = rows_of(side);
    const std::int64_t places = std::int64_t{2} * std::max(side, spec.window);
    const std::int64_t key = spec.width + spec.heads * places;
    // The stream, its norm, what is gathered and projected, queries, keys, what is seen, and the
    // products with distances and the marks of places.
    floats = std::max(
        floats, rows * std::max(8 * spec.width + 2 * (key + places), 4 * spec.width + spec.inner));
    kept_columns += 2 * (spec.width + key);  // keys and values of both kinds of layers
    most_rows = std::max(most_rows, rows);
  }
  return (floats + most_rows * kept_columns) * std::int64_t{sizeof(float)};
}

std::int64_t Sam::workspace_floats(const Size& size) const {
  const std::int64_t patches = std::int64_t{size.side} * size.side, width = spec_.width;
  std::int64_t most = Workspace::floats_for(patches, 3 * spec_.patch_side * spec_.patch_side, 1);
  for (const auto& windows : size.windows) {
    const std::int64_t keys = spec_.heads * (std::int64_t{head_columns()} + 2 * windows->side);
    most = std::max(most, Workspace::floats_for(patches + 1, 2 * width, 2) +
                              Workspace::floats_for(windows->rows(), width, 1) +
                              Workspace::floats_for(windows->rows(), 3 * width, 1) +
                              2 * Workspace::floats_for(windows->rows(), keys, 1) +
                              Workspace::floats_for(windows->rows(), 2 * windows->side + width, 2));
  }
  most = std::max(most, Workspace::floats_for(patches + 1, 3 * width, 3) +
                            Workspace::floats_for(patches, spec_.inner, 1));
  const Grid grid{size.side, size.side};
  most = std::max(most, Workspace::floats_for(patches, 2 * neck_columns_, 2) +
                            second_.workspace_floats(grid) + third_.workspace_floats(grid) +
                            last_.workspace_floats(third_.behind(grid)));
  return most + Workspace::floats_for(patches, width, 1);
}

Status Sam::allocate_windows(Windows& windows, KvShape& shape) {
  const std::vector<float> marks = windows.marks();
  auto buffer = backend_.allocate(std::ssize(marks));
  if (!buffer) return buffer.error();
  windows.marked = std::move(*buffer);
  backend_.upload(marks, windows.marked->data());
  shape.layers.push_back({spec_.heads, head_columns() + 2 * windows.side, head_columns()});
  shape.pages = std::max(shape.pages, windows.layout.pages());
  return {};
}

Status Sam::allocate() {
  KvShape shape{{}, KvType::kF32, 0};
  std::int64_t floats = 0;
  for (Size& size : sizes_) {
    for (int kind = 0; kind < 2; ++kind) {
      size.windows[kind] =
          std::make_unique<Windows>(size.side, kind == 0 ? spec_.window : size.side);
      Status status = allocate_windows(*size.windows[kind], shape);
      if (!status) return status;
    }
    floats = std::max(floats, workspace_floats(size));
  }
  auto buffer = backend_.allocate(floats);
  if (!buffer) return buffer.error();
  workspace_ = std::make_unique<Workspace>(std::move(*buffer));
  auto kv = backend_.make_kv_store(shape);
  if (!kv) return kv.error();
  kv_ = std::move(*kv);
  return {};
}

Status Sam::begin(const Pixels& pixels) {
  workspace_->clear();
  next_ = 0;
  const auto found = std::ranges::find(sizes_, pixels.size.width / spec_.patch_side, &Size::side);
  size_ = static_cast<std::size_t>(found - sizes_.begin());
  std::vector<std::int32_t> order(static_cast<std::size_t>(size().side) * size().side);
  std::iota(order.begin(), order.end(), 0);
  stream_ = workspace_->view(std::ssize(order), spec_.width);
  const Workspace::Scope scope(*workspace_);
  const std::vector<float> values = patches_of(pixels, spec_.patch_side, order);
  const View patches = workspace_->view(stream_.rows, std::ssize(values) / stream_.rows);
  upload_rows(backend_, values.data(), patches.columns, patches);
  multiply(backend_, patches_, patches, stream_);
  add(backend_, {size().places->data(), stream_.rows, spec_.width, spec_.width}, stream_);
  return backend_.status();
}

bool Sam::advance() {
  if (next_ == layers_.size()) return false;
  const int index = static_cast<int>(next_++);
  const Layer& layer = layers_[index];
  const int kind = is_global(index) ? 1 : 0;
  const Workspace::Scope scope(*workspace_);
  const View normed = workspace_->view(stream_.rows + 1, spec_.width);
  normalise(backend_, layer.before, stream_, normed.first_rows(stream_.rows));
  backend_.fill(some_rows(normed, stream_.rows, 1), 0.0f);
  const View seen = attend(layer, kind, normed);
  multiply(backend_, layer.output, seen, stream_, /*accumulate=*/true);
  add_feed_forward(layer);
  return true;
}

// What each patch saw, by rows from the top.
View Sam::attend(const Layer& layer, int kind, View normed) {
  const Windows& windows = *size().windows[kind];
  const int kv_layer = 2 * static_cast<int>(size_) + kind;
  const View result = workspace_->view(stream_.rows, spec_.width);
  const Workspace::Scope scope(*workspace_);
  const std::int64_t rows = windows.rows(),
                     keys = spec_.heads * (head_columns() + 2 * windows.side);
  const View in = workspace_->view(rows, spec_.width);
  backend_.gather_rows(normed, windows.order, in);
  const View fused = workspace_->view(rows, 3 * spec_.width);
  multiply(backend_, layer.fused, in, fused);
  const View query = workspace_->view(rows, keys), key = workspace_->view(rows, keys);
  fill_queries_and_keys(layer.distances[kind == 0 ? 0 : size_], windows, fused, query, key);
  const BatchLayout layout = windows.layout.layout();
  backend_.store_kv(*kv_, kv_layer, key, fused.slice(2 * spec_.width, spec_.width), layout);
  AttentionParams params{kv_layer, spec_.heads, spec_.heads, head_columns() + 2 * windows.side,
                         head_columns()};
  params.causal = false;
  backend_.attention(*kv_, query, params, layout, in);
  backend_.gather_rows(in, windows.back, result);
  return result;
}

// A query goes on with its products with the distances to all rows and columns of the window, and a
// key with ones at its own row and column: their product has the biases in it.
void Sam::fill_queries_and_keys(const std::array<Linear, 2>& distances, const Windows& windows,
                                View fused, View query, View key) {
  const int side = windows.side, columns = head_columns(), all = columns + 2 * side;
  const View marks{windows.marked->data(), fused.rows, 2 * side, 2 * side};
  const View products = workspace_->view(fused.rows, 2 * side - 1);
  // The products of the queries of one row or column of a window are moved by as much.
  const auto shift = [&](int axis, View to) {
    const std::int64_t inner = axis == 0 ? 1 : side, outer = axis == 0 ? side : 1;
    for (std::int64_t first = 0; first < fused.rows; first += std::int64_t{side} * side) {
      for (int i = 0; i < side; ++i) {
        const auto line = [&](View x, std::int64_t column) {
          return View{x.row(first + i * outer) + column, side, side, x.stride * inner};
        };
        backend_.copy(line(products, side - 1 - i), line(to, 0));
      }
    }
  };
  for (int head = 0; head < spec_.heads; ++head) {
    const View plain = fused.slice(head * columns, columns);
    const View own = query.slice(head * all, columns);
    for (int axis = 0; axis < 2; ++axis) {
      multiply(backend_, distances[axis], plain, products);
      shift(axis, query.slice(head * all + columns + axis * side, side));
    }
    backend_.copy(plain, own);
    backend_.scale(own, 1.0f / std::sqrt(static_cast<float>(columns)));
    backend_.copy(fused.slice(spec_.width + head * columns, columns),
                  key.slice(head * all, columns));
    backend_.copy(marks, key.slice(head * all + columns, 2 * side));
  }
}

void Sam::add_feed_forward(const Layer& layer) {
  const Workspace::Scope scope(*workspace_);
  const View in = workspace_->view(stream_.rows, spec_.width);
  normalise(backend_, layer.behind, stream_, in);
  const View inner = workspace_->view(stream_.rows, spec_.inner);
  multiply(backend_, layer.up, in, inner);
  apply(backend_, spec_.activation, inner);
  multiply(backend_, layer.down, inner, stream_, /*accumulate=*/true);
}

View Sam::end() {
  const Grid grid{size().side, size().side};
  const View first = workspace_->view(stream_.rows, neck_columns_);
  multiply(backend_, first_, stream_, first);
  normalise(backend_, first_norm_, first, first);
  const View second = second_.run(backend_, *workspace_, first, grid);
  normalise(backend_, second_norm_, second, second);
  const View third = third_.run(backend_, *workspace_, second, grid);
  return last_.run(backend_, *workspace_, third, third_.behind(grid));
}

}  // namespace linnet
