#pragma once

#include <filesystem>
#include <memory>

#include "gguf/gguf_file.hpp"
#include "model/model_spec.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// An `mmproj` file, opened far enough to say what it makes of pictures; no weights are loaded.
class VisionFile {
 public:
  /// An Error where it is not the encoder of a text model of `text`: what it makes of pictures must
  /// be rows of that.
  static Result<std::unique_ptr<VisionFile>> open(const std::filesystem::path& path,
                                                  const ModelSpec& text);

  const gguf::File& file() const { return file_; }
  const VisionSpec& spec() const { return spec_; }
  /// Of weights, and of what a picture of the largest size takes beside them.
  std::int64_t memory_bytes() const;

 private:
  explicit VisionFile(gguf::File file) : file_(std::move(file)) {}

  gguf::File file_;
  VisionSpec spec_;
};

}  // namespace linnet
