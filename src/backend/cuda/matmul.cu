// Which kernel multiplies what.

#include <algorithm>
#include <array>
#include <utility>

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/experts.cuh"
#include "backend/cuda/kernels/prepare.cuh"
#include "backend/cuda/multiply.hpp"
#include "backend/cuda/overlap.hpp"

namespace linnet::cuda {
namespace {

// Rows for which unpacking a weight in device memory first is worth while, for a library.
constexpr std::int64_t kLibraryRows = 256;
// Picks of experts that are taken one by one.
constexpr std::int64_t kFewPicks = 64;
// Weights of float32 with so few numbers, which are routers, stay in the cache: up to so many rows
// each of their warps has two outputs. A handful of tiles of multiply_plain would let the device
// idle.
constexpr std::int64_t kSmallWeight = 2 << 20, kFewSmallRows = 255;
// Rows of a tile, where there are few and where there are many.
constexpr int kNarrowTile = 32, kWideTile = 128;
// Inputs of a part, at least, where thread blocks share an output's inputs.
constexpr std::int64_t kSplitInputs = 256;
// What a tile of a warpgroup costs beside its rows, in rows: its weights are unpacked once more.
constexpr int kTileCost = 32;
// Rows that are multiplied at once where inputs are split whatever their number, so that the parts
// of the sums stay small.
constexpr std::int64_t kAlikeRows = 512;

Epilogue epilogue_of(const MatmulOutput& output, View out) {
  Epilogue epilogue;
  epilogue.out = out.data;
  epilogue.stride = out.stride;
  epilogue.columns = output.weight->rows();
  epilogue.bias = output.bias;
  epilogue.scale = output.scale;
  epilogue.accumulate = output.accumulate;
  return epilogue;
}

Epilogue epilogue_of(const ExpertOutput& output) {
  Epilogue epilogue;
  epilogue.out = output.out.data;
  epilogue.stride = output.out.stride;
  epilogue.columns = output.weight->rows();
  epilogue.bias = output.bias;
  epilogue.slice_scales = output.scale;
  return epilogue;
}

SliceChoice choice_of(const Routing& routing, View in) {
  return {routing.experts, routing.used, in.rows == routing.rows * routing.used};
}

// Products of the same rows, launched as many together as go together.
template <class Launch>
class Together {
 public:
  Together(int outputs, Launch launch) : outputs_(outputs), launch_(std::move(launch)) {}
  void add(const Product& product) {
    if (join(product, outputs_, products_)) return;
    finish();
    join(product, outputs_, products_);
  }
  void finish() {
    if (products_.count > 0) launch_(std::exchange(products_, {}));
  }

 private:
  int outputs_;  // of a thread block
  Launch launch_;
  Products products_;
};

}  // namespace

// Rows that weights of integer codes multiply without tensor cores.
std::int64_t CudaBackend::few_quantised_rows() const {
  if (is_deterministic_) return 0;
  return has_warpgroups_ ? kFewRowsBesideWarpgroups : kFewRows;
}

std::int64_t CudaBackend::few_rows(const WeightsView& w) const {
  if (is_deterministic_ || !is_float(w.codes)) return few_quantised_rows();
  const bool is_small = w.codes == Codes::kFloat32 && w.rows * w.columns <= kSmallWeight;
  return is_small ? kFewSmallRows : kFewRows;
}

// Where an operation that makes the rows `of` puts them as integers, too, because a product that
// wants them so is likely to follow; without codes where that is no use.
QuantisedRows CudaBackend::room_for_quantised(View of) {
  if (of.rows > few_quantised_rows()) return {};
  return take_quantised(of, 0);
}

// What is in that memory goes.
QuantisedRows CudaBackend::take_quantised(View of, int memory) {
  if (!has_quantised_weights_ || of.columns % kBlock != 0) return {};
  return quantised_memory_[memory].take(*stream_, of.rows, of.columns / kBlock);
}

// Where an operation that makes the rows `of` writes them in binary16, too. Rows that cuBLASLt takes
// have another form.
HalfRows CudaBackend::room_for_halves(View of) {
  const bool are_few = of.rows <= few_quantised_rows();
  if (!has_warpgroups_ || are_few || of.rows >= kLibraryRows) return {};
  return take_halves(of, HalfForm::kForFragments);
}

HalfRows CudaBackend::take_halves(View of, HalfForm how) {
  const bool for_fragments = how == HalfForm::kForFragments;
  const std::int64_t step = for_fragments ? kFragmentInputs : kTileInputs;
  const std::int64_t columns = (of.columns + step - 1) / step * step;
  return {half_values_.take<std::uint16_t>(*stream_, of.rows * columns),
          half_inverses_.take<float>(*stream_, of.rows), columns, for_fragments};
}

// What was made ready of the rows that the last operation wrote.
void CudaBackend::remember(View of, const ReadyRows& rows) {
  if (rows.quantised.codes || rows.halves.values) remembered_ = {of, rows, stream_->operations()};
}

bool CudaBackend::remembers(View of) const {
  const View& last = remembered_.of;
  return remembered_.operations == stream_->operations() && last.data == of.data &&
         last.rows == of.rows && last.columns == of.columns && last.stride == of.stride;
}

// Whether what was made ready stays so when `rows` rows of these products are written.
bool CudaBackend::remembers_beside(const Products& all, std::int64_t rows) const {
  bool stays = remembered_.operations == stream_->operations();
  for (int i = 0; i < all.count; ++i) {
    const Epilogue& to = all.products[i].epilogue;
    stays = stays && !overlap(remembered_.of, {to.out, rows, to.columns, to.stride});
  }
  return stays;
}

void CudaBackend::quantise(Prepared& x) {
  if (std::exchange(x.quantised, true)) return;
  if (remembers(x.in) && remembered_.rows.quantised.codes) {
    quantised_ = remembered_.rows.quantised;
    return;
  }
  const std::int64_t blocks = x.in.columns / kBlock, all = x.in.rows * blocks;
  quantised_ = quantised_memory_[0].take(*stream_, x.in.rows, blocks);
  stream_->launch(quantise_rows, dim3(static_cast<unsigned>((all + 7) / 8)), dim3(256), 0,
                  x.in.data, x.in.stride, x.in.rows, quantised_);
  remember(x.in, {quantised_, {}});
}

// Where each row has its own power of two, one for all will do.
void CudaBackend::to_half(Prepared& x, HalfForm how) {
  if (x.half_form == how || (how == HalfForm::kByRow && x.half_form == HalfForm::kEvenly)) return;
  x.half_form = how;
  if (how == HalfForm::kForFragments && remembers(x.in) && remembered_.rows.halves.values) {
    halves_ = remembered_.rows.halves;
    return;
  }
  halves_ = take_halves(x.in, how);
  const dim3 grid(static_cast<unsigned>(x.in.rows));
  if (how != HalfForm::kEvenly) {
    stream_->launch(rows_to_half, grid, dim3(256), 0, x.in.data, x.in.stride, x.in.columns,
                    halves_);
    if (how == HalfForm::kForFragments) remember(x.in, {{}, halves_});
    return;
  }
  auto* largest = row_largest_.take<float>(*stream_, x.in.rows);
  stream_->launch(find_largest, grid, dim3(256), 0, x.in.data, x.in.stride, x.in.columns, largest);
  stream_->launch(rows_to_half_evenly, grid, dim3(256), 0, x.in.data, x.in.stride, x.in.columns,
                  largest, halves_);
}

void CudaBackend::multiply_few_rows(Prepared& x, const Products& all, std::int64_t out_rows,
                                    const SliceChoice& choice) {
  const bool floats = is_float(all.products[0].w.codes);
  if (!floats) quantise(x);
  const bool keeps = remembers_beside(all, out_rows);
  if (floats) {
    multiply_few_float_rows(*stream_, all, x.in, out_rows, choice);
  } else {
    multiply_few_quantised_rows(*stream_, all, quantised_, out_rows, choice);
  }
  if (keeps) remembered_.operations = stream_->operations();
}

// False, and nothing is done, where the weights differ too much.
bool CudaBackend::multiply_gated(View in, const Product& gate, const Product& up,
                                 const SliceChoice& choice, Activation activation, View out) {
  Products both;
  const bool alike = gate.w.rows == up.w.rows && gate.w.columns == up.w.columns;
  if (!alike || !join(gate, kBlock, both) || !join(up, kBlock, both)) return false;
  Prepared x{in};
  const bool floats = is_float(gate.w.codes);
  if (!floats) quantise(x);
  // Where the inputs don't lie.
  const bool first_is_taken = !floats && quantised_memory_[0].holds(quantised_);
  const QuantisedRows to = take_quantised(out, first_is_taken ? 1 : 0);
  if (floats) {
    multiply_gated_float_rows(*stream_, both, in, out.rows, choice, activation, to);
  } else {
    multiply_gated_rows(*stream_, both, quantised_, out.rows, choice, activation, to);
  }
  remember(out, {to, {}});
  return true;
}

void CudaBackend::gated_matmul(View in, const MatmulOutput& gate, const MatmulOutput& up,
                               Activation activation) {
  const Product left{view_of(*gate.weight), epilogue_of(gate, gate.out)};
  const Product right{view_of(*up.weight), epilogue_of(up, up.out)};
  const bool few = in.rows <= std::min<std::int64_t>(kFewRows, few_rows(left.w));
  if (few && multiply_gated(in, left, right, {}, activation, up.out)) return;
  Backend::gated_matmul(in, gate, up, activation);
}

void CudaBackend::multiply_many_rows(Prepared& x, const Products& all, std::int64_t rows,
                                     const RowTiles& tiles, std::int64_t tile_count,
                                     int tile_rows) {
  if (all.products[0].w.codes == Codes::kFloat32) {
    for (const Product& product : std::span(all.products).first(all.count)) {
      multiply_plain_rows(*stream_, product.w, x.in, rows, tiles, tile_count, product.epilogue);
    }
    return;
  }
  to_half(x, has_warpgroups_ ? HalfForm::kForFragments : HalfForm::kByRow);
  // What is cut must not depend on the number of rows where results must not.
  const std::int64_t blocks = all.firsts[all.count] * (is_deterministic_ ? 1 : tile_count);
  const std::int64_t step = has_warpgroups_ ? kFragmentInputs : kTileInputs;
  const std::int64_t steps = halves_.columns / step;
  // Too few blocks for the device share their inputs, at least kSplitInputs each.
  std::int64_t splits = 1;
  if (!tiles.counts && blocks < stream_->multiprocessors()) {
    const std::int64_t wanted = (2 * stream_->multiprocessors() + blocks - 1) / blocks;
    splits = std::clamp<std::int64_t>(std::min(wanted, halves_.columns / kSplitInputs), 1, 16);
  }
  Partial partial;
  if (splits > 1) {
    partial.steps_a_split = (steps + splits - 1) / splits;
    splits = (steps + partial.steps_a_split - 1) / partial.steps_a_split;
    partial.rows = rows;
    const std::int64_t fragments = splits * ((rows + 7) / 8) * all.firsts[all.count];
    partial.sums = partial_sums_.take<float4>(*stream_, fragments * kTileThreads);
    if (!partial.sums) return;
  }
  const bool keeps = remembers_beside(all, rows);
  const auto multiply = has_warpgroups_ ? multiply_by_warpgroups : multiply_tiled_rows;
  multiply(*stream_, all, halves_, rows, tiles, {tile_count, tile_rows, splits}, partial);
  if (keeps) remembered_.operations = stream_->operations();
}

// Of a product of `rows` rows, which take one of `slices` each.
int CudaBackend::many_tile_rows(const WeightsView& w, std::int64_t rows,
                                std::int64_t slices) const {
  if (w.codes == Codes::kFloat32) return kPlainRows;
  if (!has_warpgroups_) {
    const std::int64_t few = slices == 1 ? kNarrowTile : 2 * kNarrowTile * slices;
    return rows <= few ? kNarrowTile : kWideTile;
  }
  const std::int64_t each = (rows + slices - 1) / slices;
  const auto cost = [&](int tile) { return (each + tile - 1) / tile * (tile + kTileCost); };
  int best = kWarpgroupTiles[0];
  for (const int tile : kWarpgroupTiles) best = cost(tile) <= cost(best) ? tile : best;
  return best;
}

void CudaBackend::multiply_many(Prepared& x, const Products& all) {
  const std::int64_t rows = x.in.rows;
  const int tile_rows = many_tile_rows(all.products[0].w, rows, 1);
  multiply_many_rows(x, all, rows, {}, (rows + tile_rows - 1) / tile_rows, tile_rows);
}

// The kernels of many rows add up each output in the order of the inputs, however wide a tile is.
void CudaBackend::multiply_alike(View in, std::span<const MatmulOutput> outputs) {
  for (std::int64_t first = 0; first < in.rows; first += kAlikeRows) {
    const std::int64_t rows = std::min(kAlikeRows, in.rows - first);
    Prepared x{View{in.row(first), rows, in.columns, in.stride}};
    Together together(kTileOutputs, [&](const Products& all) { multiply_many(x, all); });
    for (const MatmulOutput& output : outputs) {
      const View out{output.out.row(first), rows, output.out.columns, output.out.stride};
      together.add({view_of(*output.weight), epilogue_of(output, out)});
    }
    together.finish();
  }
}

void CudaBackend::matmul(View in, std::span<const MatmulOutput> outputs) {
  if (!postpone_head(in, outputs)) multiply(in, outputs);
}

void CudaBackend::multiply(View in, std::span<const MatmulOutput> outputs) {
  if (is_deterministic_) return multiply_alike(in, outputs);
  Prepared x{in};
  Together few(kFewTileOutputs,
               [&](const Products& all) { multiply_few_rows(x, all, in.rows, {}); });
  Together many(kTileOutputs, [&](const Products& all) { multiply_many(x, all); });
  for (const MatmulOutput& output : outputs) {
    if (in.rows >= kLibraryRows && multiply_by_cublas_lt(x, output)) continue;
    const WeightsView& w = view_of(*output.weight);
    const Product product{w, epilogue_of(output, output.out)};
    in.rows <= few_rows(w) ? few.add(product) : many.add(product);
  }
  few.finish();
  many.finish();
}

// The matmuls of a layer's experts ask for the same lists one after the other.
const PickLists& CudaBackend::pick_lists(const Routing& routing, std::int64_t experts,
                                         int tile_rows) {
  const std::int64_t picks = routing.rows * routing.used;
  const Grouping wanted{routing.experts, picks, experts, tile_rows};
  if (std::exchange(grouping_, wanted) == wanted) return pick_lists_;
  const std::int64_t tiles = picks / tile_rows + std::min(experts, picks);
  auto* memory = pick_numbers_.take<std::int32_t>(*stream_, 2 * picks + 3 * tiles);
  pick_lists_ = {};
  if (!memory) return pick_lists_;
  pick_lists_.picks = memory;
  pick_lists_.rows = pick_lists_.picks + picks;
  pick_lists_.slices = pick_lists_.rows + picks;
  pick_lists_.firsts = pick_lists_.slices + tiles;
  pick_lists_.counts = pick_lists_.firsts + tiles;
  pick_lists_.tiles = static_cast<int>(tiles);
  const std::size_t bytes = group_memory_bytes(static_cast<std::size_t>(experts));
  const bool keeps = remembered_.operations == stream_->operations();
  stream_->allow_shared_bytes(group_picks, bytes);
  stream_->launch(group_picks, dim3(1), dim3(kGroupThreads), bytes, routing.experts, picks,
                  routing.used, static_cast<int>(experts), tile_rows, pick_lists_);
  if (keeps) remembered_.operations = stream_->operations();
  return pick_lists_;
}

void CudaBackend::multiply_picks(Prepared& x, const Products& all, const Routing& routing,
                                 std::int64_t slices) {
  const std::int64_t picks = routing.rows * routing.used;
  const int tile_rows = many_tile_rows(all.products[0].w, picks, slices);
  const PickLists& lists = pick_lists(routing, slices, tile_rows);
  if (!lists.counts) return;
  const RowTiles tiles{lists.slices, lists.firsts, lists.counts,
                       x.in.rows == picks ? lists.picks : lists.rows, lists.picks};
  multiply_many_rows(x, all, picks, tiles, lists.tiles, tile_rows);
}

void CudaBackend::multiply_experts(View in, std::span<const ExpertOutput> outputs,
                                   const Routing& routing) {
  const std::int64_t picks = routing.rows * routing.used;
  const bool few = picks <= kFewPicks && !is_deterministic_;
  Prepared x{in};
  Together together(few ? kFewTileOutputs : kTileOutputs, [&](const Products& all) {
    if (!few) return multiply_picks(x, all, routing, outputs[0].weight->slices());
    multiply_few_rows(x, all, picks, choice_of(routing, in));
  });
  for (const ExpertOutput& output : outputs) {
    together.add({view_of(*output.weight), epilogue_of(output)});
  }
  together.finish();
}

void CudaBackend::expert_matmul(View in, const Matrix& weight, const float* scale,
                                const float* bias, const Routing& routing, View out) {
  const ExpertOutput output{&weight, out, scale, bias};
  multiply_experts(in, {&output, 1}, routing);
}

void CudaBackend::gated_expert_matmul(View in, const ExpertOutput& gate, const ExpertOutput& up,
                                      const Routing& routing, Activation activation) {
  const std::int64_t picks = routing.rows * routing.used;
  const bool few = picks <= kFewPicks && !is_deterministic_;
  const Product left{view_of(*gate.weight), epilogue_of(gate)};
  const Product right{view_of(*up.weight), epilogue_of(up)};
  if (few && multiply_gated(in, left, right, choice_of(routing, in), activation, up.out)) return;
  multiply_experts(in, std::array{gate, up}, routing);
  gated_activation(gate.out, up.out, activation, up.out);
}

void CudaBackend::route_experts(View logits, const RouteParams& params, const Routing& out) {
  grouping_ = {};
  const std::int64_t picks = out.rows * out.used;
  const bool keeps =
      remembered_.operations == stream_->operations() &&
      !overlap(remembered_.of, {out.weights, 1, picks, picks}) &&
      !overlap(remembered_.of, {reinterpret_cast<float*>(out.experts), 1, picks, picks});
  const auto experts = static_cast<int>(logits.columns);
  const std::size_t bytes = sizeof(float) * choice_floats(experts, params);
  stream_->allow_shared_bytes(choose_experts, bytes);
  stream_->launch(choose_experts, dim3(static_cast<unsigned>(logits.rows)), dim3(kWarp), bytes,
                  logits.data, logits.stride, experts, params, out);
  if (keeps) remembered_.operations = stream_->operations();
}

}  // namespace linnet::cuda
