#include "vision/vision_model.hpp"

#include <algorithm>
#include <numeric>

#include "encoder/row_layout.hpp"
#include "model/given_rows.hpp"
#include "vision/vision_sizes.hpp"

namespace linnet {
namespace {

// Where the tower has each patch.
std::vector<std::int32_t> inverse(std::span<const std::int32_t> order, std::int32_t first) {
  std::vector<std::int32_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    place[order[i]] = first + static_cast<std::int32_t>(i);
  }
  return place;
}

// Rows of a picture that see each other, and those after them.
std::vector<GivenRows> given_rows(const VisionSpec& spec, std::int64_t rows, const float* values) {
  if (spec.queries.empty()) return {{0, rows, values}};
  const std::int64_t patches = rows / 2;
  return {{0, patches, values, SeeEachOther::kInAllLayers},
          {patches, rows - patches, values + patches * spec.tower.width}};
}

// [2][rows]: row and column of each patch.
std::vector<std::int32_t> places_of(std::span<const std::int32_t> order, Grid grid,
                                    const VisionSpec& spec) {
  const std::int32_t first = rows_before_patches(spec);
  const std::size_t rows = order.size() + first;
  std::vector<std::int32_t> places(2 * rows, 0);
  for (std::size_t i = 0; i < order.size(); ++i) {
    places[first + i] = spec.first_place + order[i] / grid.width;
    places[rows + first + i] = spec.first_place + order[i] % grid.width;
  }
  return places;
}

// The position of each patch where squares of merged patches follow one another column by column.
std::vector<std::int32_t> column_positions(std::span<const std::int32_t> order, Grid grid,
                                           const VisionSpec& spec) {
  const int side = spec.merge_side, rows = grid.height / side;
  std::vector<std::int32_t> positions;
  for (const std::int32_t patch : order) {
    const int y = patch / grid.width, x = patch % grid.width;
    const int square = x / side * rows + y / side;
    positions.push_back(square * side * side + y % side * side + x % side);
  }
  return positions;
}

}  // namespace

// A picture on its way through the tower, and all that the tower's pass points to.
struct VisionModel::Progress {
  Progress(const VisionSpec& spec, Model* layers, Grid size, PatchOrder patch_order,
           std::vector<float> embedded)
      : model(layers),
        grid(size),
        order(std::move(patch_order)),
        patches(std::move(embedded)),
        rows(static_cast<std::int32_t>(std::ssize(patches) / spec.tower.width)),
        tokens(rows, 0),
        places(places_of(order.patches, grid, spec)),
        given(given_rows(spec, rows, patches.data())),
        whole({rows}),
        windows(spec.windows_are_columns ? std::vector{rows} : order.windows),
        down_columns(spec.windows_are_columns ? column_positions(order.patches, grid, spec)
                                              : std::vector<std::int32_t>()),
        window_layout(windows.layout()) {
    if (!down_columns.empty()) window_layout.positions = down_columns;
  }

  std::int64_t pages() const { return std::max(whole.pages(), windows.pages()); }
  Batch batch() const {
    return {.tokens = tokens,
            .layout = whole.layout(),
            .outputs = {},
            .keeps_hidden = true,
            .given = given,
            .places = places,
            .windows = &window_layout};
  }

  Model* const model;  // whose pass it is; null if the projector reads the patches
  const Grid grid;
  const PatchOrder order;
  const std::vector<float> patches;
  const std::int32_t rows;
  const std::vector<std::int32_t> tokens, places;
  const std::vector<GivenRows> given;
  const RowLayout whole, windows;
  const std::vector<std::int32_t> down_columns;  // positions
  BatchLayout window_layout;
  std::unique_ptr<KvStore> kv;
};

VisionModel::VisionModel(VisionSpec spec, Backend& backend)
    : spec_(std::move(spec)), backend_(backend) {}

VisionModel::~VisionModel() = default;

View VisionModel::encoded() {
  if (has_whole_picture()) {
    const View all = workspace_->view(tiles_->grid().area(), spec_.projected_columns());
    upload(tiles_->rows(), all);
    return all;
  }
  if (spec_.joins_kept) return with_kept_layers();
  if (spec_.joins_front) return with_front_rows();
  if (tower_) return tower_->hidden();
  const View patches = workspace_->view(progress_->rows, spec_.tower.width);
  upload(progress_->patches, patches);
  return patches;
}

View VisionModel::source(std::size_t part) {
  if (!spec_.sources.empty()) return tower_->kept(static_cast<std::size_t>(spec_.sources[part]));
  return part == 0 ? encoded() : tower_->kept(part - 1);
}

View VisionModel::with_front_rows() {
  const View last = tower_->hidden();
  const View all = workspace_->view(last.rows, spec_.projected_columns());
  const std::int64_t first = rows_before_patches(spec_);
  backend_.fill(all, 0.0f);
  backend_.copy(last, all.slice(0, last.columns));
  backend_.copy(front_rows_,
                some_rows(all.slice(last.columns, last.columns), first, last.rows - first));
  return all;
}

// What layers keep besides the last one's result.
View VisionModel::with_kept_layers() {
  const View last = tower_->hidden();
  const View all = workspace_->view(last.rows, spec_.projected_columns());
  const std::size_t kept = spec_.tower.kept_layers.size();
  for (std::size_t i = 0; i <= kept; ++i) {
    backend_.copy(i < kept ? tower_->kept(i) : last,
                  all.slice(static_cast<std::int64_t>(i) * last.columns, last.columns));
  }
  return all;
}

Status VisionModel::begin(const Pixels& pixels) {
  drop();
  if (pixels.bars) {
    tiles_.emplace(pixels, spec_.tiling.side, spec_.patch_side * spec_.merge_side);
  } else if (spec_.tiling.joins_rows && pixels.size.width > pixels.size.height) {
    tiles_.emplace(pixels, pixels.size.height, spec_.patch_side);
  }
  Status status = tiles_ ? begin_picture(tiles_->next()) : begin_picture(pixels);
  if (!status) drop();
  return status;
}

// What the projector reads is all tiles of a picture.
bool VisionModel::has_whole_picture() const {
  return tiles_ && spec_.tiling.joins_rows && tiles_->is_complete();
}

// What becomes of a tile before all are joined.
Status VisionModel::add_tile() {
  if (spec_.tiling.joins) {
    const auto rows = project_rows();
    if (!rows) return rows.error();
    tiles_->add(rows->values);
    return {};
  }
  workspace_->clear();
  const View rows = encoded();
  std::vector<float> values(static_cast<std::size_t>(rows.rows * rows.columns));
  backend_.download(rows, values.data());
  tiles_->add(std::span(values).subspan(rows_before_patches(spec_) * rows.columns));
  return backend_.status();
}

// Goes on with the next tile; after the last one all are the result.
Result<std::optional<EncodedRows>> VisionModel::end_tile() {
  Status status = add_tile();
  if (status && !tiles_->is_complete()) status = begin_picture(tiles_->next());
  if (!status) {
    drop();
    return status.error();
  }
  if (!tiles_->is_complete()) return std::optional<EncodedRows>();
  if (!spec_.tiling.joins) return end_picture();
  EncodedRows all = tiles_->with_line_ends(line_end_);
  drop();
  return std::optional(std::move(all));
}

Result<std::optional<EncodedRows>> VisionModel::end_picture() {
  auto rows = project_rows();
  drop();
  if (!rows) return rows.error();
  return std::optional(std::move(*rows));
}

Status VisionModel::begin_picture(const Pixels& pixels) {
  if (!front_) return begin_patches(pixels.size / spec_.patch_side, &pixels);
  front_is_under_way_ = true;
  front_grid_ = pixels.size / spec_.patch_side;
  return front_->begin(pixels);
}

Status VisionModel::begin_patches(Grid grid, const Pixels* pixels) {
  const int window = early_ ? spec_.early.window_side : spec_.window_side * spec_.merge_side;
  PatchOrder order = order_patches(grid, window);
  std::vector<float> patches = embed_patches(grid, pixels, order.patches);
  return begin_layers(early_ ? early_.get() : tower_.get(), grid, std::move(order),
                      std::move(patches));
}

Status VisionModel::begin_layers(Model* model, Grid grid, PatchOrder order,
                                 std::vector<float> rows) {
  progress_ = std::make_unique<Progress>(spec_, model, grid, std::move(order), std::move(rows));
  if (!model) return status_or_drop();
  auto kv = model->make_kv_store(KvType::kF32, progress_->pages());
  if (!kv) {
    drop();
    return kv.error();
  }
  progress_->kv = std::move(*kv);
  model->begin_forward(progress_->batch(), *progress_->kv);
  return status_or_drop();
}

// What is made of the early layers' results, in the order of the picture.
Status VisionModel::begin_late_layers() {
  const Grid grid = progress_->grid, merged = grid / spec_.early.merge_side;
  const auto place = inverse(progress_->order.patches, rows_before_patches(spec_));
  workspace_->clear();
  const View x = merger_->run(backend_, *workspace_, nullptr, early_->hidden(), grid, place);
  std::vector<float> rows(static_cast<std::size_t>(x.rows * x.columns));
  backend_.download(x, rows.data());
  return begin_layers(tower_.get(), merged, order_patches(merged, /*window_side=*/0),
                      std::move(rows));
}

Result<std::optional<EncodedRows>> VisionModel::advance() {
  if (front_is_under_way_) {
    if (Status status = advance_front(); !status) return status.error();
    return std::optional<EncodedRows>();
  }
  Model* const model = progress_->model;
  if (model && model->advance_forward()) {
    if (Status status = status_or_drop(); !status) return status.error();
    return std::optional<EncodedRows>();
  }
  if (model) model->end_forward();
  if (early_ && model == early_.get()) {
    if (Status status = begin_late_layers(); !status) return status.error();
    return std::optional<EncodedRows>();
  }
  return tiles_ ? end_tile() : end_picture();
}

Status VisionModel::advance_front() {
  if (front_->advance()) return status_or_drop();
  front_rows_ = front_->end();
  front_is_under_way_ = false;
  return begin_patches(front_grid_, /*pixels=*/nullptr);
}

// A picture that met an error goes no further.
Status VisionModel::status_or_drop() {
  Status status = backend_.status();
  if (!status) drop();
  return status;
}

void VisionModel::drop() {
  progress_.reset();
  tiles_.reset();
  front_is_under_way_ = false;
}

Result<EncodedRows> VisionModel::project_rows() {
  if (has_whole_picture()) {
    std::vector<std::int32_t> place(static_cast<std::size_t>(tiles_->grid().area()));
    std::iota(place.begin(), place.end(), 0);
    return project_rows(tiles_->grid(), place);
  }
  const std::vector<std::int32_t>& order = progress_->order.patches;
  const std::int64_t queries = queries_behind(spec_, std::ssize(order));
  return project_rows(progress_->grid, inverse(order, rows_before_patches(spec_) +
                                                          static_cast<std::int32_t>(queries)));
}

Result<EncodedRows> VisionModel::project_rows(Grid grid, std::span<const std::int32_t> place) {
  const Grid merged = grid / spec_.late_merge_side();
  EncodedRows result{rows_of(spec_, merged), {}};
  const std::int64_t columns = projector_->columns();
  result.values.resize(static_cast<std::size_t>(result.rows * this->columns()));
  std::vector<float> part(static_cast<std::size_t>(result.rows * columns));
  workspace_->clear();
  const auto kv = projector_->make_kv_store(backend_, grid.area());
  if (!kv) return kv.error();
  const auto put = [&](const Projector& projector, View kept, std::int64_t first) {
    const Workspace::Scope scope(*workspace_);
    backend_.download(projector.run(backend_, *workspace_, kv->get(), kept, grid, place),
                      part.data());
    for (std::int64_t r = 0; r < result.rows; ++r) {
      std::copy_n(part.data() + r * columns, columns,
                  result.values.data() + r * this->columns() + first);
    }
  };
  put(*projector_, source(0), 0);
  for (std::size_t i = 0; i < deep_.size(); ++i) {
    put(*deep_[i], source(1 + i), columns * static_cast<std::int64_t>(1 + i));
  }
  if (Status s = backend_.status(); !s) return s.error();
  return result;
}

}  // namespace linnet
