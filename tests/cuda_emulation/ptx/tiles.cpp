// Products of matrices and what brings matrices to registers (PTX ISA 9.7.14 and 9.7.15)

#include <array>
#include <limits>

#include "base/half.hpp"
#include "families.hpp"
#include "tensor_core.hpp"
#include "warp.hpp"

namespace linnet::ptx {
namespace {

float of_half(std::uint16_t bits) {
  static const auto numbers = [] {
    std::vector<float> all(65536);
    for (std::uint32_t i = 0; i < all.size(); ++i) {
      all[i] = half_to_float(static_cast<std::uint16_t>(i));
    }
    return all;
  }();
  return numbers[bits];
}
// In figures 9.7.14.5.8 lane l is in group l / 4, and in that the thread l % 4.
int group(int lane) { return lane / 4; }
int thread(int lane) { return lane % 4; }
std::uint16_t part(std::uint32_t both, int i) {
  return static_cast<std::uint16_t>(i == 0 ? both : both >> 16);
}

// a [16][16] of the registers of a warp: the register r of a lane holds two columns of the row
// group (+ 8 if r is odd) from thread * 2 (+ 8 if r is 2 or 3) on.
template <float (*number)(std::uint16_t)>
void gather_a(Warp& warp, const Operand* registers, float (&a)[16][16]) {
  for (int r = 0; r < 4; ++r) {
    const auto* values = warp.registers<std::uint32_t>(registers[r]);
    for (int l = 0; l < kLanes; ++l) {
      for (int i = 0; i < 2; ++i) {
        a[group(l) + (r % 2) * 8][thread(l) * 2 + i + (r / 2) * 8] = number(part(values[l], i));
      }
    }
  }
}

// d [16][8] = c + a [16][16] * b [16][8]
template <float (*number)(std::uint16_t)>
void multiply(const Instruction& in, Warp& warp, Lanes) {
  const Operand* d = in.operands.data();
  const Operand *a_registers = d + 4, *b_registers = d + 8, *c = d + 10;
  float a[16][16], b[16][8];
  gather_a<number>(warp, a_registers, a);
  for (int r = 0; r < 2; ++r) {
    const auto* values = warp.registers<std::uint32_t>(b_registers[r]);
    for (int l = 0; l < kLanes; ++l) {
      for (int i = 0; i < 2; ++i) {
        b[thread(l) * 2 + i + r * 8][group(l)] = number(part(values[l], i));
      }
    }
  }
  for (int r = 0; r < 4; ++r) {
    float* to = warp.registers<float>(d[r]);
    const float* from = warp.registers<float>(c[r]);
    for (int l = 0; l < kLanes; ++l) {
      to[l] = emulation::add_tensor_products(from[l], a[group(l) + (r / 2) * 8],
                                             &b[0][thread(l) * 2 + r % 2], 8);
    }
  }
}

// Lane l names row l % 8 of matrix l / 8, 8 numbers of 16 bits; of matrix i it gets two numbers of
// row l / 4, or of column l / 4.
template <bool kTransposed>
void load_matrices(const Instruction& in, Warp& warp, Lanes) {
  std::uint16_t matrices[4][8][8];
  for (int l = 0; l < kLanes; ++l) {
    const std::uint64_t address = warp.address(in.operands[4], l);
    std::memcpy(matrices[l / 8][l % 8],
                warp.memory(Space::kShared, address, 16, Warp::Access::kRead, l), 16);
  }
  for (int i = 0; i < 4; ++i) {
    auto* to = warp.registers<std::uint32_t>(in.operands[i]);
    for (int l = 0; l < kLanes; ++l) {
      const int row = l / 4, column = l % 4 * 2;
      const auto& m = matrices[i];
      to[l] = kTransposed ? m[column][row] | std::uint32_t{m[column + 1][row]} << 16
                          : m[row][column] | std::uint32_t{m[row][column + 1]} << 16;
    }
  }
}

// The rows of b [columns of the product][16] that a descriptor names.
std::vector<std::byte> read_b(Warp& warp, std::uint64_t descriptor, int rows) {
  const auto field = [&](int first) {
    return static_cast<std::uint32_t>(descriptor >> first & 0x3fff) << 4;
  };
  if (descriptor >> 62 != 1) warp.give_up("a matrix that is not swizzled by 128 bytes");
  if ((descriptor >> 49 & 7) != 0) warp.give_up("a matrix with a base offset");
  const std::uint32_t start = field(0), eight_rows = field(32);
  std::vector<std::byte> b(static_cast<std::size_t>(rows) * 32);
  for (int row = 0; row < rows; ++row) {
    for (int piece = 0; piece < 2; ++piece) {  // 16 bytes each
      std::uint32_t address = start + static_cast<std::uint32_t>(row / 8) * eight_rows +
                              static_cast<std::uint32_t>(row % 8 * 128 + piece * 16);
      address ^= (address >> 7 & 7) << 4;
      std::memcpy(&b[row * 32 + piece * 16],
                  warp.memory(Space::kShared, address, 16, Warp::Access::kRead, 0), 16);
    }
  }
  return b;
}

std::vector<std::uint32_t> read_a(Warp& warp, const Instruction& in) {
  std::vector<std::uint32_t> a;
  for (int r = 0; r < 4; ++r) {
    const auto* values = warp.registers<std::uint32_t>(in.operands[in.counts[0] + r]);
    a.insert(a.end(), values, values + kLanes);
  }
  return a;
}

// What is in the registers, or will be there after the last product that was begun.
std::vector<float> sums_until_now(Warp& warp, const Instruction& in) {
  const Product* last = nullptr;
  const auto look = [&](const std::vector<Product>& products) {
    for (const Product& product : products) {
      if (product.instruction->operands[0].at == in.operands[0].at) last = &product;
    }
  };
  for (const auto& batch : warp.batches_of_products) look(batch);
  look(warp.open_products);
  if (last) return last->sums;
  std::vector<float> sums;
  for (int i = 0; i < in.counts[0]; ++i) {
    const float* values = warp.registers<float>(in.operands[i]);
    sums.insert(sums.end(), values, values + kLanes);
  }
  return sums;
}

// d [64][2 * registers of d] += a [64][16] * b^T, of which a warp has 16 rows.
void begin_product(const Instruction& in, Warp& warp, Lanes) {
  const int registers = in.counts[0], columns = 2 * registers;
  const Operand* behind = &in.operands[registers + 5];
  if (warp.read_predicate(behind[0]) == 0 || warp.read<std::uint32_t>(behind[1], 0) != 1 ||
      warp.read<std::uint32_t>(behind[2], 0) != 1 || warp.read<std::uint32_t>(behind[3], 0) != 0) {
    warp.give_up("a product other than d = d + a * b");
  }
  const auto descriptor = warp.read<std::uint64_t>(in.operands[registers + 4], 0);
  for (int l = 1; l < kLanes; ++l) {
    if (warp.read<std::uint64_t>(in.operands[registers + 4], l) != descriptor) {
      warp.give_up("the lanes of a product name different matrices");
    }
  }
  Product product{&in, descriptor, read_a(warp, in), read_b(warp, descriptor, columns),
                  sums_until_now(warp, in)};
  float a[16][16];
  gather_a<of_half>(warp, &in.operands[registers], a);
  std::vector<float> b(static_cast<std::size_t>(columns) * 16);  // [16][columns]
  for (int column = 0; column < columns; ++column) {
    for (int k = 0; k < 16; ++k) {
      std::uint16_t bits;
      std::memcpy(&bits, &product.inputs[column * 32 + k * 2], sizeof bits);
      b[k * columns + column] = of_half(bits);
    }
  }
  for (int r = 0; r < registers; ++r) {
    float* in_register = warp.registers<float>(in.operands[r]);
    for (int l = 0; l < kLanes; ++l) {
      const int row = group(l) + (r / 2 % 2) * 8, column = r / 4 * 8 + thread(l) * 2 + r % 2;
      float& sum = product.sums[r * kLanes + l];
      sum = emulation::add_tensor_products(sum, a[row], &b[column], columns);
      in_register[l] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  warp.open_products.push_back(std::move(product));
}

void commit_products(const Instruction&, Warp& warp, Lanes) {
  warp.batches_of_products.push_back(std::exchange(warp.open_products, {}));
}

void end_product(Warp& warp, const Product& product) {
  const Instruction& in = *product.instruction;
  if (read_a(warp, in) != product.weights) {
    warp.give_up("registers of a product changed before it was done");
  }
  if (read_b(warp, product.descriptor, 2 * in.counts[0]) != product.inputs) {
    warp.give_up("shared memory that a product reads changed before it was done");
  }
  for (int r = 0; r < in.counts[0]; ++r) {
    std::memcpy(warp.registers<float>(in.operands[r]), &product.sums[r * kLanes],
                kLanes * sizeof(float));
  }
}

void wait_for_products(const Instruction& in, Warp& warp, Lanes) {
  const auto pending = warp.read<std::uint32_t>(in.operands[0], 0);
  auto& batches = warp.batches_of_products;
  for (; batches.size() > pending; batches.pop_front()) {
    for (const Product& product : batches.front()) end_product(warp, product);
  }
  // What is still under way has its sums, not those that were before it.
  for (const auto& batch : batches) {
    for (const Product& product : batch) {
      for (int r = 0; r < product.instruction->counts[0]; ++r) {
        float* values = warp.registers<float>(product.instruction->operands[r]);
        std::fill_n(values, kLanes, std::numeric_limits<float>::quiet_NaN());
      }
    }
  }
}

constexpr std::array kOperations = {
    NamedOperation{"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", multiply<of_half>,
                   Flow::kTogether},
    NamedOperation{"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32",
                   multiply<bfloat16_to_float>, Flow::kTogether},
    NamedOperation{"ldmatrix.sync.aligned.m8n8.x4.shared.b16", load_matrices<false>,
                   Flow::kTogether},
    NamedOperation{"ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16", load_matrices<true>,
                   Flow::kTogether},
    NamedOperation{"wgmma.fence.sync.aligned", do_nothing, Flow::kTogether},
    NamedOperation{"wgmma.mma_async.sync.aligned.m64n32k16.f32.f16.f16", begin_product,
                   Flow::kTogether},
    NamedOperation{"wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16", begin_product,
                   Flow::kTogether},
    NamedOperation{"wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16", begin_product,
                   Flow::kTogether},
    NamedOperation{"wgmma.commit_group.sync.aligned", commit_products, Flow::kTogether},
    NamedOperation{"wgmma.wait_group.sync.aligned", wait_for_products, Flow::kTogether},
};

}  // namespace

std::span<const NamedOperation> tile_operations() { return kOperations; }

}  // namespace linnet::ptx
