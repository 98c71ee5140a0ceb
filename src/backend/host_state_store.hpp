#pragma once

#include <memory>
#include <vector>

#include "backend/backend.hpp"
#include "base/page_memory.hpp"

namespace linnet {

/// Recurrent state in host memory, slot after slot. The memory is zero at first, and the system
/// provides it only when a slot is used.
class HostStateStore final : public StateStore {
 public:
  static Result<std::unique_ptr<StateStore>> make(const StateShape& shape);

  std::int64_t size_bytes() const override;
  std::int64_t slot_bytes() const override;
  void export_slot(std::int32_t slot, std::span<std::byte> to) const override;
  void import_slot(std::int32_t slot, std::span<const std::byte> from) override;
  void clear_slot(std::int32_t slot) override;
  void copy_slot(std::int32_t from, std::int32_t to) override;
  float* at(const StatePart& part, std::int32_t slot) const {
    return slot_at(slot) + layer_offsets_[part.layer] + part.first;
  }

 private:
  HostStateStore() = default;

  float* slot_at(std::int32_t slot) const {
    return reinterpret_cast<float*>(memory_.data()) + slot * slot_floats_;
  }

  std::vector<std::int64_t> layer_offsets_;  // in floats, from the slot's beginning
  std::int64_t slot_floats_ = 0;
  std::int64_t slots_ = 0;
  PageMemory memory_;
};

/// The rows [first, last) of one sequence in a batch, and the slot of its state.
struct SequenceRun {
  std::int64_t first;
  std::int64_t last;
  std::int32_t slot;
};

/// Its rows are skipped when states are advanced.
inline constexpr std::int32_t kNoSequence = -1;

/// Fills `runs` with those of `batch`, which has states.
void find_runs(const BatchLayout& batch, std::vector<SequenceRun>& runs);

}  // namespace linnet
