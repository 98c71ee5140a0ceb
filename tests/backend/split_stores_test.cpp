#include "backend/split_stores.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

std::vector<std::byte> numbered_bytes(std::int64_t count, int salt) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(i * 7 + static_cast<std::size_t>(salt));
  }
  return bytes;
}

TEST(SplitStoresTest, PagesAreThoseOfTheParts) {
  const auto backend = make_reference_backend();
  const auto make = [&](std::vector<KvLayerShape> layers) {
    return std::move(*backend->make_kv_store({std::move(layers), KvType::kF32, 3}));
  };
  std::vector<std::unique_ptr<KvStore>> parts;
  parts.push_back(make({{2, 8, 4}, {}}));
  parts.push_back(make({{}, {1, 16, 20}}));
  SplitKvStore store(std::move(parts));
  EXPECT_EQ(store.page_bytes(), store.part(0).page_bytes() + store.part(1).page_bytes());
  EXPECT_EQ(store.size_bytes(), 3 * store.page_bytes());

  const auto first = numbered_bytes(store.page_bytes(), 1);
  std::vector<std::byte> page(first.size()), zeros(first.size());
  store.import_page(2, first);
  store.copy_page(2, 0);
  for (const auto& [index, want] : {std::pair{0, first}, {1, zeros}, {2, first}}) {
    store.export_page(index, page);
    EXPECT_EQ(page, want) << "page " << index;
  }
}

TEST(SplitStoresTest, SlotsAreThoseOfTheParts) {
  const auto backend = make_reference_backend();
  std::vector<std::unique_ptr<StateStore>> parts;
  parts.push_back(std::move(*backend->make_state_store({{5, 0}, 3})));
  parts.push_back(std::move(*backend->make_state_store({{0, 9}, 3})));
  SplitStateStore store(std::move(parts));
  EXPECT_EQ(store.slot_bytes(), 14 * 4);
  const auto bytes = numbered_bytes(store.slot_bytes(), 2);
  std::vector<std::byte> slot(bytes.size()), zeros(bytes.size());
  store.import_slot(1, bytes);
  store.copy_slot(1, 2);
  store.clear_slot(1);
  for (const auto& [index, want] : {std::pair{0, zeros}, {1, zeros}, {2, bytes}}) {
    store.export_slot(index, slot);
    EXPECT_EQ(slot, want) << "slot " << index;
  }
}

}  // namespace
}  // namespace linnet
