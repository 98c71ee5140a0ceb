#pragma once

#include <memory>
#include <vector>

#include "backend/backend.hpp"

namespace linnet {

/// The pages of a model whose layers lie in several backends: each part has the keys and values of
/// some layers, and nothing of the others. Exported pages are those of the parts, one after the
/// other.
class SplitKvStore final : public KvStore {
 public:
  explicit SplitKvStore(std::vector<std::unique_ptr<KvStore>> parts) : parts_(std::move(parts)) {}

  KvStore& part(std::size_t index) const { return *parts_[index]; }
  std::int64_t size_bytes() const override;
  std::int64_t page_bytes() const override;
  void export_page(std::int32_t page, std::span<std::byte> to) const override;
  void import_page(std::int32_t page, std::span<const std::byte> from) override;
  void copy_page(std::int32_t from, std::int32_t to) override;

 private:
  std::vector<std::unique_ptr<KvStore>> parts_;
};

/// The same for recurrent state.
class SplitStateStore final : public StateStore {
 public:
  explicit SplitStateStore(std::vector<std::unique_ptr<StateStore>> parts)
      : parts_(std::move(parts)) {}

  StateStore& part(std::size_t index) const { return *parts_[index]; }
  std::int64_t size_bytes() const override;
  std::int64_t slot_bytes() const override;
  void export_slot(std::int32_t slot, std::span<std::byte> to) const override;
  void import_slot(std::int32_t slot, std::span<const std::byte> from) override;
  void clear_slot(std::int32_t slot) override;
  void copy_slot(std::int32_t from, std::int32_t to) override;

 private:
  std::vector<std::unique_ptr<StateStore>> parts_;
};

}  // namespace linnet
