#pragma once

#include "model/blocks/pass.hpp"
#include "model/stage.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// How a block reads and writes several residual streams (https://arxiv.org/abs/2512.24880).
struct HyperConnectionWeights {
  Linear mixes;  ///< of all streams, without their length
  std::unique_ptr<Buffer> scale, base;
  // Or, with HyperConnectionSpec::gate_rank:
  Norm norm;  ///< of each stream, with weights of its own
  Linear gate_down, gate_up;
  Linear write;
};

/// Loads `stem`_fn and so on of a block, or after the layers, if nothing is written any more;
/// nothing in models of one stream.
HyperConnectionWeights load_hyper_connection(WeightLoader& loader, const ModelSpec& spec,
                                             const std::string& stem, bool writes);

/// Floats that the streams and these functions take of the workspace for each row.
std::int64_t hyper_connection_columns(const ModelSpec& spec);

/// All streams side by side, each a copy of `x`, and after them a place for a block's result:
/// [rows, (streams + 1) * width] in the workspace. The others give one part of it.
View spread_to_streams(const Pass& pass, View x);
View all_streams(const ModelSpec& spec, View streams);
View block_result(const ModelSpec& spec, View streams);

/// What the latest layer gave: all of several streams, else the one.
inline View layer_result(const ModelSpec& spec, const Streams& streams) {
  return spec.residual.hyper_connection.streams > 0 ? all_streams(spec, streams.others[0])
                                                    : streams.x;
}

/// What a block reads of the streams, [rows, width] in the workspace, and in `write` what
/// write_streams() takes (no data: nothing will be written).
View read_streams(const Pass& pass, const HyperConnectionWeights& weights, View streams,
                  View write);
/// The streams take in the block's result.
void write_streams(const Pass& pass, View write, View streams);

/// What read_streams() fills for write_streams(), in the workspace.
View make_write_weights(const Pass& pass, View streams);

}  // namespace linnet
