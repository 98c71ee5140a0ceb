#include "backend/host_state_store.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/checked.hpp"

namespace linnet {

Result<std::unique_ptr<StateStore>> HostStateStore::make(const StateShape& shape) {
  std::unique_ptr<HostStateStore> store(new HostStateStore());
  std::optional<std::uint64_t> floats = 0;
  for (const std::int64_t layer : shape.layer_floats) {
    store->layer_offsets_.push_back(static_cast<std::int64_t>(*floats));
    floats = checked_add(*floats, static_cast<std::uint64_t>(layer));
    if (floats) floats = checked_align_up(*floats, 16);  // a cache line
    if (!floats) return Error{"the recurrent state is too large"};
  }
  store->slot_floats_ = static_cast<std::int64_t>(*floats);
  store->slots_ = shape.slots;
  const auto bytes = checked_multiply(*floats, static_cast<std::uint64_t>(shape.slots));
  const auto total = bytes ? checked_multiply(*bytes, sizeof(float)) : bytes;
  if (!total) return Error{"the recurrent state is too large"};
  store->memory_.reset(static_cast<float*>(std::calloc(std::max<std::uint64_t>(*total, 1), 1)));
  if (!store->memory_) {
    return Error{"out of memory: " + std::to_string(*total) +
                 " bytes of recurrent state were asked for"};
  }
  return std::unique_ptr<StateStore>(std::move(store));
}

std::int64_t HostStateStore::size_bytes() const { return slots_ * slot_bytes(); }

std::int64_t HostStateStore::slot_bytes() const {
  return slot_floats_ * static_cast<std::int64_t>(sizeof(float));
}

void HostStateStore::export_slot(std::int32_t slot, std::span<std::byte> to) const {
  std::memcpy(to.data(), memory_.get() + slot * slot_floats_, to.size());
}

void HostStateStore::import_slot(std::int32_t slot, std::span<const std::byte> from) {
  std::memcpy(memory_.get() + slot * slot_floats_, from.data(), from.size());
}

void HostStateStore::clear_slot(std::int32_t slot) {
  std::memset(memory_.get() + slot * slot_floats_, 0, sizeof(float) * slot_floats_);
}

void HostStateStore::copy_slot(std::int32_t from, std::int32_t to) {
  std::memcpy(memory_.get() + to * slot_floats_, memory_.get() + from * slot_floats_,
              sizeof(float) * slot_floats_);
}

void find_runs(const BatchLayout& batch, std::vector<SequenceRun>& runs) {
  runs.clear();
  const auto rows = static_cast<std::int64_t>(batch.sequences.size());
  for (std::int64_t first = 0; first < rows;) {
    const std::int32_t sequence = batch.sequences[first];
    std::int64_t last = first + 1;
    while (last < rows && batch.sequences[last] == sequence) ++last;
    runs.push_back({first, last, batch.states[sequence]});
    first = last;
  }
}

}  // namespace linnet
