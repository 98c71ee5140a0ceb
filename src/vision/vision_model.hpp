#pragma once

#include <memory>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "model/model.hpp"
#include "vision/pixels.hpp"
#include "vision/place_table.hpp"
#include "vision/projector.hpp"

namespace linnet {

/// What a picture is to a text model: a row for each merged patch, by rows from the top, or more
/// (see rows_of()).
struct PictureRows {
  std::int64_t rows = 0;
  std::vector<float> values;  ///< [rows, ModelSpec::given_columns() of the text model]
};

/// An encoder of pictures in the memory of a backend. One thread at a time may call encode().
class VisionModel {
 public:
  /// Loads the tensors of `loader`'s file as `spec` says. `backend` must outlive the model.
  static Result<std::unique_ptr<VisionModel>> load(VisionSpec spec, WeightLoader& loader,
                                                   Backend& backend);

  const VisionSpec& spec() const { return spec_; }
  /// Columns of a row: ModelSpec::given_columns() of the text models that it can serve.
  std::int64_t columns() const { return projector_->columns() * (1 + std::ssize(deep_)); }

  /// `pixels` have a size that target_size() can give. An Error where the backend has met one.
  Result<PictureRows> encode(const Pixels& pixels);

 private:
  VisionModel(VisionSpec spec, Backend& backend) : spec_(std::move(spec)), backend_(backend) {}
  Status allocate_workspace();
  void load_patch_embedding(WeightLoader& loader);
  std::vector<float> embed_patches(const Pixels& pixels, std::span<const std::int32_t> order);
  Status run_tower(PictureSize grid, std::span<const std::int32_t> order,
                   std::span<const std::int32_t> windows, std::span<const float> patches);

  /// What layers keep beside the last one's result, in the workspace.
  View joined();

  VisionSpec spec_;
  Backend& backend_;
  Linear patch_embedding_;
  Norm embedding_norm_, patch_norm_;
  std::vector<float> class_token_;
  PlaceTableValues places_;
  std::unique_ptr<Model> tower_;
  std::unique_ptr<Projector> projector_;
  std::vector<std::unique_ptr<Projector>> deep_;
  std::unique_ptr<Workspace> workspace_;
};

/// Most patches of a picture.
std::int64_t most_patches(const VisionSpec& spec);

/// About what the largest picture takes besides the weights.
std::int64_t vision_workspace_bytes(const VisionSpec& spec);

}  // namespace linnet
