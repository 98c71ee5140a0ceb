#include "hearing/hearing_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "backend/kv_pages.hpp"
#include "base/checked.hpp"
#include "encoder/row_layout.hpp"
#include "model/blocks/elementwise.hpp"

namespace linnet {
namespace {

Grid line_of(std::int64_t rows) { return {static_cast<int>(rows), 1}; }

}  // namespace

// A chunk on its way through the tower, and all that the tower's pass points to.
struct HearingModel::Progress {
  // `lengths`: of what sees each other.
  Progress(std::vector<float> given_rows, std::vector<std::int32_t> lengths)
      : rows(std::move(given_rows)),
        tokens(static_cast<std::size_t>(std::accumulate(lengths.begin(), lengths.end(), 0)), 0),
        given{0, std::ssize(tokens), rows.data()},
        whole(std::move(lengths)) {}

  Batch batch() const {
    return {.tokens = tokens,
            .layout = whole.layout(),
            .outputs = {},
            .keeps_hidden = true,
            .given = {&given, 1}};
  }

  const std::vector<float> rows;
  const std::vector<std::int32_t> tokens;
  const GivenRows given;
  const RowLayout whole;
  std::unique_ptr<KvStore> kv;
  bool in_groups = false;
};

HearingModel::HearingModel(HearingSpec spec, Backend& backend)
    : spec_(std::move(spec)), backend_(backend) {}

HearingModel::~HearingModel() = default;

namespace {

// Of a transformer the residual stream, inputs and results of blocks, queries, keys and values, and
// what is within a feed-forward part; besides the keys and values that are kept in pages.
std::int64_t transformer_bytes(const ModelSpec& tower, std::int64_t rows, std::int64_t pages) {
  const std::int64_t inner = tower.layers.empty() ? 0 : tower.layers.front().mlp.width;
  const std::int64_t streams = 14 + std::ssize(tower.kept_layers);
  const std::int64_t floats =
      saturating_add(saturating_multiply(rows, streams * tower.width + 2 * inner),
                     saturating_multiply(pages, 2 * kPageTokens * tower.width));
  return saturating_multiply(floats, std::int64_t{sizeof(float)});
}

}  // namespace

// And a tenth, for what is rounded up.
std::int64_t hearing_workspace_bytes(const HearingSpec& spec) {
  const std::int64_t rows = spec.chunk_rows();
  std::int64_t bytes = spec.conformer ? conformer_workspace_bytes(spec)
                                      : transformer_bytes(spec.tower, rows, pages_for(rows));
  bytes = saturating_add(bytes, saturating_multiply(stem_floats(spec), sizeof(float)));
  if (spec.groups) {
    const std::int64_t grouped = group_rows_of(spec, rows), each = spec.groups->rows;
    const std::int64_t pages = grouped / each * pages_for(each);
    bytes = saturating_add(bytes, transformer_bytes(spec.groups->tower, grouped, pages));
  }
  return saturating_add(bytes, bytes / 10);
}

Result<std::unique_ptr<HearingModel>> HearingModel::load(HearingSpec spec, WeightLoader& loader,
                                                         Backend& backend) {
  std::unique_ptr<HearingModel> model(new HearingModel(std::move(spec), backend));
  const HearingSpec& s = model->spec_;
  model->stem_ = std::make_unique<Stem>(loader, s);
  model->projector_ = std::make_unique<Projector>(loader, s.projector_steps, s.projected_columns());
  if (s.groups) {
    if (Status status = model->load_groups(loader); !status) return status.error();
  }
  for (const std::string& pattern : s.tower.unused_tensors) loader.ignore(pattern);
  // An encoder of pictures in the same file.
  if (loader.has("v.patch_embd.weight")) {
    for (const char* const prefix : {"v.", "mm.", "resampler.", "adapter.", "model."}) {
      loader.ignore(prefix);
    }
  }
  Status status = s.conformer ? model->load_conformer(loader) : model->load_tower(loader);
  if (status) status = model->allocate_workspace();
  if (!status) return status.error();
  return model;
}

Status HearingModel::load_groups(WeightLoader& loader) {
  const GroupSpec& groups = *spec_.groups;
  group_projector_ = std::make_unique<Projector>(loader, groups.steps, spec_.projected_columns());
  if (group_projector_->columns() != groups.tower.width) {
    loader.fail(fmt::format("rows of groups have {} columns, expected the {} of their tower",
                            group_projector_->columns(), groups.tower.width));
  }
  loader.load_part();
  auto tower = Model::load(groups.tower, loader, backend_,
                           BatchLimits{group_rows_of(spec_, spec_.chunk_rows()), 1});
  loader.load_part(/*is_part=*/false);
  if (!tower) return tower.error();
  group_tower_ = std::move(*tower);
  return {};
}

Status HearingModel::load_tower(WeightLoader& loader) {
  if (spec_.tower.layers.empty()) return loader.finish();
  auto tower = Model::load(spec_.tower, loader, backend_, BatchLimits{spec_.chunk_rows(), 1});
  if (!tower) return tower.error();
  tower_ = std::move(*tower);
  return {};
}

Status HearingModel::load_conformer(WeightLoader& loader) {
  if (loader.failed()) return loader.finish();
  conformer_ = std::make_unique<Conformer>(loader, spec_, backend_);
  if (Status status = loader.finish(); !status) return status;
  return conformer_->allocate();
}

Status HearingModel::allocate_workspace() {
  std::int64_t rows = spec_.chunk_rows();
  std::int64_t floats = stem_floats(spec_);
  if (group_projector_) {
    floats = std::max(floats, group_projector_->workspace_floats(rows));
    rows = group_rows_of(spec_, rows);
  }
  const std::int64_t projected =
      Workspace::floats_for(rows, spec_.tower.width, 1) + projector_->workspace_floats(rows);
  auto buffer = backend_.allocate(std::max(floats, projected));
  if (!buffer) return buffer.error();
  workspace_ = std::make_unique<Workspace>(std::move(*buffer));
  return {};
}

Status HearingModel::begin(const SoundChunk& chunk) {
  drop();
  std::vector<float> rows = stem_->run(backend_, *workspace_, chunk);
  progress_ = std::make_unique<Progress>(std::move(rows),
                                         std::vector{static_cast<std::int32_t>(chunk.tower_rows)});
  if (conformer_) {
    conformer_->begin(progress_->rows, chunk.tower_rows);
    return status_or_drop();
  }
  return begin_tower();
}

// The transformer whose rows are under way, if any.
Model* HearingModel::current_tower() const {
  return progress_->in_groups ? group_tower_.get() : tower_.get();
}

Status HearingModel::begin_tower() {
  Model* const tower = current_tower();
  if (!tower) return status_or_drop();
  auto kv = tower->make_kv_store(KvType::kF32, progress_->whole.pages());
  if (!kv) {
    drop();
    return kv.error();
  }
  progress_->kv = std::move(*kv);
  tower->begin_forward(progress_->batch(), *progress_->kv);
  return status_or_drop();
}

bool HearingModel::advance_tower() {
  if (conformer_) return conformer_->advance();
  Model* const tower = current_tower();
  if (!tower) return false;
  if (tower->advance_forward()) return true;
  tower->end_forward();
  return false;
}

Result<std::optional<EncodedRows>> HearingModel::advance() {
  if (advance_tower()) {
    if (Status status = status_or_drop(); !status) return status.error();
    return std::optional<EncodedRows>();
  }
  if (spec_.groups && !progress_->in_groups) {
    if (Status status = begin_groups(); !status) return status.error();
    return std::optional<EncodedRows>();
  }
  auto rows = project_rows(*projector_);
  drop();
  if (!rows) return rows.error();
  rows->values = followed_by_zeros(std::move(rows->values), projector_->columns());
  return std::optional(std::move(*rows));
}

// What the projector reads.
View HearingModel::tower_rows() {
  if (conformer_) return conformer_->rows();
  if (const Model* const tower = current_tower()) {
    const View rows = tower->hidden();
    const std::size_t kept = progress_->in_groups ? 0 : spec_.tower.kept_layers.size();
    for (std::size_t i = 0; i < kept; ++i) add(backend_, tower->kept(i), rows);
    return rows;
  }
  const View rows = workspace_->view(progress_->given.rows, spec_.tower.width);
  upload_rows(backend_, progress_->rows.data(), rows.columns, rows);
  return rows;
}

Result<EncodedRows> HearingModel::project_rows(const Projector& projector) {
  workspace_->clear();
  const View hidden = tower_rows();
  auto kv = projector.make_kv_store(backend_, hidden.rows);
  if (!kv) return kv.error();
  const View out =
      projector.run(backend_, *workspace_, kv->get(), hidden, line_of(hidden.rows), {});
  std::vector<float> values(static_cast<std::size_t>(out.rows * out.columns));
  backend_.download(out, values.data());
  if (Status status = backend_.status(); !status) return status.error();
  return EncodedRows{out.rows, std::move(values)};
}

// The first tower's rows go on in groups.
Status HearingModel::begin_groups() {
  auto rows = project_rows(*group_projector_);
  if (!rows) {
    drop();
    return rows.error();
  }
  std::vector<float> values = std::move(rows->values);
  const std::int64_t columns = group_projector_->columns(), each = spec_.groups->rows;
  const std::int64_t groups = (rows->rows + each - 1) / each;
  const std::vector<float> last(values.end() - columns, values.end());
  while (std::ssize(values) < groups * each * columns) {
    values.insert(values.end(), last.begin(), last.end());
  }
  progress_ = std::make_unique<Progress>(
      std::move(values),
      std::vector<std::int32_t>(static_cast<std::size_t>(groups), static_cast<std::int32_t>(each)));
  progress_->in_groups = true;
  return begin_tower();
}

// Rows of columns() columns.
std::vector<float> HearingModel::followed_by_zeros(std::vector<float> values,
                                                   std::int64_t width) const {
  if (width == columns()) return values;
  std::vector<float> rows;
  rows.reserve(values.size() / width * columns());
  for (auto at = values.begin(); at != values.end(); at += width) {
    rows.insert(rows.end(), at, at + width);
    rows.resize(rows.size() + spec_.empty_columns, 0.0f);
  }
  return rows;
}

// A chunk that met an error goes no further.
Status HearingModel::status_or_drop() {
  Status status = backend_.status();
  if (!status) drop();
  return status;
}

void HearingModel::drop() { progress_.reset(); }

}  // namespace linnet
