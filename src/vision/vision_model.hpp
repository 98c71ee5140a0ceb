#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "encoder/encoded_rows.hpp"
#include "encoder/projector.hpp"
#include "model/model.hpp"
#include "vision/front_encoder.hpp"
#include "vision/joined_tiles.hpp"
#include "vision/patch_windows.hpp"
#include "vision/pixels.hpp"
#include "vision/place_table.hpp"

namespace linnet {

/// An encoder of pictures in the memory of a backend. One thread at a time may use it.
class VisionModel {
 public:
  ~VisionModel();
  /// Loads the tensors of `loader`'s file as `spec` says. `backend` and the file must outlive the
  /// model.
  static Result<std::unique_ptr<VisionModel>> load(VisionSpec spec, WeightLoader& loader,
                                                   Backend& backend);

  const VisionSpec& spec() const { return spec_; }
  /// Columns of a row: ModelSpec::given_columns() of the text models that it can serve.
  std::int64_t columns() const { return projector_->columns() * (1 + std::ssize(deep_)); }

  /// Computes a picture part by part, so that others may use the backend in between; begins with
  /// its patches. `pixels` have a size that target_size() can give. A picture that is under way is
  /// dropped, and so is this one by an Error, which the backend has met.
  Status begin(const Pixels& pixels);
  /// Goes on by a layer, and after the last one by what makes the picture's rows of it, which are
  /// the result then: one for each merged patch, by rows from the top, or more (see rows_of()). A
  /// picture must be under way; an Error drops it.
  Result<std::optional<EncodedRows>> advance();
  /// Forgets the picture that is under way.
  void drop();

 private:
  struct Progress;

  VisionModel(VisionSpec spec, Backend& backend);

  // Loading: vision_model_loading.cpp.
  Status load_tower(WeightLoader& loader);
  Status load_early(WeightLoader& loader);
  void load_line_end(WeightLoader& loader);
  void load_patch_embedding(WeightLoader& loader);
  void load_colours(WeightLoader& loader);
  void load_front(WeightLoader& loader);
  Status allocate_workspace();

  // What the first layer reads: vision_model_embedding.cpp.
  std::vector<float> embed_patches(Grid grid, const Pixels* pixels,
                                   std::span<const std::int32_t> order);
  void project_colours(const Pixels& pixels, std::span<const std::int32_t> order, View out);
  std::span<const float> queries_for(Grid grid) const;
  void add_places(Grid grid, std::span<const std::int32_t> order, View x);
  void normalise(const Norm& norm, View x);
  void upload(std::span<const float> values, View to);

  // The way of a picture, or of a tile.
  Status begin_picture(const Pixels& pixels);
  Status advance_front();
  Status begin_patches(Grid grid, const Pixels* pixels);
  Status begin_layers(Model* model, Grid grid, PatchOrder order, std::vector<float> rows);
  Status begin_late_layers();
  Status add_tile();
  bool has_whole_picture() const;
  Result<std::optional<EncodedRows>> end_tile();
  Result<std::optional<EncodedRows>> end_picture();
  Status status_or_drop();

  /// What the projector reads, [class token and patches, VisionSpec::projected_columns()].
  View encoded();
  /// The same of part `part` of a row's columns: of the projector, then of each of the deep ones.
  View source(std::size_t part);
  View with_kept_layers();
  View with_front_rows();
  Result<EncodedRows> project_rows();
  Result<EncodedRows> project_rows(Grid grid, std::span<const std::int32_t> place);

  VisionSpec spec_;
  Backend& backend_;
  Linear patch_embedding_;
  Norm pixel_norm_, embedding_norm_, patch_norm_;
  std::vector<float> class_token_;
  std::vector<std::vector<float>> queries_;
  PlaceTableValues places_;
  std::unique_ptr<FrontEncoder> front_;  // null if the tower reads colours
  bool front_is_under_way_ = false;      // with a picture
  Grid front_grid_{};                    // in patches, of the picture that is under way
  View front_rows_{};                    // and its results
  std::unique_ptr<Model> early_;         // null if the tower's layers read the patches
  std::unique_ptr<Projector> merger_;    // between the two
  std::unique_ptr<Model> tower_;         // null if the projector reads the patches themselves
  std::unique_ptr<Projector> projector_;
  std::vector<std::unique_ptr<Projector>> deep_;
  std::vector<float> line_end_;       // after the lines of joined tiles
  std::optional<JoinedTiles> tiles_;  // of the picture that is under way, if they are joined
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<Progress> progress_;  // null if no picture is under way
};

}  // namespace linnet
