#include "hearing/stem.hpp"

#include <algorithm>

#include "encoder/made_linear.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/multiply.hpp"
#include "model/given_rows.hpp"

namespace linnet {
namespace {

using Kind = StemSpec::Step::Kind;

// Rows that are made at once of a spectrogram whose bins are no columns: each is as wide as many
// frames.
constexpr std::int64_t kPieceRows = 64;

ConvolutionShape shape_of(const StemSpec& spec, const StemSpec::Step& step) {
  return {.side = StemSpec::kSide,
          .stride = step.stride,
          .padding = StemSpec::kSide / 2,
          .is_flat = spec.bins_are_columns,
          .is_transposed = spec.frames_innermost};
}

Grid behind(const StemSpec& spec, const StemSpec::Step& step, Grid grid) {
  return step.kind == Kind::kLinear ? grid : shape_of(spec, step).behind(grid);
}

Grid behind_all(const StemSpec& spec, Grid grid) {
  for (const StemSpec::Step& step : spec.steps) grid = behind(spec, step, grid);
  return grid;
}

// Columns of what the first step reads.
std::int64_t first_columns(const HearingSpec& spec) {
  return spec.stem.bins_are_columns ? spec.mel.columns() : 1;
}

Grid grid_of(const HearingSpec& spec, std::int64_t frames) {
  const int length = static_cast<int>(frames);
  return spec.stem.bins_are_columns ? Grid{length, 1} : Grid{spec.mel.bins, length};
}

// What is left of a frame's bins.
std::int64_t bins_behind(const HearingSpec& spec) {
  return behind_all(spec.stem, grid_of(spec, 1)).width;
}

// Columns of all that is left of a frame, if it is joined.
std::int64_t joined_columns(const HearingSpec& spec) {
  return spec.stem.joined.empty() ? 0 : bins_behind(spec) * spec.stem.steps.back().columns;
}

// Frames of the largest piece.
std::int64_t most_frames(const HearingSpec& spec) {
  const StemSpec& stem = spec.stem;
  if (stem.bins_are_columns) return spec.chunk_frames;
  const std::int64_t frames =
      stem.part_frames > 0 ? stem.part_frames : (kPieceRows + 1) * stem.stride();
  return std::min(frames, spec.chunk_frames);
}

}  // namespace

std::int64_t StemSpec::stride() const {
  std::int64_t all = 1;
  for (const Step& step : steps) all *= step.stride;
  return all;
}

std::int64_t StemSpec::rows_of(std::int64_t frames) const {
  const auto rows = [&](std::int64_t length) {
    for (const Step& step : steps) length = (length + step.stride - 1) / step.stride;
    return length;
  };
  if (part_frames == 0) return rows(frames);
  return frames / part_frames * rows(part_frames) + rows(frames % part_frames);
}

Stem::Stem(WeightLoader& loader, const HearingSpec& spec)
    : spec_(spec), joined_columns_(joined_columns(spec)) {
  const StemSpec& stem = spec.stem;
  std::int64_t columns = first_columns(spec);
  for (const StemSpec::Step& step : stem.steps) {
    steps_.push_back(load_step(loader, step, columns));
    columns = step.columns;
  }
  if (!stem.joined.empty()) load_joined(loader);
  if (!stem.places.empty()) {
    const std::int64_t rows = loader.rows(stem.places);
    places_ = loader.matrix_values(stem.places + ".weight", spec.tower.width, rows);
  }
}

Stem::Step Stem::load_step(WeightLoader& loader, const StemSpec::Step& step,
                           std::int64_t columns) const {
  const ConvolutionShape shape = shape_of(spec_.stem, step);
  Step loaded;
  if (step.kind == Kind::kConvolve) {
    loaded.convolution = Convolution(loader, step.name, columns, step.columns, shape);
  } else if (step.kind == Kind::kEach) {
    loaded.each = DepthwiseConvolution(loader, step.name, columns, shape);
  } else {
    const auto values = loader.values(step.name + ".weight", columns * step.columns);
    loaded.linear = made_linear(loader, step.name, values, columns, step.columns);
  }
  if (!step.norm.empty()) loaded.norm = loader.norm(step.norm, step.columns);
  return loaded;
}

void Stem::load_joined(WeightLoader& loader) {
  const StemSpec& stem = spec_.stem;
  const std::int64_t width = spec_.tower.width;
  std::vector<float> values = loader.matrix_values(stem.joined + ".weight", joined_columns_, width);
  if (stem.bins_innermost) {
    values = taps_before_inputs(values, joined_columns_, bins_behind(spec_));
  }
  joined_ = made_linear(loader, stem.joined, values, joined_columns_, width);
}

// A piece in the middle of a sound begins with the frames of one row more, which is not what it
// would be with the frames before it. No row reads frames after those of its own.
std::vector<Stem::Piece> Stem::pieces_of(std::int64_t frames) const {
  const StemSpec& stem = spec_.stem;
  std::vector<Piece> pieces;
  if (stem.bins_are_columns) return {{0, frames, 0}};
  if (stem.part_frames > 0) {
    for (std::int64_t first = 0; first < frames; first += stem.part_frames) {
      pieces.push_back({first, std::min(stem.part_frames, frames - first), 0});
    }
    return pieces;
  }
  const std::int64_t stride = stem.stride(), step = kPieceRows * stride;
  for (std::int64_t first = 0; first < frames; first += step) {
    const std::int64_t more = first > 0 ? stride : 0;
    pieces.push_back({first - more, std::min(step, frames - first) + more, more / stride});
  }
  return pieces;
}

std::int64_t stem_floats(const HearingSpec& spec) {
  const StemSpec& stem = spec.stem;
  Grid grid = grid_of(spec, most_frames(spec));
  std::int64_t columns = first_columns(spec);
  std::int64_t floats = Workspace::floats_for(grid.area(), columns, 1);
  for (const StemSpec::Step& step : stem.steps) {
    const Grid next = behind(stem, step, grid);
    if (step.kind == Kind::kConvolve) {
      floats += Convolution::workspace_floats(columns, step.columns, shape_of(stem, step),
                                              grid.area(), next.area());
    } else if (step.kind == Kind::kEach) {
      floats += DepthwiseConvolution::workspace_floats(columns, grid.area(), next.area());
    } else {
      floats += Workspace::floats_for(next.area(), step.columns, 1);
    }
    columns = step.columns;
    grid = next;
  }
  const std::int64_t rows = stem.bins_are_columns ? grid.width : grid.height;
  return floats + Workspace::floats_for(rows, joined_columns(spec), 1) +
         Workspace::floats_for(rows, 2 * spec.tower.width, 2);
}

View Stem::run_step(Backend& backend, Workspace& workspace, std::size_t index, View x,
                    Grid grid) const {
  const StemSpec::Step& spec = spec_.stem.steps[index];
  const Step& step = steps_[index];
  View out{};
  if (spec.kind == Kind::kConvolve) {
    out = step.convolution.run(backend, workspace, x, grid);
  } else if (spec.kind == Kind::kEach) {
    out = step.each.run(backend, workspace, x, grid);
  } else {
    out = workspace.view(x.rows, spec.columns);
    multiply(backend, step.linear, x, out);
  }
  if (step.norm) {
    backend.norm(out, step.norm.params(NormKind::kLayer, StemSpec::kNormEpsilon), out);
  }
  if (spec.activation) apply(backend, *spec.activation, out);
  return out;
}

// All of its rows, without their places.
View Stem::convolve(Backend& backend, Workspace& workspace, const SoundChunk& chunk,
                    const Piece& piece) const {
  Grid grid = grid_of(spec_, piece.frames);
  View x = workspace.view(grid.area(), first_columns(spec_));
  const std::int64_t bins = spec_.mel.columns();
  const View frames = spec_.stem.bins_are_columns ? x : View{x.data, piece.frames, bins, bins};
  upload_rows(backend, chunk.frames.values.data() + piece.first * bins, bins, frames);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    x = run_step(backend, workspace, i, x, grid);
    grid = behind(spec_.stem, spec_.stem.steps[i], grid);
  }
  return joined_ ? join(backend, workspace, x, grid) : x;
}

// A row of what all rows of a frame have.
View Stem::join(Backend& backend, Workspace& workspace, View x, Grid grid) const {
  const View all = workspace.view(grid.height, joined_columns_);
  for (int bin = 0; bin < grid.width; ++bin) {
    const View one{x.row(bin), grid.height, x.columns, x.stride * grid.width};
    backend.copy(one, all.slice(bin * x.columns, x.columns));
  }
  const View out = workspace.view(grid.height, spec_.tower.width);
  multiply(backend, joined_, all, out);
  return out;
}

void Stem::add_places(Backend& backend, Workspace& workspace, View x) const {
  if (places_.empty()) return;
  const View places = workspace.view(x.rows, x.columns);
  upload_rows(backend, places_.data(), places.columns, places);
  add(backend, places, x);
}

std::vector<float> Stem::run(Backend& backend, Workspace& workspace,
                             const SoundChunk& chunk) const {
  const std::int64_t width = spec_.tower.width;
  std::vector<float> values(static_cast<std::size_t>(chunk.tower_rows * width));
  std::int64_t done = 0;
  for (const Piece& piece : pieces_of(chunk.frames.frames())) {
    workspace.clear();
    const View all = convolve(backend, workspace, chunk, piece);
    const std::int64_t rows = std::min(all.rows - piece.skipped, chunk.tower_rows - done);
    const View own = some_rows(all, piece.skipped, rows);
    add_places(backend, workspace, own);
    backend.download(own, values.data() + done * width);
    done += rows;
    if (done == chunk.tower_rows) break;
  }
  return values;
}

}  // namespace linnet
