#include "hearing/hearing_file.hpp"

#include "base/checked.hpp"
#include "encoder/encoder_file.hpp"
#include "hearing/family.hpp"
#include "hearing/hearing_model.hpp"

namespace linnet {

Result<std::unique_ptr<HearingFile>> HearingFile::open(std::shared_ptr<const gguf::File> file,
                                                       const ModelSpec& text) {
  std::unique_ptr<HearingFile> hearing(new HearingFile(std::move(file)));
  const auto backend = make_reference_backend();
  const WeightLoader loader(*hearing->file_, *backend);
  auto spec = read_hearing_spec(*hearing->file_, loader);
  if (!spec) return spec.error();
  hearing->spec_ = std::move(*spec);
  const Projection projection = hearing->projection(loader);
  hearing->projector_bytes_ = projection.bytes;
  const int deep = hearing->spec_.leaves_deepstack ? text.deepstack_layers : 0;
  const Status fits = check_rows_for(text, *hearing->file_, "a sound", projection.columns, deep);
  if (!fits) return fits.error();
  hearing->spec_.empty_columns = deep * text.width;
  return hearing;
}

// From the tower's rows to those of the text model.
Projection HearingFile::projection(const WeightLoader& loader) const {
  std::int64_t columns = spec_.projected_columns(), rows = spec_.chunk_rows(), bytes = 0;
  if (spec_.groups) {
    const Projection groups = projection_of(loader, spec_.groups->steps, columns, rows);
    bytes = groups.bytes;
    columns = groups.columns;
    rows = group_rows_of(spec_, rows);
  }
  Projection projection = projection_of(loader, spec_.projector_steps, columns, rows);
  projection.bytes = saturating_add(projection.bytes, bytes);
  return projection;
}

std::int64_t HearingFile::memory_bytes() const {
  const std::int64_t weights = encoder_weight_bytes(*file_, EncoderKind::kAudio);
  return saturating_add(weights, saturating_add(projector_bytes_, hearing_workspace_bytes(spec_)));
}

}  // namespace linnet
