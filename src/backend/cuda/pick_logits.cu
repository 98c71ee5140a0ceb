// What samplers need of rows of logits, without the rows.

#include <algorithm>
#include <cstring>

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/pick_logits.cuh"

namespace linnet::cuda {
namespace {

// The queries one behind the other, as the kernels want them.
struct PickList {
  std::vector<PickTask> tasks;
  std::vector<std::int32_t> wanted;
  std::vector<std::uint64_t> allowed;
  std::int64_t picks = 0, most = 0;

  PickList(std::span<const LogitQuery> queries, std::int64_t columns) {
    for (const LogitQuery& query : queries) {
      const std::int64_t most = std::min(query.most, columns);
      tasks.push_back({query.row, std::ssize(wanted), std::ssize(query.ids), std::ssize(allowed),
                       std::ssize(query.allowed), picks, static_cast<std::int32_t>(most),
                       query.within});
      wanted.insert(wanted.end(), query.ids.begin(), query.ids.end());
      allowed.insert(allowed.end(), query.allowed.begin(), query.allowed.end());
      picks += most;
      this->most = std::max(this->most, most);
    }
  }
};

void take(std::vector<float>& to, const std::uint32_t* from, std::int64_t count) {
  to.resize(static_cast<std::size_t>(count));
  if (count > 0) std::memcpy(to.data(), from, to.size() * sizeof(float));
}

}  // namespace

bool CudaBackend::pick_logits(View logits, std::span<const LogitQuery> queries,
                              std::span<PickedLogits> out) {
  if (queries.empty() || !picks_logits_) return picks_logits_;
  for (PickedLogits& picked : out) picked = {};
  const PickList list(queries, logits.columns);
  const std::int64_t count = std::ssize(list.tasks), wanted = std::ssize(list.wanted);
  const std::int64_t words = count + wanted + 2 * list.picks;
  auto* results = picks_.take<std::uint32_t>(*stream_, words);
  const auto* tasks = pick_tasks_.of(*stream_, std::span<const PickTask>(list.tasks));
  const auto* ids = picked_ids_.of(*stream_, std::span<const std::int32_t>(list.wanted));
  const auto* allowed = picked_allowed_.of(*stream_, std::span<const std::uint64_t>(list.allowed));
  if (!results || !tasks) return true;  // after an error, which status() tells
  std::uint32_t *of_wanted = results + count, *picked = of_wanted + wanted;
  const PickMemory memory{tasks,
                          ids,
                          allowed,
                          reinterpret_cast<std::int32_t*>(results),
                          reinterpret_cast<float*>(of_wanted),
                          reinterpret_cast<std::int32_t*>(picked),
                          reinterpret_cast<float*>(picked + list.picks)};
  const dim3 grid(static_cast<unsigned>(count));
  if (wanted > 0) stream_->launch(take_wanted_logits, grid, dim3(128), 0, logits, memory);
  PickPieces pieces;
  const std::int64_t piece_count = (logits.columns + kPickPiece - 1) / kPickPiece;
  if (list.most <= kPickedOfPiece && piece_count > 1) {
    const std::int64_t candidates = count * piece_count * list.most;
    auto* numbers = pick_candidates_.take<std::uint32_t>(*stream_, 2 * candidates);
    if (!numbers) return true;
    pieces = {piece_count, list.most, reinterpret_cast<std::int32_t*>(numbers),
              reinterpret_cast<float*>(numbers + candidates)};
    const dim3 pieces_grid(static_cast<unsigned>(piece_count), static_cast<unsigned>(count));
    stream_->launch(pick_of_pieces, pieces_grid, dim3(kPickThreads), 0, logits, memory, pieces);
  }
  stream_->launch(pick_likeliest, grid, dim3(kPickThreads), 0, logits, memory, pieces);

  // As logits, they come every step.
  const std::size_t bytes = static_cast<std::size_t>(words) * sizeof(std::uint32_t);
  auto* host = reinterpret_cast<std::uint32_t*>(landing_place(bytes));
  if (!host) {
    host_picks_.resize(static_cast<std::size_t>(words));
    host = host_picks_.data();
  }
  stream_->download(results, bytes, host);
  if (!stream_->status()) return true;
  for (std::int64_t q = 0; q < count; ++q) {
    const PickTask& task = list.tasks[q];
    const std::uint32_t* first = host + count + wanted + task.first_pick;
    take(out[q].of_ids, host + count + task.first_id, task.ids);
    out[q].ids.assign(first, first + host[q]);
    take(out[q].logits, first + list.picks, host[q]);
  }
  return true;
}

}  // namespace linnet::cuda
