#pragma once

#include <vector>

#include "backend/backend.hpp"
#include "support/temporary_folder.hpp"
#include "support/vision_case.hpp"
#include "vision/vision_model.hpp"

namespace linnet::test {

/// A golden text model with a picture in its prompt, and the golden tower that reads it, as files.
class PictureChain {
 public:
  explicit PictureChain(const std::string& name);

  const VisionChain& golden() const { return chain_; }
  std::filesystem::path model_path() const { return folder_ / "model.gguf"; }

  /// What the tower makes of the picture in `backend`.
  Result<EncodedRows> rows(Backend& backend) const;
  /// The logits behind the picture, [tokens, vocabulary]: the prompt comes in batches of at most
  /// `chunk` rows, or more where a picture comes whole.
  Result<std::vector<float>> logits(Backend& backend, std::int64_t chunk) const;

 private:
  TemporaryFolder folder_;
  VisionChain chain_;
  VisionCase tower_;
};

}  // namespace linnet::test
