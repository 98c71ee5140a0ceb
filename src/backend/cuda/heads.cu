// Norms, RoPE, and storing of keys and values. What happens to the heads of queries and keys one
// operation after the other is one kernel.

#include <algorithm>

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/heads.cuh"
#include "backend/cuda/overlap.hpp"

namespace linnet::cuda {
namespace {

bool is_plain(const HeadWork& work) {
  return !work.normalised && work.rope.layout == RopeLayout::kNone;
}

bool is_of(const HeadWork& work, View x, int heads, int width) {
  return work.x.data == x.data && work.x.stride == x.stride && work.x.rows == x.rows &&
         work.heads == heads && work.width == width;
}

// Has `x` stored by its work or by a new one; false where another one must be done before, or where
// there is no room.
bool add_stored(HeadWorks& all, View x, int heads, int width, Stored as) {
  if (heads * width == 0) return true;
  if (all.count > 0 && all.works[0].x.rows != x.rows) return false;
  for (HeadWork& work : std::span(all.works, static_cast<std::size_t>(all.count))) {
    if (is_of(work, x, heads, width) && work.stored == Stored::kNowhere) {
      work.stored = as;
      return true;
    }
    if (!is_plain(work) && overlap(work.x, x)) return false;
  }
  if (all.count == HeadWorks::kMost) return false;
  all.works[all.count++] = {x, heads, width, false, {}, {}, as};
  return true;
}

void launch_works(Stream& stream, const HeadWorks& all) {
  int heads = 0;
  for (std::int64_t i = 0; i < all.count; ++i) heads += all.works[i].heads;
  const dim3 grid(static_cast<unsigned>(all.works[0].x.rows), static_cast<unsigned>(heads));
  stream.launch(prepare_heads, grid, dim3(kHeadThreads), 0, all);
}

}  // namespace

void CudaBackend::begin_kernels_early() { stream_->begin_early(normalise_rows); }

// Where work on `x` is noted that the next operation may take along: behind what is noted already,
// if that can come before `step`.
HeadWork& CudaBackend::postponed_work(View x, int heads, int width, HeadStep step) {
  finish_heads();
  for (HeadWork& work :
       std::span(head_works_->works, static_cast<std::size_t>(head_works_->count))) {
    const bool has_turned = work.rope.layout != RopeLayout::kNone;
    if (is_of(work, x, heads, width) && !has_turned &&
        (step == HeadStep::kTurn || !work.normalised)) {
      return work;
    }
    if (!overlap(work.x, x)) continue;
    stream_->run_postponed();
    break;
  }
  const bool has_room = head_works_->count < HeadWorks::kMost;
  if (!has_room || head_works_->works[0].x.rows != x.rows) stream_->run_postponed();
  if (!stream_->has_postponed()) {
    stream_->postpone([this] { launch_works(*stream_, std::exchange(*head_works_, {})); });
  }
  HeadWork& work = head_works_->works[head_works_->count++];
  work = {x, heads, width};
  return work;
}

void CudaBackend::norm(View in, const NormParams& params, View out) {
  const std::int64_t group = params.group ? params.group : in.columns;
  if (params.group > 0 && group <= kWidestHead && in.data == out.data && in.stride == out.stride) {
    HeadWork& work = postponed_work(in, static_cast<int>(in.columns / group),
                                    static_cast<int>(group), HeadStep::kNormalise);
    work.normalised = true;
    work.norm = params;
    return;
  }
  const dim3 grid(static_cast<unsigned>(in.columns / group), grid_rows(in.rows));
  const auto threads = static_cast<unsigned>(
      std::clamp<std::int64_t>((group + kWarp - 1) / kWarp * kWarp, kWarp, kNormThreads));
  ReadyRows ready;
  if (group % kBlock == 0) ready.quantised = room_for_quantised(out);
  if (group == in.columns) ready.halves = room_for_halves(out);
  stream_->launch(normalise_rows, grid, dim3(threads), 0, in, params, group, out, ready);
  remember(out, ready);
}

void CudaBackend::rope(View x, std::span<const std::int32_t> positions, const RopeParams& params) {
  if (params.layout == RopeLayout::kNone || params.dims < 2) return;
  const float* host = params.inverse_frequencies.data();
  const RopeTask task{params.layout,
                      params.first,
                      params.dims,
                      params.magnitude,
                      frequencies_[host].of(*stream_, params.inverse_frequencies),
                      positions_.of(*stream_, positions)};
  if (!task.inverse_frequencies || !task.positions) return;
  x.columns = std::int64_t{params.heads} * params.head_width;
  postponed_work(x, params.heads, params.head_width, HeadStep::kTurn).rope = task;
}

void CudaBackend::store_kv(KvStore& store, int layer, View keys, View values,
                           const BatchLayout& batch) {
  finish_heads();
  HeadWorks before;
  if (stream_->has_postponed() && positions_.holds(batch.positions)) {
    stream_->take_back();
    before = std::exchange(*head_works_, {});
  }
  const KvView kv = static_cast<const DeviceKvStore&>(store).layer(layer);
  const auto add = [&](HeadWorks& all) {
    return add_stored(all, keys, kv.heads, kv.key_width, Stored::kAsKeys) &&
           add_stored(all, values, kv.heads, kv.value_width, Stored::kAsValues);
  };
  HeadWorks all = before;
  if (!add(all)) {
    launch_works(*stream_, before);
    all = {};
    add(all);
  }
  all.kv = kv;
  all.batch = device_batch(batch);
  launch_works(*stream_, all);
}

}  // namespace linnet::cuda
