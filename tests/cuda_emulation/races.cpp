// Finds races between the threads of a grid. The kernels are compiled with -fsanitize=thread, which
// makes each access call a function; these are ours instead of ThreadSanitizer's. For every byte of
// shared and device memory they keep who wrote and read it last. Two accesses, one a write, race
// where neither comes before the other: those of one thread do, those with a barrier of the block
// between them, and within a warp those with a sync_warp() between them, which shuffles are not.

#include <dlfcn.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <unordered_map>

#include "device_memory.hpp"
#include "running.hpp"

extern char __data_start, _end;  // of the program's own variables, where __shared__ ones are

namespace linnet::emulation {
namespace {

struct Access {
  unsigned grid = 0, block = 0, barriers = 0, warp_syncs = 0;
  int thread = -1;
};

struct Byte {
  Access write, read;
  bool many_read = false;  // by several threads since the last barrier
};

constexpr std::size_t kPieceBytes = 256;
using Piece = std::array<Byte, kPieceBytes>;
std::unordered_map<std::uintptr_t, std::unique_ptr<Piece>> pieces;

bool is_before(const Access& access, const Running& now, bool is_shared) {
  if (access.thread < 0 || access.grid != now.grid) return true;
  if (access.block != now.block) return is_shared;  // another block has other shared memory
  if (access.thread == now.thread || access.barriers != now.barriers) return true;
  return access.thread / 32 == now.warp && access.warp_syncs != now.warp_syncs;
}

[[noreturn]] void report(const char* what, const Access& other, const Running& now,
                         const void* where) {
  Dl_info info{};
  dladdr(where, &info);
  std::fprintf(stderr, "%s: thread %d of block %u and thread %d of block %u, in %s\n", what,
               other.thread, other.block, now.thread, now.block,
               info.dli_sname ? info.dli_sname : "a kernel");
  give_up("threads race");
}

// Whether several threads read since the last barrier between them and the one that runs.
bool is_read_by_many(const Byte& byte, const Running& now) {
  const Access& read = byte.read;
  if (!byte.many_read || read.grid != now.grid || read.block != now.block) return false;
  const bool is_same_warp = read.thread / 32 == now.warp;
  return read.barriers == now.barriers && !(is_same_warp && read.warp_syncs != now.warp_syncs);
}

void note_byte(Byte& byte, const Running& now, bool is_shared, bool writes, const void* where) {
  if (!is_before(byte.write, now, is_shared)) {
    report(writes ? "two writes" : "a read after a write", byte.write, now, where);
  }
  const Access own{now.grid, now.block, now.barriers, now.warp_syncs, now.thread};
  const bool races = !is_before(byte.read, now, is_shared) || is_read_by_many(byte, now);
  if (writes) {
    if (races) report("a write after a read", byte.read, now, where);
    byte.write = own;
    byte.read = {};
    byte.many_read = false;
    return;
  }
  byte.many_read = races;
  byte.read = own;
}

bool contains(const void* first, const void* end, const void* address) {
  return address >= first && address < end;
}

}  // namespace

void note_access(const void* address, std::size_t bytes, bool writes, const void* where) {
  Running now;
  if (!find_running(now)) return;
  const bool is_shared = contains(now.memory, now.memory + now.bytes, address) ||
                         contains(&__data_start, &_end, address);
  if (!is_shared && !arena().contains(address)) return;
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  for (std::uintptr_t at = first; at < first + bytes; ++at) {
    auto& piece = pieces[at / kPieceBytes];
    if (!piece) piece = std::make_unique<Piece>();
    note_byte((*piece)[at % kPieceBytes], now, is_shared, writes, where);
  }
}

}  // namespace linnet::emulation

#define NOTE(name, bytes, writes)                                                        \
  void name(void* address) {                                                             \
    linnet::emulation::note_access(address, bytes, writes, __builtin_return_address(0)); \
  }

extern "C" {
NOTE(__tsan_read1, 1, false)
NOTE(__tsan_read2, 2, false)
NOTE(__tsan_read4, 4, false)
NOTE(__tsan_read8, 8, false)
NOTE(__tsan_read16, 16, false)
NOTE(__tsan_unaligned_read2, 2, false)
NOTE(__tsan_unaligned_read4, 4, false)
NOTE(__tsan_unaligned_read8, 8, false)
NOTE(__tsan_unaligned_read16, 16, false)
NOTE(__tsan_write1, 1, true)
NOTE(__tsan_write2, 2, true)
NOTE(__tsan_write4, 4, true)
NOTE(__tsan_write8, 8, true)
NOTE(__tsan_write16, 16, true)
NOTE(__tsan_unaligned_write2, 2, true)
NOTE(__tsan_unaligned_write4, 4, true)
NOTE(__tsan_unaligned_write8, 8, true)
NOTE(__tsan_unaligned_write16, 16, true)
void __tsan_read_range(void* address, std::size_t bytes) {
  linnet::emulation::note_access(address, bytes, false, __builtin_return_address(0));
}
void __tsan_write_range(void* address, std::size_t bytes) {
  linnet::emulation::note_access(address, bytes, true, __builtin_return_address(0));
}
// GoogleTest counts with these.
int __tsan_atomic32_fetch_add(volatile int* number, int by, int) {
  return __atomic_fetch_add(number, by, __ATOMIC_SEQ_CST);
}
int __tsan_atomic32_fetch_sub(volatile int* number, int by, int) {
  return __atomic_fetch_sub(number, by, __ATOMIC_SEQ_CST);
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
}
