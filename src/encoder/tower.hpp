#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Where a file has a tower.
struct TowerNames {
  std::string_view section;  ///< of the metadata: `clip.SECTION.`
  std::string_view layers;   ///< of the tensors, before the number of a layer

  std::string key(std::string_view name) const {
    return std::string(section).append(".").append(name);
  }
};

/// A tower whose layers have attention of all rows to all and a feed-forward part; what stands
/// before and after them is left out.
ModelSpec read_tower(Hyperparameters& p, const WeightLoader& loader, const TowerNames& of);

/// Counts of an array of metadata, at most `most` of them; none if it is absent.
std::vector<std::int64_t> read_counts(Hyperparameters& p, std::string_view key, std::size_t most);

}  // namespace linnet
