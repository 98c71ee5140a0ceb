// Loads, stores and copies (PTX ISA 9.7.9)

#include <array>
#include <functional>

#include "../include/emulation.hpp"
#include "families.hpp"
#include "warp.hpp"

namespace linnet::ptx {
namespace {

using Access = Warp::Access;

template <Space kSpace, class T>
void load(const Instruction& in, Warp& warp, Lanes lanes) {
  const int count = in.counts[0];
  const Operand& from = in.operands[count];
  each(lanes, [&](int l) {
    T values[4];
    const std::size_t bytes = count * sizeof(T);
    std::memcpy(values, warp.memory(kSpace, warp.address(from, l), bytes, Access::kRead, l), bytes);
    for (int i = 0; i < count; ++i) warp.write<T>(in.operands[i], l, values[i]);
  });
}

template <Space kSpace, class T>
void store(const Instruction& in, Warp& warp, Lanes lanes) {
  const int count = in.counts[1];
  each(lanes, [&](int l) {
    T values[4];
    for (int i = 0; i < count; ++i) values[i] = warp.read<T>(in.operands[1 + i], l);
    const std::size_t bytes = count * sizeof(T);
    std::memcpy(warp.memory(kSpace, warp.address(in.operands[0], l), bytes, Access::kWrite, l),
                values, bytes);
  });
}

struct Type {
  std::string_view name;
  Operation (*load)(Space space);
  Operation (*store)(Space space);
};

template <class T>
Operation load_from(Space space) {
  constexpr std::array kOf = {load<Space::kGeneric, T>, load<Space::kGlobal, T>,
                              load<Space::kShared, T>, load<Space::kLocal, T>,
                              load<Space::kParameter, T>};
  return kOf[static_cast<std::size_t>(space)];
}
template <class T>
Operation store_to(Space space) {
  constexpr std::array kOf = {store<Space::kGeneric, T>, store<Space::kGlobal, T>,
                              store<Space::kShared, T>, store<Space::kLocal, T>,
                              store<Space::kParameter, T>};
  return kOf[static_cast<std::size_t>(space)];
}
template <class T>
constexpr Type type(std::string_view name) {
  return {name, load_from<T>, store_to<T>};
}

constexpr std::array kTypes = {
    type<std::uint8_t>("u8"),   type<std::int8_t>("s8"),    type<std::uint8_t>("b8"),
    type<std::uint16_t>("u16"), type<std::int16_t>("s16"),  type<std::uint16_t>("b16"),
    type<std::uint32_t>("u32"), type<std::int32_t>("s32"),  type<std::uint32_t>("b32"),
    type<std::uint32_t>("f32"), type<std::uint64_t>("u64"), type<std::int64_t>("s64"),
    type<std::uint64_t>("b64"), type<std::uint64_t>("f64"),
};

struct NamedSpace {
  std::string_view name;
  Space space;
};
constexpr std::array kSpaces = {
    NamedSpace{"global.", Space::kGlobal}, NamedSpace{"shared.", Space::kShared},
    NamedSpace{"local.", Space::kLocal}, NamedSpace{"param.", Space::kParameter}};

bool take(std::string_view& text, std::string_view prefix) {
  const bool has = text.starts_with(prefix);
  if (has) text.remove_prefix(prefix.size());
  return has;
}

// d = what is at an address, which becomes f of it and another number
template <Space kSpace, class F>
void change_at_once(const Instruction& in, Warp& warp, Lanes lanes) {
  each(lanes, [&](int l) {
    std::byte* at = warp.memory(kSpace, warp.address(in.operands[1], l), 4, Access::kAtomic, l);
    std::uint32_t value;
    std::memcpy(&value, at, sizeof value);
    warp.write(in.operands[0], l, value);
    value = F()(value, warp.read<std::uint32_t>(in.operands[2], l));
    std::memcpy(at, &value, sizeof value);
  });
}

// Of the bytes of a copy some come from memory, the others are zeros.
void begin_copy(const Instruction& in, Warp& warp, Lanes lanes) {
  each(lanes, [&](int l) {
    const auto all = warp.read<std::uint32_t>(in.operands[2], l);
    const std::size_t bytes =
        in.operands.size() > 3 ? warp.read<std::uint32_t>(in.operands[3], l) : all;
    if (bytes > all) warp.give_up("a copy of more bytes than it has");
    Copy copy{warp.memory(Space::kShared, warp.address(in.operands[0], l), all, Access::kWrite, l),
              nullptr, bytes, all - bytes};
    // A card does not touch what it does not read.
    if (bytes > 0)
      copy.from =
          warp.memory(Space::kGlobal, warp.address(in.operands[1], l), all, Access::kRead, l);
    warp.open_copies[l].push_back(copy);
  });
}

void commit_copies(const Instruction&, Warp& warp, Lanes lanes) {
  each(lanes,
       [&](int l) { warp.batches_of_copies[l].push_back(std::exchange(warp.open_copies[l], {})); });
}

void copy(const std::vector<Copy>& copies) {
  for (const Copy& c : copies) {
    if (c.bytes > 0) std::memcpy(c.to, c.from, c.bytes);
    std::memset(c.to + c.bytes, 0, c.zeros);
  }
}

void wait_for_batches(Warp& warp, Lanes lanes, std::size_t pending) {
  each(lanes, [&](int l) {
    auto& batches = warp.batches_of_copies[l];
    for (; batches.size() > pending; batches.pop_front()) copy(batches.front());
  });
}

void wait_for_some_copies(const Instruction& in, Warp& warp, Lanes lanes) {
  wait_for_batches(warp, lanes, warp.read<std::uint32_t>(in.operands[0], 0));
}

void wait_for_copies(const Instruction&, Warp& warp, Lanes lanes) {
  wait_for_batches(warp, lanes, 0);
  each(lanes, [&](int l) { copy(std::exchange(warp.open_copies[l], {})); });
}

void prefetch(const Instruction& in, Warp& warp, Lanes lanes) {
  each(lanes, [&](int l) {
    emulation::check_line_read(reinterpret_cast<const void*>(warp.address(in.operands[0], l)),
                               warp.read<std::uint32_t>(in.operands[1], l));
  });
}

constexpr std::array kOperations = {
    NamedOperation{"atom.shared.add.u32", change_at_once<Space::kShared, std::plus<>>},
    NamedOperation{"atom.global.add.u32", change_at_once<Space::kGlobal, std::plus<>>},
    NamedOperation{"atom.global.or.b32", change_at_once<Space::kGlobal, std::bit_or<>>},
    NamedOperation{"cp.async.cg.shared.global", begin_copy},
    NamedOperation{"cp.async.commit_group", commit_copies},
    NamedOperation{"cp.async.wait_group", wait_for_some_copies},
    NamedOperation{"cp.async.wait_all", wait_for_copies},
    NamedOperation{"cp.async.bulk.prefetch.L2.global", prefetch},
    NamedOperation{"fence.proxy.async.shared::cta", do_nothing},
};

}  // namespace

NamedOperation find_access(std::string_view name) {
  std::string_view rest = name;
  const bool loads = take(rest, "ld.");
  if (!loads && !take(rest, "st.")) return {name, nullptr};
  Space space = Space::kGeneric;
  for (const NamedSpace& named : kSpaces) {
    if (take(rest, named.name)) space = named.space;
  }
  if (take(rest, "nc.") && space != Space::kGlobal) return {name, nullptr};
  if (!take(rest, "v2.")) take(rest, "v4.");
  for (const Type& type : kTypes) {
    if (type.name == rest) return {name, loads ? type.load(space) : type.store(space)};
  }
  return {name, nullptr};
}

std::span<const NamedOperation> memory_operations() { return kOperations; }

}  // namespace linnet::ptx
