#include "warp.hpp"

#include <algorithm>
#include <string>
#include <tuple>

#include "../device_memory.hpp"

namespace linnet::ptx {
namespace {

// What registers hold before they are written: a NaN, and as an address nobody's.
constexpr std::byte kUnwritten{0xff};

}  // namespace

Warp::Warp(Block& block, int number)
    : block_(block),
      number_(number),
      registers_(block.kernel->register_bytes + 64),
      local_(block.kernel->local_bytes * kLanes) {
  const unsigned threads = block.size.x * block.size.y * block.size.z;
  const unsigned lanes =
      std::min<unsigned>(kLanes, threads - static_cast<unsigned>(number) * kLanes);
  began_ = lanes == kLanes ? kAllLanes : (Lanes{1} << lanes) - 1;
}

void Warp::begin() {
  std::ranges::fill(registers_, kUnwritten);
  std::ranges::fill(local_, kUnwritten);
  for (const Value& value : block_.kernel->values) put(value);
  alive_ = began_;
  groups_.assign(1, {0, began_, false});
  is_at_barrier_ = false;
}

void Warp::put(const Value& value) {
  const auto thread_part = [&](int lane, char axis) {
    const auto n = static_cast<unsigned>(number_ * kLanes + lane);
    if (axis == 'x') return n % block_.size.x;
    if (axis == 'y') return n / block_.size.x % block_.size.y;
    return n / (block_.size.x * block_.size.y);
  };
  const auto part = [](const Dimensions& of, char axis) {
    return axis == 'x' ? of.x : axis == 'y' ? of.y : of.z;
  };
  const auto of_lane = [&](int lane) -> std::uint64_t {
    switch (value.kind) {
      case Value::Kind::kNumber:
        return value.number;
      case Value::Kind::kParameters:
        return reinterpret_cast<std::uint64_t>(block_.parameters.data()) + value.number;
      case Value::Kind::kLocal:
        return reinterpret_cast<std::uint64_t>(local_.data()) +
               block_.kernel->local_bytes * static_cast<std::size_t>(lane) + value.number;
      case Value::Kind::kDynamicShared:
        return kSharedBase + block_.kernel->shared_bytes;
      case Value::Kind::kSpecial:
        break;
    }
    const char axis = value.special.back();
    if (value.special.starts_with("%tid.")) return thread_part(lane, axis);
    if (value.special.starts_with("%ntid.")) return part(block_.size, axis);
    if (value.special.starts_with("%ctaid.")) return part(block_.place, axis);
    if (value.special.starts_with("%nctaid.")) return part(block_.grid, axis);
    give_up("a special register that is not known: " + value.special);
  };
  std::byte* to = registers_.data() + value.at;
  for (int lane = 0; lane < kLanes; ++lane) {
    const std::uint64_t number = of_lane(lane);
    std::memcpy(to + lane * 8, &number, 8);
    std::memcpy(to + kLanes * 8 + lane * 4, &number, 4);
    std::memcpy(to + kLanes * 12 + lane * 2, &number, 2);
  }
}

void Warp::give_up(const std::string& why) const {
  std::string message = "PTX: " + why + ", in " + block_.kernel->name;
  if (now_) message += ": " + std::string(now_->text);
  emulation::give_up(message.c_str());
}

std::byte* Warp::device_memory(std::uint64_t address, std::size_t bytes) {
  auto* at = reinterpret_cast<std::byte*>(address);
  if (at < block_.device_first || at + bytes > block_.device_end) {
    std::tie(block_.device_first, block_.device_end) = emulation::arena().allocation_at(at);
    if (at + bytes > block_.device_end) return nullptr;
  }
  return at;
}

void Warp::note(const std::byte* shared, std::size_t bytes, Access access, int lane) {
  const Toucher toucher{block_.barriers, warp_barriers_, static_cast<std::uint16_t>(number_),
                        static_cast<std::uint16_t>(lane)};
  const auto offset = static_cast<std::size_t>(shared - block_.shared.data());
  if (!block_.races->note(offset, bytes, access == Access::kWrite, toucher)) {
    give_up("a race for shared memory");
  }
}

std::byte* Warp::memory(Space space, std::uint64_t address, std::size_t bytes, Access access,
                        int lane) {
  if (address % bytes != 0) give_up("an address that is not aligned");
  const auto within = [&](std::span<std::byte> memory, std::uint64_t at) -> std::byte* {
    return at + bytes <= memory.size() ? memory.data() + at : nullptr;
  };
  const auto first = [](std::span<std::byte> memory) {
    return reinterpret_cast<std::uint64_t>(memory.data());
  };
  const auto shared = [&] { return within(block_.shared, address - first(block_.shared)); };
  const auto local = [&] { return within(local_, address - first(local_)); };
  std::byte* found = nullptr;
  switch (space) {
    case Space::kShared:
      found = within(block_.shared, address - kSharedBase);
      break;
    case Space::kLocal:
      found = local();
      break;
    case Space::kParameter:
      found = within(block_.parameters, address - first(block_.parameters));
      break;
    case Space::kGlobal:
      found = device_memory(address, bytes);
      break;
    case Space::kGeneric:
      if (!(found = shared()) && !(found = local())) found = device_memory(address, bytes);
  }
  if (!found && (space == Space::kGlobal || space == Space::kGeneric)) {
    found = within_variable(address, bytes);
  }
  if (!found) give_up("an address that is nobody's");
  const bool is_shared = found >= block_.shared.data() && found < &*block_.shared.end();
  if (is_shared && block_.races && access != Access::kAtomic) note(found, bytes, access, lane);
  return found;
}

std::byte* Warp::within_variable(std::uint64_t address, std::size_t bytes) const {
  for (const auto& [name, contents] : block_.kernel->variables->global) {
    const auto first = reinterpret_cast<std::uint64_t>(contents.data());
    if (address >= first && address + bytes <= first + contents.size()) {
      return reinterpret_cast<std::byte*>(address);
    }
  }
  return nullptr;
}

Warp::Stop Warp::run() {
  if (is_at_barrier_) {
    is_at_barrier_ = false;
    ++groups_[0].next;
    groups_[0].waits = false;
  }
  while (!groups_.empty()) {
    std::size_t lowest = groups_.size();
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (groups_[i].waits) continue;
      if (lowest == groups_.size() || groups_[i].next < groups_[lowest].next) lowest = i;
    }
    if (lowest == groups_.size()) give_up("lanes of a warp wait for each other for ever");
    step(lowest);
    if (is_at_barrier_) return Stop::kBarrier;
  }
  now_ = nullptr;
  const auto pending = [](const auto& batches) {
    return std::ranges::any_of(batches, [](const auto& batch) { return !batch.empty(); });
  };
  for (int lane = 0; lane < kLanes; ++lane) {
    if (!open_copies[lane].empty() || pending(batches_of_copies[lane])) {
      give_up("a thread ended with copies that it did not wait for");
    }
    batches_of_copies[lane].clear();
  }
  if (!open_products.empty() || pending(batches_of_products)) {
    give_up("a warp ended with products that it did not wait for");
  }
  batches_of_products.clear();
  return Stop::kEnd;
}

// Runs a group until it goes different ways, meets another one or waits.
void Warp::step(std::size_t number) {
  const std::vector<Instruction>& program = block_.kernel->instructions;
  for (;;) {
    Group& group = groups_[number];
    if (group.next >= program.size()) give_up("the end of a kernel without a return");
    const Instruction& instruction = program[group.next];
    now_ = &instruction;
    ++block_.times[group.next];
    Lanes lanes = group.lanes;
    if (instruction.is_guarded) {
      const Lanes guard = predicate(instruction.guard);
      lanes &= instruction.guard_is_negated ? ~guard : guard;
    }
    switch (instruction.flow) {
      case Flow::kNext:
        if (lanes != 0) instruction.run(instruction, *this, lanes);
        ++group.next;
        break;
      case Flow::kBranch:
        return branch(number, instruction.target, lanes);
      case Flow::kEnd:
        return end(number, lanes);
      default:
        if (!have_met(group, instruction)) {
          group.waits = true;
          return;
        }
        if (instruction.flow == Flow::kBlockBarrier) {
          is_at_barrier_ = true;
          return;
        }
        if (instruction.flow == Flow::kWarpBarrier) ++warp_barriers_;
        if (lanes != 0) instruction.run(instruction, *this, lanes);
        ++group.next;
    }
    if (groups_.size() > 1 && meet(number)) return;
  }
}

// Whether the lanes that do an instruction together are all there.
bool Warp::have_met(const Group& group, const Instruction& instruction) {
  if (instruction.flow == Flow::kMembers || instruction.flow == Flow::kWarpBarrier) {
    const Lanes members = read<Lanes>(instruction.operands.back(), std::countr_zero(group.lanes));
    if ((members & began_ & ~alive_) != 0) give_up("lanes that ended take part");
    return group.lanes == (members & began_);
  }
  if (instruction.flow == Flow::kTogether && alive_ != kAllLanes) {
    give_up("not all lanes of a warp take part");
  }
  if (instruction.flow == Flow::kBlockBarrier && alive_ != began_) {
    give_up("threads ended before a barrier of the block");
  }
  return group.lanes == alive_;
}

void Warp::branch(std::size_t number, std::uint32_t target, Lanes taken) {
  Group& group = groups_[number];
  const std::uint32_t next = group.next + 1;
  if (taken == group.lanes) {
    group.next = target;
  } else {
    group.next = next;
    if (taken != 0) {
      group.lanes &= ~taken;
      groups_.push_back({target, taken, false});
    }
  }
  if (groups_.size() == 1) return;
  if (!meet(number)) meet(groups_.size() - 1);
}

void Warp::end(std::size_t number, Lanes lanes) {
  Group& group = groups_[number];
  alive_ &= ~lanes;
  group.lanes &= ~lanes;
  ++group.next;
  if (group.lanes == 0) groups_.erase(groups_.begin() + static_cast<std::ptrdiff_t>(number));
  for (Group& other : groups_) other.waits = false;  // perhaps for those
}

// Joins the group with another one that is at the same place.
bool Warp::meet(std::size_t number) {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (i == number || groups_[i].next != groups_[number].next) continue;
    groups_[i].lanes |= groups_[number].lanes;
    groups_[i].waits = false;
    groups_.erase(groups_.begin() + static_cast<std::ptrdiff_t>(number));
    return true;
  }
  return false;
}

}  // namespace linnet::ptx
