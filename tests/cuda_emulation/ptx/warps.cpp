// What the lanes of a warp do together (PTX ISA 9.7.13), and where the lanes go (9.7.12).

#include <array>

#include "../include/emulation.hpp"
#include "families.hpp"
#include "warp.hpp"

namespace linnet::ptx {
namespace {

// d = a of the lane whose number differs by b, within the lanes that c does not part.
void exchange(const Instruction& in, Warp& warp, Lanes lanes) {
  const bool tells = in.counts[0] == 2;  // whether there was such a lane
  const Operand* operands = &in.operands[in.counts[0]];
  std::uint32_t values[kLanes];
  Lanes found = 0;
  each(lanes, [&](int l) {
    const auto mask = warp.read<std::uint32_t>(operands[1], l) & 31;
    const auto c = warp.read<std::uint32_t>(operands[2], l);
    const std::uint32_t parted = c >> 8 & 31, clamp = c & 31;
    const std::uint32_t most = (static_cast<std::uint32_t>(l) & parted) | (clamp & ~parted);
    std::uint32_t from = static_cast<std::uint32_t>(l) ^ mask;
    const bool is_there = from <= most;
    if (!is_there) from = static_cast<std::uint32_t>(l);
    if ((lanes >> from & 1) == 0) warp.give_up("a value is taken from a lane that takes no part");
    values[l] = warp.read<std::uint32_t>(operands[0], static_cast<int>(from));
    found |= Lanes{is_there} << l;
  });
  each(lanes, [&](int l) { warp.write(in.operands[0], l, values[l]); });
  if (!tells) return;
  Lanes& p = warp.predicate(in.operands[1]);
  p = (p & ~lanes) | found;
}

void ballot(const Instruction& in, Warp& warp, Lanes lanes) {
  const Lanes votes = warp.read_predicate(in.operands[1]) & lanes;
  each(lanes, [&](int l) { warp.write(in.operands[0], l, votes); });
}

void wait_for_previous_kernel(const Instruction&, Warp&, Lanes) {
  emulation::wait_for_previous_kernel();
}

constexpr std::array kOperations = {
    NamedOperation{"bra", do_nothing, Flow::kBranch},
    NamedOperation{"bra.uni", do_nothing, Flow::kBranch},
    NamedOperation{"ret", do_nothing, Flow::kEnd},
    NamedOperation{"exit", do_nothing, Flow::kEnd},
    NamedOperation{"bar.sync", do_nothing, Flow::kBlockBarrier},
    NamedOperation{"bar.warp.sync", do_nothing, Flow::kWarpBarrier},
    NamedOperation{"shfl.sync.bfly.b32", exchange, Flow::kMembers},
    NamedOperation{"vote.sync.ballot.b32", ballot, Flow::kMembers},
    NamedOperation{"griddepcontrol.launch_dependents", do_nothing},
    NamedOperation{"griddepcontrol.wait", wait_for_previous_kernel},
};

}  // namespace

std::span<const NamedOperation> warp_operations() { return kOperations; }

}  // namespace linnet::ptx
