#include "hearing/hearing_model.hpp"

#include "base/checked.hpp"
#include "encoder/row_layout.hpp"
#include "model/blocks/elementwise.hpp"

namespace linnet {
namespace {

Grid line_of(std::int64_t rows) { return {static_cast<int>(rows), 1}; }

}  // namespace

// A chunk on its way through the tower, and all that the tower's pass points to.
struct HearingModel::Progress {
  Progress(std::vector<float> given_rows, std::int64_t count)
      : rows(std::move(given_rows)),
        tokens(static_cast<std::size_t>(count), 0),
        given{0, count, rows.data()},
        whole({static_cast<std::int32_t>(count)}) {}

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
};

HearingModel::HearingModel(HearingSpec spec, Backend& backend)
    : spec_(std::move(spec)), backend_(backend) {}

HearingModel::~HearingModel() = default;

// Of a transformer the residual stream, inputs and results of blocks, queries, keys and values,
// which are kept, too, and what is within a feed-forward part. And a tenth, for what is rounded up.
std::int64_t hearing_workspace_bytes(const HearingSpec& spec) {
  const std::int64_t inner = spec.tower.layers.empty() ? 0 : spec.tower.layers.front().mlp.width;
  const std::int64_t row_bytes = (16 * spec.tower.width + 2 * inner) * std::int64_t{sizeof(float)};
  const std::int64_t tower = spec.conformer ? conformer_workspace_bytes(spec)
                                            : saturating_multiply(spec.chunk_rows(), row_bytes);
  const std::int64_t bytes = saturating_add(tower, stem_workspace_bytes(spec));
  return saturating_add(bytes, bytes / 10);
}

Result<std::unique_ptr<HearingModel>> HearingModel::load(HearingSpec spec, WeightLoader& loader,
                                                         Backend& backend) {
  std::unique_ptr<HearingModel> model(new HearingModel(std::move(spec), backend));
  const HearingSpec& s = model->spec_;
  model->stem_ = std::make_unique<Stem>(loader, s);
  model->projector_ = std::make_unique<Projector>(loader, s.projector_steps, s.projected_columns());
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
  const std::int64_t rows = spec_.chunk_rows();
  const std::int64_t projected =
      Workspace::floats_for(rows, spec_.tower.width, 1) + projector_->workspace_floats(rows);
  auto buffer = backend_.allocate(std::max(stem_->workspace_floats(), projected));
  if (!buffer) return buffer.error();
  workspace_ = std::make_unique<Workspace>(std::move(*buffer));
  return {};
}

Status HearingModel::begin(const SoundChunk& chunk) {
  drop();
  std::vector<float> rows = stem_->run(backend_, *workspace_, chunk);
  progress_ = std::make_unique<Progress>(std::move(rows), chunk.tower_rows);
  if (conformer_) {
    conformer_->begin(progress_->rows, chunk.tower_rows);
    return status_or_drop();
  }
  if (!tower_) return status_or_drop();
  auto kv = tower_->make_kv_store(KvType::kF32, progress_->whole.pages());
  if (!kv) {
    drop();
    return kv.error();
  }
  progress_->kv = std::move(*kv);
  tower_->begin_forward(progress_->batch(), *progress_->kv);
  return status_or_drop();
}

Result<std::optional<EncodedRows>> HearingModel::advance() {
  if (conformer_ ? conformer_->advance() : tower_ && tower_->advance_forward()) {
    if (Status status = status_or_drop(); !status) return status.error();
    return std::optional<EncodedRows>();
  }
  if (tower_) tower_->end_forward();
  auto rows = project_rows();
  drop();
  if (!rows) return rows.error();
  return std::optional(std::move(*rows));
}

// What the projector reads.
View HearingModel::tower_rows() {
  if (conformer_) return conformer_->rows();
  if (tower_) return tower_->hidden();
  const View rows = workspace_->view(progress_->given.rows, spec_.tower.width);
  upload_rows(backend_, progress_->rows.data(), rows.columns, rows);
  return rows;
}

Result<EncodedRows> HearingModel::project_rows() {
  workspace_->clear();
  const View hidden = tower_rows();
  auto kv = projector_->make_kv_store(backend_, hidden.rows);
  if (!kv) return kv.error();
  const View out =
      projector_->run(backend_, *workspace_, kv->get(), hidden, line_of(hidden.rows), {});
  std::vector<float> values(static_cast<std::size_t>(out.rows * out.columns));
  backend_.download(out, values.data());
  if (Status status = backend_.status(); !status) return status.error();
  return EncodedRows{out.rows, followed_by_zeros(std::move(values), out.columns)};
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
