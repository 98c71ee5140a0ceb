#include "hearing/hearing_model.hpp"

#include <fmt/format.h>

#include "base/checked.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/project.hpp"
#include "vision/patch_windows.hpp"

namespace linnet {
namespace {

constexpr ConvolutionShape kOverFrames = {.side = 3, .stride = 1, .padding = 1, .is_flat = true};
constexpr ConvolutionShape kOverPairs = {.side = 3, .stride = 2, .padding = 1, .is_flat = true};

PictureSize line_of(std::int64_t rows) { return {static_cast<int>(rows), 1}; }

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

// The residual stream, inputs and results of blocks, queries, keys and values, which are kept, too;
// what is within a feed-forward part; and for two frames a row what the convolutions read and make.
// And a tenth, for what is rounded up.
std::int64_t hearing_workspace_bytes(const HearingSpec& spec) {
  const std::int64_t inner = spec.tower.layers.front().mlp.width;
  const std::int64_t floats = 30 * spec.tower.width + 2 * inner + 10 * std::int64_t{spec.mel_bins};
  return saturating_multiply(spec.chunk_rows(), floats * std::int64_t{sizeof(float)} / 10 * 11);
}

Result<std::unique_ptr<HearingModel>> HearingModel::load(HearingSpec spec, WeightLoader& loader,
                                                         Backend& backend) {
  std::unique_ptr<HearingModel> model(new HearingModel(std::move(spec), backend));
  const HearingSpec& s = model->spec_;
  const std::int64_t width = s.tower.width;
  model->over_frames_ = Convolution(loader, "a.conv1d.1", s.mel_bins, width, kOverFrames);
  model->over_pairs_ = Convolution(loader, "a.conv1d.2", width, width, kOverPairs);
  model->places_ =
      loader.matrix_values("a.position_embd.weight", width, loader.rows("a.position_embd"));
  model->projector_ = std::make_unique<Projector>(loader, s.projector_steps, width);
  // An encoder of pictures in the same file.
  if (loader.has("v.patch_embd.weight")) {
    for (const char* const prefix : {"v.", "mm.", "resampler.", "adapter.", "model."}) {
      loader.ignore(prefix);
    }
  }
  auto tower = Model::load(s.tower, loader, backend, BatchLimits{s.chunk_rows(), 1});
  if (!tower) return tower.error();
  model->tower_ = std::move(*tower);
  if (Status status = model->allocate_workspace(); !status) return status.error();
  return model;
}

Status HearingModel::allocate_workspace() {
  const std::int64_t frames = spec_.chunk_frames, rows = spec_.chunk_rows();
  const std::int64_t convolutions = Workspace::floats_for(frames, spec_.mel_bins, 1) +
                                    over_frames_.workspace_floats(frames, frames) +
                                    Workspace::floats_for(frames, spec_.tower.width, 1) +
                                    over_pairs_.workspace_floats(frames, rows + 1) +
                                    Workspace::floats_for(rows + 1, spec_.tower.width, 2);
  auto buffer = backend_.allocate(std::max(convolutions, projector_->workspace_floats(rows)));
  if (!buffer) return buffer.error();
  workspace_ = std::make_unique<Workspace>(std::move(*buffer));
  return {};
}

// What the tower's first layer reads, [tower_rows, width].
std::vector<float> HearingModel::convolve(const SoundChunk& chunk) {
  workspace_->clear();
  const auto activated = [&](View x) {
    const View out = workspace_->view(x.rows, x.columns);
    backend_.gated_activation(x, View{}, Activation::kGeluErf, out);
    return out;
  };
  const View frames = workspace_->view(chunk.frames.frames(), spec_.mel_bins);
  upload_rows(backend_, chunk.frames.values.data(), frames.columns, frames);
  const PictureSize line = line_of(frames.rows);
  const View once = activated(over_frames_.run(backend_, *workspace_, frames, line));
  const View all = activated(over_pairs_.run(backend_, *workspace_, once, line));
  const View x = all.first_rows(chunk.tower_rows);
  const View places = workspace_->view(x.rows, x.columns);
  upload_rows(backend_, places_.data(), places.columns, places);
  add(backend_, places, x);
  std::vector<float> values(static_cast<std::size_t>(x.rows * x.columns));
  backend_.download(x, values.data());
  return values;
}

Status HearingModel::begin(const SoundChunk& chunk) {
  drop();
  progress_ = std::make_unique<Progress>(convolve(chunk), chunk.tower_rows);
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
  if (tower_->advance_forward()) {
    if (Status status = status_or_drop(); !status) return status.error();
    return std::optional<EncodedRows>();
  }
  tower_->end_forward();
  auto rows = project_rows();
  drop();
  if (!rows) return rows.error();
  return std::optional(std::move(*rows));
}

Result<EncodedRows> HearingModel::project_rows() {
  workspace_->clear();
  const View hidden = tower_->hidden();
  const View out =
      projector_->run(backend_, *workspace_, nullptr, hidden, line_of(hidden.rows), {});
  EncodedRows result{out.rows, std::vector<float>(static_cast<std::size_t>(out.rows * columns()))};
  backend_.download(out, result.values.data());
  if (Status status = backend_.status(); !status) return status.error();
  return result;
}

// A chunk that met an error goes no further.
Status HearingModel::status_or_drop() {
  Status status = tower_->status();
  if (!status) drop();
  return status;
}

void HearingModel::drop() { progress_.reset(); }

}  // namespace linnet
