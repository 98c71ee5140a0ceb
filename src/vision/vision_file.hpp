#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "gguf/gguf_file.hpp"
#include "model/model_spec.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// How many rows of the text model a picture of any shape becomes at most, if not fewer.
struct PictureLimits {
  /// 0: as many as the encoder allows, but for what follows.
  std::int64_t most_tokens = 0;
  std::int64_t context = 0;       ///< half of it at most, in tokens; 0: unknown
  std::int64_t memory_bytes = 0;  ///< that the largest picture may take; 0: unknown

  /// As few the latter two never ask for.
  static constexpr std::int64_t kFewTokens = 1024;
};

/// An `mmproj` file, read far enough to say what it makes of pictures; no weights are loaded. The
/// encoder of sounds may be in the same one.
class VisionFile {
 public:
  /// An Error if the file is not the encoder of a text model of `text`: what it makes of
  /// pictures must be rows of that.
  static Result<std::unique_ptr<VisionFile>> open(std::shared_ptr<const gguf::File> file,
                                                  const ModelSpec& text,
                                                  const PictureLimits& limits = {});

  /// The texts around pictures become those of the text model, by what are tokens to it.
  void choose_texts(const std::function<bool(std::string_view text)>& is_token);

  const gguf::File& file() const { return *file_; }
  const VisionSpec& spec() const { return spec_; }
  /// Rows of a picture of any shape, at most, and as many as the encoder would allow; both 0 if
  /// all pictures have as many.
  std::int64_t most_tokens() const { return has_any_shape() ? spec_.sizing.most_tokens : 0; }
  std::int64_t allowed_tokens() const { return has_any_shape() ? allowed_tokens_ : 0; }
  /// Bytes of the weights, and of the workspace for a picture of the largest size.
  std::int64_t memory_bytes() const;

 private:
  explicit VisionFile(std::shared_ptr<const gguf::File> file) : file_(std::move(file)) {}

  bool has_any_shape() const;

  const std::shared_ptr<const gguf::File> file_;
  VisionSpec spec_;
  std::int64_t allowed_tokens_ = 0;
  std::int64_t projector_bytes_ = 0;  // of a workspace
};

}  // namespace linnet
