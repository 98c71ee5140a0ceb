#pragma once

#include <memory>

#include "gguf/gguf_file.hpp"
#include "model/model_spec.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// An `mmproj` file, read far enough to say what it makes of pictures; no weights are loaded. The
/// encoder of sounds may be in the same one.
class VisionFile {
 public:
  /// What a picture may become where it is not said: more would take gigabytes and minutes.
  static constexpr std::int64_t kUsualTokens = 1024;

  /// Pictures of any shape shrink to `most_tokens`, if not to fewer. An Error where the file is not
  /// the encoder of a text model of `text`: what it makes of pictures must be rows of that.
  static Result<std::unique_ptr<VisionFile>> open(std::shared_ptr<const gguf::File> file,
                                                  const ModelSpec& text,
                                                  std::int64_t most_tokens = kUsualTokens);

  const gguf::File& file() const { return *file_; }
  const VisionSpec& spec() const { return spec_; }
  /// Of weights, and of what a picture of the largest size takes beside them.
  std::int64_t memory_bytes() const;

 private:
  explicit VisionFile(std::shared_ptr<const gguf::File> file) : file_(std::move(file)) {}

  const std::shared_ptr<const gguf::File> file_;
  VisionSpec spec_;
  std::int64_t projector_bytes_ = 0;  // of a workspace
};

}  // namespace linnet
