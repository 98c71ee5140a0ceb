#pragma once

#include <cstdint>
#include <string_view>

#include "encoder/projector_steps.hpp"
#include "encoder/tower.hpp"
#include "model/hyperparameters.hpp"
#include "model/weight_loader.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// Whether the file names the side of the pictures that the tower was trained with.
enum class TrainedSide { kRequired, kUnused };

/// The size and the colours of patches; there is no tower after them.
VisionSpec read_patches(Hyperparameters& p, TrainedSide side);

/// What nearly all families have in common: the sizes of tower and patches, the colours, which
/// optional parts there are. Layers have attention of all patches to all and a feed-forward part;
/// rope and projector are left out.
VisionSpec read_common_vision(Hyperparameters& p, const WeightLoader& loader,
                              TrainedSide side = TrainedSide::kRequired);

/// Pictures of `side` pixels are read by VisionSpec::net, whose places stand for patches. Returns
/// how many there are each way.
int read_places_of_net(Hyperparameters& p, int side, VisionSpec& spec);

/// As few and as many rows of the text model as the least and most pixels that the file names come
/// to, where it names them. Patches have their size, and how many become a row.
void read_pixel_limits(Hyperparameters& p, VisionSpec& spec);

/// Layers see windows of `pixels` pixels but for every `period`-th, which sees all.
void see_windows(int pixels, int period, VisionSpec& spec);

/// Heads of the tower share keys and values if the file says so.
void read_shared_keys(Hyperparameters& p, VisionSpec& spec);

/// Heads rotate by the row of a patch in the first half of their pairs (i, i + half) and by the
/// column in the second, each with frequencies base^(-2i / half).
void turn_halves_of_pairs(float base, ModelSpec& tower);

/// Heads of which each half rotates by itself, with frequencies base^(-2i / half).
struct TurnedHalves {
  RopeLayout layout = RopeLayout::kAdjacent;
  float base = 10000.0f;
  bool columns_first = false;  ///< the first half rotates by the column of a patch, else by the row
  /// Of frequencies base^(-i / half) the first half has the even ones and the second the odd ones.
  bool interleaved = false;
};
void turn_halves(const TurnedHalves& turned, ModelSpec& tower);

/// The tower has no more than its first `layers`; tensors of others in the file are not used.
void keep_layers(std::size_t layers, const WeightLoader& loader, ModelSpec& tower);

/// Grids of tiles of the side that the tower was trained with, from sizes in pixels that the file
/// may name: see tiles_of(); an overview comes first.
void read_grids(Hyperparameters& p, VisionSpec& spec);

/// Tiles of `side` pixels: pictures larger than one keep their shape in the grid that they fill
/// best; the grids are left out.
Tiling tiles_of(int side);

}  // namespace linnet
