#include "backend/host_state_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/checked.hpp"

namespace linnet {
namespace {

Error too_large(const StateShape& shape) {
  std::int64_t floats = 0;
  for (const std::int64_t layer : shape.layer_floats) floats = saturating_add(floats, layer);
  return Error{fmt::format(
      "the recurrent state is too large: {} slots of {} numbers in {} layers, expected at most {} "
      "bytes",
      shape.slots, floats, shape.layer_floats.size(), std::numeric_limits<std::int64_t>::max())};
}

}  // namespace

Result<std::unique_ptr<StateStore>> HostStateStore::make(const StateShape& shape) {
  std::unique_ptr<HostStateStore> store(new HostStateStore());
  std::optional<std::uint64_t> floats = 0;
  for (const std::int64_t layer : shape.layer_floats) {
    store->layer_offsets_.push_back(static_cast<std::int64_t>(*floats));
    floats = checked_add(*floats, static_cast<std::uint64_t>(layer));
    if (floats) floats = checked_align_up(*floats, 16);  // a cache line
    if (!floats) return too_large(shape);
  }
  store->slot_floats_ = static_cast<std::int64_t>(*floats);
  store->slots_ = shape.slots;
  const auto slots_floats = checked_multiply(*floats, static_cast<std::uint64_t>(shape.slots));
  const auto bytes = slots_floats ? checked_multiply(*slots_floats, sizeof(float)) : slots_floats;
  if (!bytes || !std::in_range<std::int64_t>(*bytes)) return too_large(shape);
  auto memory = PageMemory::allocate(static_cast<std::int64_t>(*bytes));
  if (!memory) return memory.error();
  store->memory_ = std::move(*memory);
  return std::unique_ptr<StateStore>(std::move(store));
}

std::int64_t HostStateStore::size_bytes() const { return slots_ * slot_bytes(); }

std::int64_t HostStateStore::slot_bytes() const {
  return slot_floats_ * static_cast<std::int64_t>(sizeof(float));
}

void HostStateStore::export_slot(std::int32_t slot, std::span<std::byte> to) const {
  const std::span<const float> floats(slot_at(slot), slot_floats_);
  std::ranges::copy(std::as_bytes(floats).first(to.size()), to.begin());
}

void HostStateStore::import_slot(std::int32_t slot, std::span<const std::byte> from) {
  const std::span<float> floats(slot_at(slot), slot_floats_);
  std::ranges::copy(from, std::as_writable_bytes(floats).begin());
}

void HostStateStore::clear_slot(std::int32_t slot) {
  std::fill_n(slot_at(slot), slot_floats_, 0.0f);
}

void HostStateStore::copy_slot(std::int32_t from, std::int32_t to) {
  std::copy_n(slot_at(from), slot_floats_, slot_at(to));
}

void find_runs(const BatchLayout& batch, std::vector<SequenceRun>& runs) {
  runs.clear();
  const auto rows = static_cast<std::int64_t>(batch.sequences.size());
  for (std::int64_t first = 0; first < rows;) {
    const std::int32_t sequence = batch.sequences[first];
    std::int64_t last = first + 1;
    while (last < rows && batch.sequences[last] == sequence) ++last;
    if (sequence != kNoSequence) runs.push_back({first, last, batch.states[sequence]});
    first = last;
  }
}

}  // namespace linnet
