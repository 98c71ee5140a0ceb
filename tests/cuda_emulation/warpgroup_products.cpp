// wgmma.mma_async.m64nNk16.f32.f16.f16 with A in registers, as sections 9.7.15.4 to 9.7.15.7 of the
// PTX ISA describe it.

#include "warpgroup_products.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/half.hpp"
#include "device_memory.hpp"
#include "tensor_core.hpp"

namespace linnet::emulation {
namespace {

constexpr int kDepth = 16;  // k of the instruction
constexpr std::uint32_t kInFlight = 0x7fc0dead;

float half(std::uint32_t pair, int i) {
  return half_to_float(static_cast<std::uint16_t>(pair >> (16 * i)));
}

}  // namespace

std::vector<std::uint16_t> read_matrix(std::span<const std::byte> shared, std::uint64_t descriptor,
                                       int rows) {
  const auto field = [&](int first, int bits) {
    return static_cast<std::uint32_t>(descriptor >> first & ((std::uint64_t{1} << bits) - 1));
  };
  const std::uint32_t start = field(0, 14) * 16, stride = field(32, 14) * 16;
  if (field(14, 2) != 0 || field(30, 2) != 0 || field(46, 3) != 0 || field(52, 10) != 0) {
    give_up("reserved bits of a matrix descriptor are set");
  }
  if (field(62, 2) != 1) give_up("a matrix descriptor asks for a swizzle that is not emulated");
  // The pattern of the swizzle begins at a multiple of 1024, else there is a base offset.
  if (field(49, 3) != 0 || start % 1024 >= 128) give_up("a swizzled matrix is not aligned");
  if (start % 128 + kDepth * 2 > 128) give_up("the columns of a swizzled matrix leave its rows");
  std::vector<std::uint16_t> values;
  for (int n = 0; n < rows; ++n) {
    for (int k = 0; k < kDepth; ++k) {
      const auto row = static_cast<std::uint32_t>(n), column = static_cast<std::uint32_t>(k);
      const std::uint32_t plain = start + row / 8 * stride + row % 8 * 128 + column * 2;
      const std::uint32_t address = plain ^ (plain >> 7 & 7) << 4;
      const std::size_t offset = std::size_t{address} - kSharedBase;
      if (address < kSharedBase || offset + 2 > shared.size()) {
        give_up("a matrix lies outside of shared memory");
      }
      std::uint16_t value;
      std::memcpy(&value, shared.data() + offset, sizeof value);
      values.push_back(value);
    }
  }
  return values;
}

void WarpgroupProducts::begin_block(int threads) {
  threads_.assign(static_cast<std::size_t>(threads), {});
  warps_.assign(static_cast<std::size_t>((threads + kLanes - 1) / kLanes), {});
}

void WarpgroupProducts::end_thread(int thread) const {
  const Thread& own = threads_[thread];
  if (!own.open.empty() || !own.batches.empty()) {
    give_up("a thread ended with products that it did not wait for");
  }
}

void WarpgroupProducts::end_block() const {
  for (std::size_t w = 0; w < warps_.size(); ++w) {
    const std::size_t first = w / 4 * 4;
    if (warps_[w].descriptors.empty() && warps_[first].descriptors.empty()) continue;
    if (first + 4 > warps_.size() || warps_[w].descriptors != warps_[first].descriptors) {
      give_up("the warps of a warpgroup do not multiply the same");
    }
  }
}

WarpgroupProducts::OwnSums& WarpgroupProducts::take_sums(Thread& own, float* sums, int count) {
  const auto found = std::ranges::find(own.sums, sums, &OwnSums::at);
  if (found != own.sums.end()) {
    if (std::ssize(found->values) != count) give_up("sums of a product of another shape are used");
    return *found;
  }
  own.sums.push_back({sums, {sums, sums + count}, 0});
  std::fill_n(sums, count, std::bit_cast<float>(kInFlight));
  return own.sums.back();
}

void WarpgroupProducts::begin(int thread, std::span<const std::byte> shared, float* sums, int count,
                              const std::uint32_t* a, std::uint64_t b) {
  if (std::ranges::any_of(threads_, &Thread::unfenced)) {
    give_up("a product reads shared memory that was written without a fence");
  }
  Thread& own = threads_[thread];
  if (!own.fenced) give_up("a batch of products began without a fence");
  Warp& warp = warps_[thread / kLanes];
  if (own.begun == warp.first + warp.products.size()) {  // the first lane
    warp.products.push_back({b, read_matrix(shared, b, 2 * count), {}, 0});
    warp.descriptors.push_back(b);
  }
  Product& product = warp.products[own.begun - warp.first];
  if (product.descriptor != b) give_up("the lanes of a warp do not multiply the same");
  std::copy_n(a, 4, product.a[thread % kLanes]);
  ++take_sums(own, sums, count).products;
  own.open.push_back({own.begun++, sums, a});
}

void WarpgroupProducts::commit(int thread) {
  Thread& own = threads_[thread];
  own.batches.push_back(std::move(own.open));
  own.open.clear();
  own.fenced = false;
}

void WarpgroupProducts::wait(int thread, std::span<const std::byte> shared, int pending) {
  Thread& own = threads_[thread];
  while (std::ssize(own.batches) > pending) {
    for (const OwnProduct& product : own.batches.front()) finish(thread, shared, product);
    own.batches.pop_front();
  }
}

// Lane l has of the warp's 16 rows l / 4 and l / 4 + 8. Its sums are, eight columns at a time, of
// the columns l % 4 * 2 and one more, first of the one row and then of the other.
void WarpgroupProducts::finish(int thread, std::span<const std::byte> shared,
                               const OwnProduct& own) {
  Warp& warp = warps_[thread / kLanes];
  Product& product = warp.products[own.number - warp.first];
  const int lane = thread % kLanes, count = static_cast<int>(product.b.size()) / kDepth / 2;
  if (!std::equal(own.a, own.a + 4, product.a[lane])) {
    give_up("registers of a product changed before it was done");
  }
  if ((lane == 0 || lane == kLanes - 1) &&
      read_matrix(shared, product.descriptor, 2 * count) != product.b) {
    give_up("the shared memory of a product changed before it was done");
  }
  float rows[2][kDepth];
  for (int i = 0; i < 2; ++i) {
    for (int k = 0; k < kDepth; ++k) {
      const std::uint32_t pair = product.a[lane / 4 * 4 + k % 8 / 2][k / 8 * 2 + i];
      rows[i][k] = half(pair, k % 2);
    }
  }
  Thread& self = threads_[thread];
  const auto sums = std::ranges::find(self.sums, own.sums, &OwnSums::at);
  for (int i = 0; i < count; ++i) {
    const int column = i / 4 * 8 + lane % 4 * 2 + i % 2;
    float right[kDepth];
    for (int k = 0; k < kDepth; ++k) right[k] = half_to_float(product.b[column * kDepth + k]);
    sums->values[i] = add_tensor_products(sums->values[i], rows[i / 2 % 2], right, 1);
  }
  if (--sums->products == 0) {
    const auto touched = [](float sum) { return std::bit_cast<std::uint32_t>(sum) != kInFlight; };
    if (std::any_of(own.sums, own.sums + count, touched)) {
      give_up("sums of a product changed before it was done");
    }
    std::ranges::copy(sums->values, own.sums);
    self.sums.erase(sums);
  }
  ++product.done;
  while (!warp.products.empty() && warp.products.front().done == kLanes) {
    warp.products.pop_front();
    ++warp.first;
  }
}

}  // namespace linnet::emulation
