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

bool is_of_sounds(std::string_view tensor) {
  return tensor.starts_with("a.") || tensor.starts_with("mm.a.");
}

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
  const VisionSpec& read = vision->spec_;
  const Projection projection =
      projection_of(loader, read.projector_steps, read.projected_columns(), most_patches(read),
                    read.resampler.queries);
  vision->projector_bytes_ = projection.workspace_bytes;
  if (Status s = check_columns(vision->file_, projection.columns, vision->spec_, text); !s) {
    return s.error();
  }
  return vision;
}

std::int64_t VisionFile::memory_bytes() const {
  std::int64_t bytes = 0;
  for (const gguf::Tensor& tensor : file_.tensors()) {
    if (!is_of_sounds(tensor.name)) bytes += std::ssize(tensor.bytes);
  }
  return saturating_add(bytes, saturating_add(projector_bytes_, vision_workspace_bytes(spec_)));
}

}  // namespace linnet
