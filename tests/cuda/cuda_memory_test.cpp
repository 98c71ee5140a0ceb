// Pages and recurrent state that go through host memory.

#include <bit>
#include <numeric>

#include "cuda/cuda_rows.hpp"

namespace linnet {
namespace {

using test::DeviceRows;

constexpr int kTokens = 35;

std::vector<std::byte> exported(const KvStore& store, std::int32_t page) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(store.page_bytes()));
  store.export_page(page, bytes);
  return bytes;
}

std::vector<std::byte> exported(const StateStore& store, std::int32_t slot) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(store.slot_bytes()));
  store.export_slot(slot, bytes);
  return bytes;
}

class CudaMemoryTest : public test::CudaTest {
 protected:
  std::unique_ptr<KvStore> make_store(KvType type) {
    auto store = cuda_->make_kv_store({{{2, 8, 0}, {1, 16, 20}}, type, 4});
    if (!store) throw std::runtime_error(store.error().message);
    return std::move(*store);
  }
  // Stores kTokens tokens of layer 1 in `pages`.
  void fill(KvStore& store, std::span<const std::int32_t> pages) {
    const DeviceRows keys = test::random_rows(*cuda_, kTokens, 16, 1);
    const DeviceRows values = test::random_rows(*cuda_, kTokens, 20, 2);
    std::vector<std::int32_t> positions(kTokens);
    const std::vector<std::int32_t> sequences(kTokens, 0);
    std::iota(positions.begin(), positions.end(), 0);
    const std::int32_t length = kTokens;
    cuda_->store_kv(store, 1, keys.view(), values.view(),
                    {positions, sequences, {&pages, 1}, {&length, 1}});
  }
  // What a query at the last position finds in them.
  std::vector<float> attend(KvStore& store, std::span<const std::int32_t> pages) {
    const DeviceRows query = test::random_rows(*cuda_, 1, 32, 3), out(*cuda_, 1, 40);
    const AttentionParams params{1, 2, 1, 16, 20};
    const std::int32_t position = kTokens - 1, sequence = 0, length = kTokens;
    cuda_->attention(store, query.view(), params,
                     {{&position, 1}, {&sequence, 1}, {&pages, 1}, {&length, 1}}, out.view());
    return out.values();
  }
};

TEST_F(CudaMemoryTest, PagesGoToAnotherStore) {
  const std::vector<std::int32_t> from = {3, 1}, to = {0, 2};
  for (const KvType type :
       {KvType::kF32, KvType::kF16, KvType::kBf16, KvType::kQ8_0, KvType::kF8}) {
    const auto first = make_store(type), second = make_store(type);
    EXPECT_EQ(first->page_bytes() * 4, first->size_bytes());
    fill(*first, from);
    const auto untouched = exported(*second, 1);
    for (const int i : {0, 1}) second->import_page(to[i], exported(*first, from[i]));
    for (const int i : {0, 1}) EXPECT_EQ(exported(*second, to[i]), exported(*first, from[i]));
    EXPECT_NE(exported(*second, 0), untouched);
    EXPECT_EQ(exported(*second, 1), untouched);
    EXPECT_EQ(exported(*second, 3), untouched);
    EXPECT_EQ(attend(*second, to), attend(*first, from));
  }
}

TEST_F(CudaMemoryTest, SlotsComeBackAsTheyWere) {
  auto store = cuda_->make_state_store({{7, 30}, 3});
  ASSERT_TRUE(store);
  StateStore& states = **store;
  EXPECT_EQ(states.slot_bytes() * 3, states.size_bytes());
  std::vector<std::byte> bytes(static_cast<std::size_t>(states.slot_bytes()));
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i + 1);
  const std::vector<std::byte> zeros(bytes.size());
  for (const std::int32_t slot : {0, 1, 2}) states.clear_slot(slot);
  states.import_slot(1, bytes);
  EXPECT_EQ(exported(states, 0), zeros);
  EXPECT_EQ(exported(states, 1), bytes);
  EXPECT_EQ(exported(states, 2), zeros);
  states.copy_slot(1, 2);
  states.clear_slot(1);
  EXPECT_EQ(exported(states, 2), bytes);
  EXPECT_EQ(exported(states, 1), zeros);
}

TEST_F(CudaMemoryTest, IntegersKeepTheirBits) {
  const std::vector<std::int32_t> integers = {0, 1, -1, 1 << 30, 12345678};
  const DeviceRows rows(*cuda_, 1, std::ssize(integers));
  cuda_->upload(integers, as_integers(rows.data()));
  const std::vector<float> bits = rows.values();
  for (std::size_t i = 0; i < bits.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::int32_t>(bits[i]), integers[i]);
  }
}

TEST_F(CudaMemoryTest, ItsLayoutIsItsOwn) {
  EXPECT_NE(cuda_->memory_layout(), reference_->memory_layout());
  EXPECT_NE(cuda_->memory_layout(), make_cpu_backend(1)->memory_layout());
}

}  // namespace
}  // namespace linnet
