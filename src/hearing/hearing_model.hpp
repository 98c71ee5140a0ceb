#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "encoder/encoded_rows.hpp"
#include "encoder/projector.hpp"
#include "hearing/conformer.hpp"
#include "hearing/stem.hpp"
#include "model/model.hpp"

namespace linnet {

/// An encoder of sounds in the memory of a backend. One thread at a time may use it.
class HearingModel {
 public:
  ~HearingModel();
  /// Loads the tensors of `loader`'s file as `spec` says. `backend` must outlive the model.
  static Result<std::unique_ptr<HearingModel>> load(HearingSpec spec, WeightLoader& loader,
                                                    Backend& backend);

  const HearingSpec& spec() const { return spec_; }
  /// Columns of a row: ModelSpec::given_columns() of the text models that it can serve.
  std::int64_t columns() const { return projector_->columns() + spec_.empty_columns; }

  /// Computes a chunk part by part, so that others may use the backend in between; begins with the
  /// convolutions. A chunk that is under way is dropped, and so is this one by an Error, which the
  /// backend has met.
  Status begin(const SoundChunk& chunk);
  /// Goes on by a layer, and after the last one by what makes the chunk's rows of it, which are
  /// the result then. A chunk must be under way; an Error drops it.
  Result<std::optional<EncodedRows>> advance();
  /// Forgets the chunk that is under way.
  void drop();

 private:
  struct Progress;

  HearingModel(HearingSpec spec, Backend& backend);
  Status load_groups(WeightLoader& loader);
  Status load_tower(WeightLoader& loader);
  Status load_conformer(WeightLoader& loader);
  Status allocate_workspace();
  Model* current_tower() const;
  Status begin_tower();
  bool advance_tower();
  Status begin_groups();
  View tower_rows();
  Result<EncodedRows> project_rows(const Projector& projector);
  std::vector<float> followed_by_zeros(std::vector<float> values, std::int64_t width) const;
  Status status_or_drop();

  HearingSpec spec_;
  Backend& backend_;
  std::unique_ptr<Stem> stem_;
  std::unique_ptr<Model> tower_;                // or
  std::unique_ptr<Conformer> conformer_;        // the other is null; both if there is no tower
  std::unique_ptr<Projector> group_projector_;  // if there are groups
  std::unique_ptr<Model> group_tower_;
  std::unique_ptr<Projector> projector_;
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<Progress> progress_;  // null if no chunk is under way
};

/// About what a chunk takes besides the weights and the projector's part.
std::int64_t hearing_workspace_bytes(const HearingSpec& spec);

}  // namespace linnet
