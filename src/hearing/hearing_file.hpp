#pragma once

#include <memory>

#include "encoder/projector_sizes.hpp"
#include "gguf/gguf_file.hpp"
#include "hearing/hearing_spec.hpp"
#include "model/model_spec.hpp"

namespace linnet {

/// An `mmproj` file with an encoder of sounds, read far enough to say what it makes of them; no
/// weights are loaded. The encoder of pictures may be in the same one.
class HearingFile {
 public:
  /// An Error if the file is not the encoder of a text model of `text`: what it makes of sounds
  /// must be rows of that.
  static Result<std::unique_ptr<HearingFile>> open(std::shared_ptr<const gguf::File> file,
                                                   const ModelSpec& text);

  const gguf::File& file() const { return *file_; }
  const HearingSpec& spec() const { return spec_; }
  /// Bytes of the weights, and of the workspace for one chunk.
  std::int64_t memory_bytes() const;

 private:
  explicit HearingFile(std::shared_ptr<const gguf::File> file) : file_(std::move(file)) {}
  Projection projection(const WeightLoader& loader) const;

  const std::shared_ptr<const gguf::File> file_;
  HearingSpec spec_;
  std::int64_t projector_bytes_ = 0;  // of a workspace
};

}  // namespace linnet
