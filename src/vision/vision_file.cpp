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

// No more rows of a picture than `most`. Tiles by a picture's size each have as many as pictures
// had before, and there would be the more of them the fewer rows were asked for.
void limit_rows(std::int64_t most, VisionSpec& spec) {
  if (spec.resampler.queries > 0 || most >= spec.sizing.most_tokens) return;
  spec.sizing.most_tokens = most;
  if (spec.tiling.choice == Tiling::Choice::kShape) spec.tiling = {};
}

}  // namespace

// Convolutions become F32, one after the other: its values as the file has them, and as they are
// multiplied, are there at once.
std::int64_t encoder_weight_bytes(const gguf::File& file, bool of_sounds) {
  std::int64_t bytes = 0, largest_bytes = 0;
  for (const gguf::Tensor& tensor : file.tensors()) {
    const bool is_of_sounds = tensor.name.starts_with("a.") || tensor.name.starts_with("mm.a.");
    if (is_of_sounds != of_sounds) continue;
    const bool is_convolution = tensor.dimensions > 2;
    const std::int64_t as_f32_bytes =
        saturating_multiply(tensor.elements(), std::int64_t{sizeof(float)});
    bytes = saturating_add(bytes, is_convolution ? as_f32_bytes : std::ssize(tensor.bytes));
    if (is_convolution) largest_bytes = std::max(largest_bytes, as_f32_bytes);
  }
  return saturating_add(bytes, saturating_multiply(2, largest_bytes));
}

Status check_rows_for(const ModelSpec& text, const gguf::File& file, std::string_view medium,
                      std::int64_t columns, std::int64_t deep) {
  if (columns == text.width && deep == text.deep_inputs) return {};
  return Error{
      fmt::format("{}: its rows for {} have {} columns and {} extra layers, expected {} and {}: it "
                  "was made for another model",
                  file.path().string(), medium, columns, deep, text.width, text.deep_inputs)};
}

Result<std::unique_ptr<VisionFile>> VisionFile::open(std::shared_ptr<const gguf::File> file,
                                                     const ModelSpec& text,
                                                     std::int64_t most_tokens) {
  std::unique_ptr<VisionFile> vision(new VisionFile(std::move(file)));
  const auto backend = make_reference_backend();
  const WeightLoader loader(*vision->file_, *backend);
  auto spec = read_vision_spec(*vision->file_, loader);
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
  const Status fits = check_rows_for(text, *vision->file_, "a picture", projection.columns,
                                     std::ssize(read.deep_steps));
  if (!fits) return fits.error();
  return vision;
}

std::int64_t VisionFile::memory_bytes() const {
  const std::int64_t weights = encoder_weight_bytes(*file_, /*of_sounds=*/false);
  return saturating_add(weights, saturating_add(projector_bytes_, vision_workspace_bytes(spec_)));
}

}  // namespace linnet
