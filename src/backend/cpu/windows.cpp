// Compressed keys and several residual streams.

#include <algorithm>
#include <array>
#include <cmath>

#include "backend/cpu/cpu_backend.hpp"
#include "backend/host_state_store.hpp"
#include "backend/stream_mixing.hpp"

namespace linnet::cpu {
namespace {

constexpr std::int64_t kPoolColumns = 64;  // of a task

// Some columns of the tokens that a sequence's state keeps.
class WindowColumns {
 public:
  WindowColumns(const PoolParams& params, std::int64_t columns, float* state, std::int64_t first,
                std::int64_t count)
      : params_(params), columns_(columns), state_(state), first_(first), count_(count) {}

  void keep(std::int32_t position, const float* values, const float* scores) const {
    keep_from(first_, position, values, scores);
    if (params_.overlaps) keep_from(columns_ / 2 + first_, position, values, scores);
  }

  // The window that ends at `last`.
  void pool(std::int32_t last, float* out) const {
    Sums sums;
    const std::int32_t first = last + 1 - params_.ratio;
    const std::int64_t own = params_.overlaps ? columns_ / 2 + first_ : first_;
    const bool has_before = params_.overlaps && first > 0;
    const auto visit = [&](auto&& each) {
      if (has_before) visit_tokens(first - params_.ratio, first_, each);
      visit_tokens(first, own, each);
    };
    sums.largest.fill(-std::numeric_limits<float>::infinity());
    visit([&](const float* /*values*/, const float* scores) {
      for (std::int64_t c = 0; c < count_; ++c) {
        sums.largest[c] = std::max(sums.largest[c], scores[c]);
      }
    });
    visit([&](const float* values, const float* scores) {
      for (std::int64_t c = 0; c < count_; ++c) {
        const float weight = std::exp(scores[c] - sums.largest[c]);
        sums.weights[c] += weight;
        sums.values[c] += weight * values[c];
      }
    });
    for (std::int64_t c = 0; c < count_; ++c) out[c] = sums.values[c] / sums.weights[c];
  }

 private:
  struct Sums {
    std::array<float, kPoolColumns> largest, weights{}, values{};
  };

  float* token(std::int32_t position) const {
    return state_ + position % params_.kept() * 2 * columns_;
  }

  void keep_from(std::int64_t column, std::int32_t position, const float* values,
                 const float* scores) const {
    const float* offsets = params_.offsets + position % params_.ratio * columns_;
    for (std::int64_t c = column; c < column + count_; ++c) {
      token(position)[c] = values[c];
      token(position)[columns_ + c] = scores[c] + offsets[c];
    }
  }

  template <class Each>
  void visit_tokens(std::int32_t first, std::int64_t column, Each&& each) const {
    for (std::int32_t t = first; t < first + params_.ratio; ++t) {
      each(token(t) + column, token(t) + columns_ + column);
    }
  }

  const PoolParams& params_;
  const std::int64_t columns_;
  float* const state_;
  const std::int64_t first_, count_;
};

// For each run, how many windows end in the runs before it.
std::vector<std::int64_t> count_windows_before(const std::vector<SequenceRun>& runs,
                                               const BatchLayout& batch, int ratio) {
  std::vector<std::int64_t> before;
  std::int64_t count = 0;
  for (const SequenceRun& run : runs) {
    before.push_back(count);
    for (std::int64_t r = run.first; r < run.last; ++r) {
      if ((batch.positions[r] + 1) % ratio == 0) ++count;
    }
  }
  return before;
}

}  // namespace

void CpuBackend::pool_windows(StateStore& store, View values, View scores, const PoolParams& params,
                              const BatchLayout& batch, View out) {
  find_runs(batch, runs_);
  const auto before = count_windows_before(runs_, batch, params.ratio);
  const std::int64_t parts = (out.columns + kPoolColumns - 1) / kPoolColumns;
  pool_.parallel_for(std::ssize(runs_) * parts, [&](std::int64_t task) {
    const auto index = static_cast<std::size_t>(task / parts);
    const SequenceRun& run = runs_[index];
    const std::int64_t first = task % parts * kPoolColumns;
    const WindowColumns columns(params, values.columns,
                                static_cast<HostStateStore&>(store).at(params.state, run.slot),
                                first, std::min(kPoolColumns, out.columns - first));
    std::int64_t pooled = before[index];
    for (std::int64_t r = run.first; r < run.last; ++r) {
      const std::int32_t position = batch.positions[r];
      columns.keep(position, values.row(r), scores.row(r));
      if ((position + 1) % params.ratio == 0) columns.pool(position, out.row(pooled++) + first);
    }
  });
}

void CpuBackend::stream_weights(View mixes, const StreamParams& params, View read, View write) {
  for_rows(mixes.rows, mixes.columns * 64, [&](std::int64_t r) {
    stream_weights_row(mixes.row(r), params, read.row(r), write.data ? write.row(r) : nullptr);
  });
}

void CpuBackend::mix_streams(View in, View weights, std::int64_t width, View out) {
  const auto from = static_cast<int>(in.columns / width);
  const auto to = static_cast<int>(out.columns / width);
  for_rows(in.rows, in.columns * to, [&](std::int64_t r) {
    mix_streams_row(in.row(r), from, weights.row(r), to, width, out.row(r));
  });
}

}  // namespace linnet::cpu
