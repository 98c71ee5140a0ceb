#include "hearing/stem.hpp"

#include <algorithm>

#include "base/checked.hpp"
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

Stem::Stem(WeightLoader& loader, const HearingSpec& spec) : spec_(spec) {
  const StemSpec& stem = spec.stem;
  std::int64_t columns = first_columns(spec);
  for (const StemSpec::Step& step : stem.steps) {
    Step loaded;
    if (step.kind == Kind::kConvolve) {
      loaded.convolution =
          Convolution(loader, step.name, columns, step.columns, shape_of(stem, step));
    } else if (step.kind == Kind::kEach) {
      loaded.each = DepthwiseConvolution(loader, step.name, columns, shape_of(stem, step));
    } else {
      const std::string weight = step.name + ".weight";
      loaded.linear =
          loader.projection(weight, loader.values(weight, columns * step.columns), columns);
      loaded.linear.bias = loader.vector(step.name + ".bias", step.columns, Presence::kOptional);
    }
    if (!step.norm.empty()) loaded.norm = loader.norm(step.norm, step.columns);
    columns = step.columns;
    steps_.push_back(std::move(loaded));
  }
  const std::int64_t width = spec.tower.width;
  if (!stem.joined.empty()) {
    const std::int64_t bins = behind_all(stem, grid_of(1)).width;
    const std::string weight = stem.joined + ".weight";
    joined_columns_ = bins * columns;
    std::vector<float> values = loader.matrix_values(weight, joined_columns_, width);
    if (stem.bins_innermost) values = taps_before_inputs(values, joined_columns_, bins);
    joined_ = loader.projection(weight, values, joined_columns_);
    joined_.bias = loader.vector(stem.joined + ".bias", width, Presence::kOptional);
  }
  if (!stem.places.empty()) {
    places_ = loader.matrix_values(stem.places + ".weight", width, loader.rows(stem.places));
  }
}

Grid Stem::grid_of(std::int64_t frames) const {
  const int length = static_cast<int>(frames);
  return spec_.stem.bins_are_columns ? Grid{length, 1} : Grid{spec_.mel.bins, length};
}

// A piece in the middle of a sound begins with the frames of one row more, which is not what it
// would be with the frames before it. No row reads frames behind those of its own.
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

std::int64_t Stem::piece_floats(std::int64_t frames) const {
  Grid grid = grid_of(frames);
  std::int64_t floats = Workspace::floats_for(grid.area(), first_columns(spec_), 1);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const StemSpec::Step& step = spec_.stem.steps[i];
    const Grid next = behind(spec_.stem, step, grid);
    if (step.kind == Kind::kConvolve) {
      floats += steps_[i].convolution.workspace_floats(grid.area(), next.area());
    } else if (step.kind == Kind::kEach) {
      floats += DepthwiseConvolution::workspace_floats(step.columns, grid.area(), next.area());
    } else {
      floats += Workspace::floats_for(next.area(), step.columns, 1);
    }
    grid = next;
  }
  const std::int64_t rows = spec_.stem.bins_are_columns ? grid.width : grid.height;
  return floats + Workspace::floats_for(rows, joined_columns_, 1) +
         Workspace::floats_for(rows, 2 * spec_.tower.width, 2);
}

std::int64_t Stem::workspace_floats() const { return piece_floats(most_frames(spec_)); }

// Of a row of the largest piece: what each step reads, squared, and makes, twice; what is joined.
std::int64_t stem_workspace_bytes(const HearingSpec& spec) {
  const StemSpec& stem = spec.stem;
  const int frames = static_cast<int>(most_frames(spec));
  Grid grid = stem.bins_are_columns ? Grid{frames, 1} : Grid{spec.mel.bins, frames};
  std::int64_t columns = first_columns(spec), floats = 0;
  const auto count = [&](std::int64_t rows, std::int64_t each) {
    floats = saturating_add(floats, saturating_multiply(rows, each));
  };
  for (const StemSpec::Step& step : stem.steps) {
    count(grid.area(), 2 * columns);
    grid = behind(stem, step, grid);
    if (step.kind == Kind::kConvolve) count(grid.area(), shape_of(stem, step).taps() * columns);
    columns = step.columns;
    count(grid.area(), 2 * columns);
  }
  if (!stem.joined.empty()) count(grid.area(), columns);
  count(stem.bins_are_columns ? grid.width : grid.height, 2 * spec.tower.width);
  return saturating_multiply(floats, std::int64_t{sizeof(float)});
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
  Grid grid = grid_of(piece.frames);
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
