#include "hearing/hearing_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/checked.hpp"
#include "hearing/family.hpp"
#include "hearing/hearing_model.hpp"
#include "vision/projector.hpp"
#include "vision/vision_file.hpp"

namespace linnet {

Result<std::unique_ptr<HearingFile>> HearingFile::open(const std::filesystem::path& path,
                                                       const ModelSpec& text) {
  auto file = gguf::File::open(path);
  if (!file) return file.error();
  std::unique_ptr<HearingFile> hearing(new HearingFile(std::move(*file)));
  const auto backend = make_reference_backend();
  const WeightLoader loader(hearing->file_, *backend);
  auto spec = read_hearing_spec(hearing->file_, loader);
  if (!spec) return spec.error();
  hearing->spec_ = std::move(*spec);
  const Projection projection =
      projection_of(loader, hearing->spec_.projector_steps, hearing->spec_.tower.width,
                    hearing->spec_.chunk_rows());
  hearing->projector_bytes_ = projection.workspace_bytes;
  if (text.deep_inputs > 0) {
    return Error{
        fmt::format("{}: makes rows for the first layer alone of a sound; the model takes "
                    "some for {} layers more: it is another model's",
                    path.string(), text.deep_inputs)};
  }
  if (projection.columns == text.width) return hearing;
  return Error{
      fmt::format("{}: makes rows of {} columns of a sound; the model's have {}: it is "
                  "another model's",
                  path.string(), projection.columns, text.width)};
}

std::int64_t HearingFile::memory_bytes() const {
  std::int64_t bytes = 0;
  for (const gguf::Tensor& tensor : file_.tensors()) {
    if (is_of_sounds(tensor.name)) bytes += std::ssize(tensor.bytes);
  }
  return saturating_add(bytes, saturating_add(projector_bytes_, hearing_workspace_bytes(spec_)));
}

}  // namespace linnet
