#include "backend/split_stores.hpp"

namespace linnet {
namespace {

// Calls visit(part, bytes) for each part and as many of `bytes` as it has.
template <class Part, class Byte, class Visit>
void for_each_piece(const std::vector<std::unique_ptr<Part>>& parts,
                    std::int64_t (Part::*size)() const, std::span<Byte> bytes, const Visit& visit) {
  for (const auto& part : parts) {
    const auto own = static_cast<std::size_t>((part.get()->*size)());
    visit(*part, bytes.first(own));
    bytes = bytes.subspan(own);
  }
}

template <class Part>
std::int64_t sum_of(const std::vector<std::unique_ptr<Part>>& parts,
                    std::int64_t (Part::*size)() const) {
  std::int64_t sum = 0;
  for (const auto& part : parts) sum += (part.get()->*size)();
  return sum;
}

}  // namespace

std::int64_t SplitKvStore::size_bytes() const { return sum_of(parts_, &KvStore::size_bytes); }
std::int64_t SplitKvStore::page_bytes() const { return sum_of(parts_, &KvStore::page_bytes); }

void SplitKvStore::export_page(std::int32_t page, std::span<std::byte> to) const {
  for_each_piece(parts_, &KvStore::page_bytes, to,
                 [&](const KvStore& part, auto bytes) { part.export_page(page, bytes); });
}

void SplitKvStore::import_page(std::int32_t page, std::span<const std::byte> from) {
  for_each_piece(parts_, &KvStore::page_bytes, from,
                 [&](KvStore& part, auto bytes) { part.import_page(page, bytes); });
}

void SplitKvStore::copy_page(std::int32_t from, std::int32_t to) {
  for (const auto& part : parts_) part->copy_page(from, to);
}

std::int64_t SplitStateStore::size_bytes() const { return sum_of(parts_, &StateStore::size_bytes); }
std::int64_t SplitStateStore::slot_bytes() const { return sum_of(parts_, &StateStore::slot_bytes); }

void SplitStateStore::export_slot(std::int32_t slot, std::span<std::byte> to) const {
  for_each_piece(parts_, &StateStore::slot_bytes, to,
                 [&](const StateStore& part, auto bytes) { part.export_slot(slot, bytes); });
}

void SplitStateStore::import_slot(std::int32_t slot, std::span<const std::byte> from) {
  for_each_piece(parts_, &StateStore::slot_bytes, from,
                 [&](StateStore& part, auto bytes) { part.import_slot(slot, bytes); });
}

void SplitStateStore::clear_slot(std::int32_t slot) {
  for (const auto& part : parts_) part->clear_slot(slot);
}

void SplitStateStore::copy_slot(std::int32_t from, std::int32_t to) {
  for (const auto& part : parts_) part->copy_slot(from, to);
}

}  // namespace linnet
