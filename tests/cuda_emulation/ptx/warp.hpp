#pragma once

#include <bit>
#include <cstring>
#include <deque>
#include <span>
#include <vector>

#include "program.hpp"
#include "races.hpp"

namespace linnet::ptx {

/// Shared memory begins here in its own addresses: nowhere near a multiple of 1024, as on a card.
inline constexpr std::uint32_t kSharedBase = 0x410;

struct Dimensions {
  unsigned x = 1, y = 1, z = 1;
};

/// What the warps of a block have in common.
struct Block {
  const Kernel* kernel = nullptr;
  Dimensions grid, size, place;
  std::span<std::byte> parameters, shared;
  Races* races = nullptr;                   // null: nobody looks for them
  std::vector<std::uint64_t> times;         // that warps did each instruction
  std::uint32_t barriers = 1;               // that were passed, in this block and in those before
  const std::byte* device_first = nullptr;  // the allocation that was touched last
  const std::byte* device_end = nullptr;
};

/// A copy that a lane began (cp.async).
struct Copy {
  std::byte* to = nullptr;
  const std::byte* from = nullptr;
  std::size_t bytes = 0, zeros = 0;
};

/// A product that a warp began (wgmma): made in whole from what its operands were, while its sums
/// are NaNs in the registers.
struct Product {
  const Instruction* instruction = nullptr;
  std::uint64_t descriptor = 0;        // of what it reads of shared memory
  std::vector<std::uint32_t> weights;  // the registers that it reads, then and at the end the same
  std::vector<std::byte> inputs;       // that memory, likewise
  std::vector<float> sums;
};

enum class Space { kGeneric, kGlobal, kShared, kLocal, kParameter };

/// 32 lanes and their registers. Lanes that went different ways run one way after the other, the
/// one that is least far in the program first, and go on together where they meet.
class Warp {
 public:
  Warp(Block& block, int number);
  /// Makes it ready for the block that block.place now names.
  void begin();

  enum class Stop { kEnd, kBarrier };
  /// Runs until all lanes ended or wait for the other warps.
  Stop run();

  template <class T>
  T* registers(const Operand& operand) {
    const std::size_t behind = !operand.is_value ? 0
                               : sizeof(T) == 8  ? 0
                               : sizeof(T) == 4  ? 256
                                                 : 384;
    return reinterpret_cast<T*>(registers_.data() + operand.at + behind);
  }
  /// The lowest bytes of what an operand of any width is.
  template <class T>
  T read(const Operand& operand, int lane) const {
    const std::size_t bytes = operand.is_value ? 8 : operand.bytes;
    T value;
    std::memcpy(&value, registers_.data() + operand.at + lane * bytes, sizeof value);
    return value;
  }
  /// Extends `value` to what the operand holds, by its sign if it has one.
  template <class T>
  void write(const Operand& operand, int lane, T value) {
    std::byte* to = registers_.data() + operand.at;
    const auto put = [&](auto wide) { std::memcpy(to + lane * sizeof wide, &wide, sizeof wide); };
    if (operand.bytes == sizeof(T)) return put(value);
    if (operand.bytes == 2) return put(static_cast<std::int16_t>(value));
    if (operand.bytes == 4) return put(static_cast<std::int32_t>(value));
    put(static_cast<std::int64_t>(value));
  }
  Lanes& predicate(const Operand& operand) {
    return *reinterpret_cast<Lanes*>(registers_.data() + operand.at);
  }
  /// Of a predicate, or of a number that stands for one.
  Lanes read_predicate(const Operand& operand) {
    if (operand.bytes == 0) return predicate(operand);
    return read<std::uint32_t>(operand, 0) != 0 ? kAllLanes : 0;
  }

  std::uint64_t address(const Operand& operand, int lane) const {
    const std::size_t bytes = operand.is_value ? 8 : operand.bytes;
    const std::uint64_t base =
        bytes == 8 ? read<std::uint64_t>(operand, lane) : read<std::uint32_t>(operand, lane);
    return base + static_cast<std::uint64_t>(operand.offset);
  }
  enum class Access { kRead, kWrite, kAtomic };
  /// Where an address is in the memory of the host. Gives up where it is not aligned, nobody's, or
  /// where the access races with that of another thread of the block.
  std::byte* memory(Space space, std::uint64_t address, std::size_t bytes, Access access, int lane);
  Block& block() { return block_; }

  [[noreturn]] void give_up(const std::string& why) const;

  std::vector<Copy> open_copies[kLanes];
  std::deque<std::vector<Copy>> batches_of_copies[kLanes];
  std::vector<Product> open_products;
  std::deque<std::vector<Product>> batches_of_products;

 private:
  struct Group {
    std::uint32_t next;
    Lanes lanes;
    bool waits = false;
  };
  void put(const Value& value);
  void step(std::size_t number);
  void branch(std::size_t number, std::uint32_t target, Lanes taken);
  void end(std::size_t number, Lanes lanes);
  bool have_met(const Group& group, const Instruction& instruction);
  bool meet(std::size_t number);
  void note(const std::byte* shared, std::size_t bytes, Access access, int lane);
  std::byte* device_memory(std::uint64_t address, std::size_t bytes);
  std::byte* within_variable(std::uint64_t address, std::size_t bytes) const;

  Block& block_;
  const int number_;
  std::vector<std::byte> registers_, local_;
  std::vector<Group> groups_;
  Lanes alive_ = 0, began_ = 0;
  const Instruction* now_ = nullptr;
  bool is_at_barrier_ = false;
  std::uint32_t warp_barriers_ = 0;
};

/// The operation of instructions that only say where lanes go, or what this machine does anyway.
inline void do_nothing(const Instruction&, Warp&, Lanes) {}

/// Calls f(lane) for each.
template <class F>
void each(Lanes lanes, F f) {
  if (lanes == kAllLanes) {
    for (int lane = 0; lane < kLanes; ++lane) f(lane);
    return;
  }
  for (; lanes != 0; lanes &= lanes - 1) f(std::countr_zero(lanes));
}

}  // namespace linnet::ptx
