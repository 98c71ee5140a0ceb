#include "model/state_journal.hpp"

#include <algorithm>

#include "backend/host_state_store.hpp"

namespace linnet {
namespace {

// Columns of a row that the operations on the state of a layer read.

std::int64_t read_by(std::monostate /*none*/) { return 0; }
std::int64_t read_by(const ShortConvolutionSpec& spec) { return spec.columns; }
std::int64_t read_by(const MambaSpec& spec) {
  return 3 * std::int64_t{spec.inner} + 2 * spec.state_width;
}
std::int64_t read_by(const Mamba2Spec& spec) {
  return 2 * (std::int64_t{spec.convolved()} + spec.heads);
}
std::int64_t read_by(const PlamoMambaSpec& spec) {
  return 2 * (std::int64_t{spec.inner} + spec.state_width + spec.heads);
}
std::int64_t read_by(const DeltaNetSpec& spec) {
  return 2 * (std::int64_t{spec.convolved()} + spec.heads);
}
std::int64_t read_by(const KimiDeltaSpec& spec) {
  return 7 * std::int64_t{spec.inner()} + spec.heads;
}
std::int64_t read_by(const LightningSpec& spec) {
  return 3 * std::int64_t{spec.inner()} + spec.heads;
}
std::int64_t read_by(const Rwkv6Spec& spec) { return 5 * std::int64_t{spec.columns}; }
std::int64_t read_by(const Rwkv7Spec& spec) { return 7 * std::int64_t{spec.columns}; }
std::int64_t read_by(const RwkvChannelMixSpec& spec) { return spec.columns; }

std::int64_t read_by(const RecurrentSpec& spec) {
  return std::visit([](const auto& kind) { return read_by(kind); }, spec);
}
std::int64_t read_by(const CompressedAttentionSpec& spec) {
  if (spec.stride == 0) return 0;
  const bool has_indexer = spec.indexer.heads > 0;
  return 2 * (spec.pooled_columns(spec.head_width) +
              (has_indexer ? spec.pooled_columns(spec.indexer.width) : 0));
}
std::int64_t read_by(const BlockIndexerSpec& spec) {
  return spec.state_floats() > 0 ? 2 * std::int64_t{spec.width} : 0;
}
std::int64_t read_by(const NgramSpec& spec) {
  return spec.size == 0 ? 0 : spec.before() + spec.columns;
}
std::int64_t read_by(const LayerSpec& spec) {
  return read_by(spec.attention.blocks) + read_by(spec.compressed) + read_by(spec.recurrent) +
         read_by(spec.recurrent_ffn) + read_by(spec.ngrams);
}

constexpr int kViews = 24;  // more than the operations of a layer read

}  // namespace

std::int64_t StateJournal::floats_for(const ModelSpec& spec, LayerRange layers, std::int64_t rows) {
  std::int64_t all = 0, widest = 0;
  for (int i = 0; i < static_cast<int>(spec.layers.size()); ++i) {
    if (!layers.holds(i)) continue;
    const std::int64_t columns = read_by(spec.layers[i]);
    all += columns;
    widest = std::max(widest, columns);  // no operation gives more than it reads
  }
  if (all == 0) return 0;
  return Workspace::floats_for(rows, all + widest, kViews * static_cast<int>(spec.layers.size()));
}

void StateJournal::begin(const BatchLayout& batch, std::span<const TrialRows> trials) {
  memory_.clear();
  moves_.clear();
  rows_.clear();
  positions_.clear();
  for (const TrialRows& trial : trials) {
    for (std::int64_t row = trial.first; row < trial.first + trial.count; ++row) {
      rows_.push_back(static_cast<std::int32_t>(row));
      positions_.push_back(batch.positions[row]);
    }
  }
}

void StateJournal::note(const StateMove& move) {
  if (rows_.empty()) return;
  const auto keep = [this](View& input) {
    if (!input.data) return;
    const View kept = memory_.view(std::ssize(rows_), input.columns);
    backend_.gather_rows(input, rows_, kept);
    input = kept;
  };
  std::visit(
      [&](auto& kind) {
        for (View* input : kind.inputs()) keep(*input);
      },
      moves_.emplace_back(move));
}

void StateJournal::redo(std::span<const RedoneRows> rows, StateStore& states) {
  sequences_.assign(rows_.size(), kNoSequence);
  slots_.clear();
  for (const RedoneRows& redone : rows) {
    const auto kept = std::ranges::find(rows_, redone.first) - rows_.begin();
    std::fill_n(sequences_.begin() + kept, redone.count, static_cast<std::int32_t>(slots_.size()));
    slots_.push_back(redone.slot);
  }
  const BatchLayout batch{positions_, sequences_, {}, {}, slots_};
  for (const StateMove& move : moves_) {
    const Workspace::Scope scope(memory_);
    std::visit(
        [&](const auto& kind) {
          const View out = memory_.view(std::ssize(rows_), kind.out_columns());
          kind.run(backend_, states, batch, out);
        },
        move);
  }
}

}  // namespace linnet
