#include "vision/vision_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/checked.hpp"
#include "model/hyperparameters.hpp"
#include "vision/family.hpp"
#include "vision/projector.hpp"
#include "vision/vision_model.hpp"

namespace linnet {
namespace {

// What becomes of a picture's patches.
struct Projection {
  std::int64_t columns = 0;          ///< of a row
  std::int64_t workspace_bytes = 0;  ///< of all steps, about
};

Projection project(const WeightLoader& loader, const VisionSpec& spec) {
  Projection result{spec.projected_columns()};
  std::int64_t rows = most_patches(spec);
  for (const ProjectorStep& step : spec.projector_steps) {
    result.columns = columns_behind(loader, step, result.columns);
    rows /= std::int64_t{step.side} * step.side;
    if (step.kind == ProjectorStep::Kind::kResample) rows = spec.resampler.queries;
    const std::int64_t columns =
        std::clamp<std::int64_t>(result.columns, 0, Hyperparameters::kWidest);
    const std::int64_t bytes = saturating_multiply(step_rows(step, rows), 4 * columns);
    result.workspace_bytes = saturating_add(result.workspace_bytes, bytes);
  }
  return result;
}

Status check_columns(const gguf::File& file, std::int64_t columns, const VisionSpec& spec,
                     const ModelSpec& text) {
  const auto deep = std::ssize(spec.deep_steps);
  if (columns == text.width && deep == text.deep_inputs) return {};
  return Error{fmt::format(
      "{}: makes rows of {} columns of a picture, and of {} layers more; the model's have {}, and "
      "it takes {}: it is another model's",
      file.path().string(), columns, deep, text.width, text.deep_inputs)};
}

// No more rows of a picture than `most`. Tiles by a picture's size each have as many as pictures
// had before, and there would be the more of them the fewer rows were asked for.
void limit_rows(std::int64_t most, VisionSpec& spec) {
  if (spec.resampler.queries > 0 || most >= spec.sizing.most_tokens) return;
  spec.sizing.most_tokens = most;
  if (spec.tiling.choice == Tiling::Choice::kShape) spec.tiling = {};
}

}  // namespace

Result<std::unique_ptr<VisionFile>> VisionFile::open(const std::filesystem::path& path,
                                                     const ModelSpec& text,
                                                     std::int64_t most_tokens) {
  auto file = gguf::File::open(path);
  if (!file) return file.error();
  std::unique_ptr<VisionFile> vision(new VisionFile(std::move(*file)));
  const auto backend = make_reference_backend();
  const WeightLoader loader(vision->file_, *backend);
  auto spec = read_vision_spec(vision->file_, loader);
  if (!spec) return spec.error();
  vision->spec_ = std::move(*spec);
  PictureSizing& sizing = vision->spec_.sizing;
  limit_rows(most_tokens, vision->spec_);
  sizing.least_tokens = std::min(sizing.least_tokens, sizing.most_tokens);
  const Projection projection = project(loader, vision->spec_);
  vision->projector_bytes_ = projection.workspace_bytes;
  if (Status s = check_columns(vision->file_, projection.columns, vision->spec_, text); !s) {
    return s.error();
  }
  return vision;
}

std::int64_t VisionFile::memory_bytes() const {
  std::int64_t bytes = 0;
  for (const gguf::Tensor& tensor : file_.tensors()) bytes += std::ssize(tensor.bytes);
  return saturating_add(bytes, saturating_add(projector_bytes_, vision_workspace_bytes(spec_)));
}

}  // namespace linnet
