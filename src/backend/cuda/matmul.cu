// Which kernel multiplies what.

#include <algorithm>
#include <utility>

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/experts.cuh"
#include "backend/cuda/kernels/prepare.cuh"
#include "backend/cuda/multiply.hpp"

namespace linnet::cuda {
namespace {

// Rows that a product without tensor cores takes.
constexpr std::int64_t kFewRows = 4;
// Picks of experts that are taken one by one.
constexpr std::int64_t kFewPicks = 64;
// Rows of a tile, where there are few and where there are many.
constexpr int kNarrowTile = 32, kWideTile = 128;

}  // namespace

void CudaBackend::quantise(Prepared& x) {
  if (std::exchange(x.quantised, true)) return;
  const std::int64_t blocks = x.in.columns / kBlock, all = x.in.rows * blocks;
  quantised_ = {quantised_codes_.take<std::uint32_t>(*stream_, all * 16),
                quantised_scales_.take<float>(*stream_, all),
                quantised_sums_.take<std::int32_t>(*stream_, all * 2), blocks};
  stream_->launch(quantise_rows, dim3(static_cast<unsigned>((all + 7) / 8)), dim3(256), 0,
                  x.in.data, x.in.stride, x.in.rows, quantised_);
}

void CudaBackend::halve(Prepared& x) {
  if (std::exchange(x.halved, true)) return;
  const std::int64_t columns = (x.in.columns + kTileInputs - 1) / kTileInputs * kTileInputs;
  halves_ = {half_values_.take<std::uint16_t>(*stream_, x.in.rows * columns),
             half_inverses_.take<float>(*stream_, x.in.rows), columns};
  stream_->launch(halve_rows, dim3(static_cast<unsigned>(x.in.rows)), dim3(256), 0, x.in.data,
                  x.in.stride, x.in.columns, halves_);
}

void CudaBackend::multiply_few_rows(Prepared& x, const WeightsView& w, std::int64_t out_rows,
                                    const SliceChoice& choice, const Epilogue& epilogue) {
  if (is_float(w.codes)) {
    multiply_few_float_rows(*stream_, w, x.in.data, x.in.stride, out_rows, choice, epilogue);
  } else {
    quantise(x);
    multiply_few_quantised_rows(*stream_, w, quantised_, out_rows, choice, epilogue);
  }
}

void CudaBackend::multiply_many_rows(Prepared& x, const WeightsView& w, std::int64_t rows,
                                     const RowTiles& tiles, std::int64_t tile_count, int tile_rows,
                                     const Epilogue& epilogue) {
  if (w.codes == Codes::kFloat32) {
    return multiply_plain_rows(*stream_, w, x.in, rows, tiles, tile_count, epilogue);
  }
  halve(x);
  const std::int64_t blocks = (w.rows + kTileOutputs - 1) / kTileOutputs * tile_count;
  const std::int64_t steps = halves_.columns / kTileInputs;
  // Too few blocks for the device share their inputs, at least four steps each.
  std::int64_t splits = 1;
  if (!tiles.counts && blocks < stream_->multiprocessors()) {
    const std::int64_t wanted = (2 * stream_->multiprocessors() + blocks - 1) / blocks;
    splits = std::clamp<std::int64_t>(std::min(wanted, steps / 4), 1, 16);
  }
  Partial partial;
  if (splits > 1) {
    partial.steps_a_split = (steps + splits - 1) / splits;
    splits = (steps + partial.steps_a_split - 1) / partial.steps_a_split;
    partial.rows = rows;
    partial.sums = partial_sums_.take<float>(*stream_, splits * rows * w.rows);
    if (!partial.sums) return;
  }
  multiply_tiled_rows(*stream_, w, halves_, rows, tiles, {tile_count, tile_rows, splits}, partial,
                      epilogue);
}

void CudaBackend::matmul(View in, std::span<const MatmulOutput> outputs) {
  Prepared x{in};
  for (const MatmulOutput& output : outputs) {
    const WeightsView& w = view_of(*output.weight);
    Epilogue epilogue;
    epilogue.out = output.out.data;
    epilogue.stride = output.out.stride;
    epilogue.columns = w.rows;
    epilogue.bias = output.bias;
    epilogue.scale = output.scale;
    epilogue.accumulate = output.accumulate;
    if (in.rows <= kFewRows) {
      multiply_few_rows(x, w, in.rows, {}, epilogue);
      continue;
    }
    const int tile_rows = w.codes == Codes::kFloat32 ? kPlainTile
                          : in.rows <= kNarrowTile   ? kNarrowTile
                                                     : kWideTile;
    const std::int64_t tiles = (in.rows + tile_rows - 1) / tile_rows;
    multiply_many_rows(x, w, in.rows, {}, tiles, tile_rows, epilogue);
  }
}

PickLists CudaBackend::make_pick_lists(const Routing& routing, bool row_a_pick,
                                       std::int64_t experts, int tile_rows) {
  const std::int64_t picks = routing.rows * routing.used;
  const std::int64_t tiles = picks / tile_rows + std::min(experts, picks);
  auto* memory = pick_lists_.take<std::int32_t>(*stream_, experts + 1 + 2 * picks + 3 * tiles);
  PickLists lists;
  if (!memory) return lists;
  lists.offsets = memory;
  lists.in_rows = lists.offsets + experts + 1;
  lists.out_rows = lists.in_rows + picks;
  lists.slices = lists.out_rows + picks;
  lists.firsts = lists.slices + tiles;
  lists.counts = lists.firsts + tiles;
  lists.tiles = static_cast<int>(tiles);
  stream_->launch(group_picks, dim3(1), dim3(256), 0, routing.experts, picks, routing.used,
                  row_a_pick, static_cast<int>(experts), tile_rows, lists);
  return lists;
}

void CudaBackend::expert_matmul(View in, const Matrix& weight, const float* scale,
                                const float* bias, const Routing& routing, View out) {
  const WeightsView& w = view_of(weight);
  const std::int64_t picks = routing.rows * routing.used;
  const bool row_a_pick = in.rows == picks;
  Epilogue epilogue;
  epilogue.out = out.data;
  epilogue.stride = out.stride;
  epilogue.columns = w.rows;
  epilogue.bias = bias;
  epilogue.slice_scales = scale;
  Prepared x{in};
  if (picks <= kFewPicks) {
    return multiply_few_rows(x, w, picks, {routing.experts, routing.used, row_a_pick}, epilogue);
  }
  const int tile_rows = w.codes == Codes::kFloat32          ? kPlainTile
                        : picks <= weight.slices() * 2 * 32 ? kNarrowTile
                                                            : kWideTile;
  const PickLists lists = make_pick_lists(routing, row_a_pick, weight.slices(), tile_rows);
  if (!lists.counts) return;
  const RowTiles tiles{lists.slices, lists.firsts, lists.counts, lists.in_rows, lists.out_rows};
  multiply_many_rows(x, w, picks, tiles, lists.tiles, tile_rows, epilogue);
}

void CudaBackend::route_experts(View logits, const RouteParams& params, const Routing& out) {
  const auto experts = static_cast<int>(logits.columns);
  const std::size_t bytes = sizeof(float) * (2 * static_cast<std::size_t>(experts) +
                                             static_cast<std::size_t>(params.groups));
  stream_->allow_shared_bytes(choose_experts, bytes);
  stream_->launch(choose_experts, dim3(static_cast<unsigned>(logits.rows)), dim3(kWarp), bytes,
                  logits.data, logits.stride, experts, params, out);
}

}  // namespace linnet::cuda
