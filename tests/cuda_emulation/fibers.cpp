#include <cuda_runtime.h>
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "device_memory.hpp"
#include "emulation.hpp"
#include "ptx/run.hpp"
#include "running.hpp"
#include "warpgroup_products.hpp"

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace linnet::emulation {
namespace {

constexpr int kLanes = 32;
constexpr std::size_t kStackBytes = 128 * 1024;

struct Barrier {
  int arrived = 0;
  unsigned generation = 0;
};

struct PendingCopy {
  void* to;
  const void* from;
  std::size_t bytes;
  bool zeros;
};

struct Fiber {
  std::unique_ptr<std::byte[]> stack;
  ucontext_t start;
  jmp_buf resume;
  bool started = false, done = false;
  const Barrier* waits_for = nullptr;  // where it arrived in this generation
  unsigned generation = 0;
  unsigned warp_syncs = 0;
  dim3 thread;
  std::vector<PendingCopy> copies;               // not committed
  std::deque<std::vector<PendingCopy>> batches;  // of copies
};

struct Warp {
  Barrier barrier;
  int lanes = 0;
  std::uint64_t shared[2][kLanes];  // in turn: who shares again has read what was shared before
};

// A block that runs; while one of its threads waits for an earlier kernel, the blocks of that do.
// There is one device, used by one thread at a time.
struct Block {
  std::deque<Fiber> fibers;  // which stay where they are
  std::vector<Warp> warps;
  Barrier barrier;
  int threads = 0, left = 0, current = 0;
  std::vector<uint4> memory;
  unsigned grid = 0, number = 0;  // among all that ran
  WarpgroupProducts products;
  const std::function<void()>* thread = nullptr;
  jmp_buf finished;
};
std::vector<std::unique_ptr<Block>> blocks;  // by how many wait
std::size_t depth = 0;
Block* block = nullptr;
bool reversed = std::getenv("CUDA_EMULATION_REVERSED") != nullptr;
std::size_t launch_count = 0;
unsigned block_count = 0;

bool can_run(const Fiber& fiber) {
  return !fiber.done && (!fiber.waits_for || fiber.waits_for->generation != fiber.generation);
}

[[noreturn]] void run(int fiber) {
  block->current = fiber;
  Fiber& to = block->fibers[fiber];
  threadIdx = to.thread;
  if (to.started) _longjmp(to.resume, 1);
  to.started = true;
  setcontext(&to.start);
  std::abort();  // it does not return
}

// Runs the next fiber that can; returns when this one's turn comes again.
void take_turns() {
  if (_setjmp(block->fibers[block->current].resume) != 0) return;
  if (block->left == 0) _longjmp(block->finished, 1);
  const int step = reversed ? block->threads - 1 : 1;
  int next = block->current;
  for (int i = 0; i < block->threads; ++i) {
    next = (next + step) % block->threads;
    if (can_run(block->fibers[next])) run(next);
  }
  give_up("the threads of a block wait for each other for ever");
}

// A fiber is a thread of one block after the other.
void run_fiber() {
  for (;;) {
    (*block->thread)();
    Fiber& self = block->fibers[block->current];
    if (!self.copies.empty() ||
        std::ranges::any_of(self.batches, [](const auto& batch) { return !batch.empty(); })) {
      give_up("a thread ended with copies that it did not wait for");
    }
    block->products.end_thread(block->current);
    self.done = true;
    --block->left;
    take_turns();
  }
}

void wait(Barrier& barrier, int all) {
  Fiber& self = block->fibers[block->current];
  self.generation = barrier.generation;
  if (++barrier.arrived == all) {
    barrier.arrived = 0;
    ++barrier.generation;
    return;
  }
  self.waits_for = &barrier;
  take_turns();
  self.waits_for = nullptr;
}

Warp& warp() { return block->warps[block->current / kLanes]; }

void make_stack(Fiber& fiber) {
  fiber.stack = std::make_unique_for_overwrite<std::byte[]>(kStackBytes);
  getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack.get();
  fiber.start.uc_stack.ss_size = kStackBytes;
  fiber.start.uc_link = nullptr;
  makecontext(&fiber.start, run_fiber, 0);
}

void run_block(dim3 size) {
  block->barrier = {};
  for (int i = 0; i < block->threads; ++i) {
    Fiber& fiber = block->fibers[i];
    fiber.done = false;
    fiber.waits_for = nullptr;
    fiber.warp_syncs = 0;
    fiber.copies.clear();
    fiber.batches.clear();
    const auto n = static_cast<unsigned>(i);
    fiber.thread = {n % size.x, n / size.x % size.y, n / (size.x * size.y)};
  }
  for (Warp& warp : block->warps) warp.barrier = {};
  block->products.begin_block(block->threads);
  block->left = block->threads;
  if (_setjmp(block->finished) != 0) return block->products.end_block();
  run(reversed ? block->threads - 1 : 0);
}

// A grid that runs, perhaps on behalf of a thread of another one.
struct Enter {
  Enter() {
    if (depth == blocks.size()) blocks.push_back(std::make_unique<Block>());
    block = blocks[depth++].get();
  }
  ~Enter() {
    block = --depth > 0 ? blocks[depth - 1].get() : nullptr;
    threadIdx = thread;
    blockIdx = place;
    blockDim = size;
    gridDim = grid;
  }
  const dim3 thread = threadIdx, place = blockIdx, size = blockDim, grid = gridDim;
};

}  // namespace

void* launch_memory() { return block->memory.data(); }
void sync_block() { wait(block->barrier, block->threads); }
void meet_warp() { wait(warp().barrier, warp().lanes); }
void sync_warp() {
  meet_warp();
  ++block->fibers[block->current].warp_syncs;
}
int lane() { return block->current % kLanes; }

const std::uint64_t* share(std::uint64_t value) {
  std::uint64_t* all = warp().shared[warp().barrier.generation % 2];
  all[lane()] = value;
  meet_warp();
  return all;
}

namespace {

void check_sizes(dim3 grid, dim3 size) {
  const unsigned threads = size.x * size.y * size.z;
  if (threads < 1 || threads > 1024) give_up("a block has 1 to 1024 threads");
  if (grid.x < 1 || grid.y < 1 || grid.z < 1 || grid.x > 2147483647 || grid.y > 65535 ||
      grid.z > 65535) {
    give_up("a grid is empty or too large");
  }
}

Fiber& self() { return block->fibers[block->current]; }
std::span<std::byte> shared_memory() { return std::as_writable_bytes(std::span(block->memory)); }

void copy_now(const std::vector<PendingCopy>& copies) {
  for (const PendingCopy& copy : copies) {
    note_access(copy.to, copy.bytes, true, nullptr);
    if (copy.zeros) {
      std::memset(copy.to, 0, copy.bytes);
    } else {
      note_access(copy.from, copy.bytes, false, nullptr);
      std::memcpy(copy.to, copy.from, copy.bytes);
    }
    block->products.write_shared(block->current);
  }
}

}  // namespace

void begin_copy(void* to, const void* from, std::size_t bytes, bool zeros) {
  self().copies.push_back({to, from, bytes, zeros});
}

void begin_copy_to(std::uint32_t address, const void* from, std::size_t bytes) {
  if (address < kSharedBase || address - kSharedBase + bytes > shared_memory().size()) {
    give_up("a copy to an address that is not in the shared memory that the launch gave");
  }
  begin_copy(shared_memory().data() + (address - kSharedBase), from, bytes, false);
}

void commit_copies() { self().batches.push_back(std::exchange(self().copies, {})); }

void wait_for_copies(int pending) {
  while (std::ssize(self().batches) > pending) {
    copy_now(self().batches.front());
    self().batches.pop_front();
  }
}

void wait_for_copies() {
  wait_for_copies(0);
  copy_now(std::exchange(self().copies, {}));
}

std::uint32_t shared_address(const void* shared) {
  const auto* at = static_cast<const std::byte*>(shared);
  if (at < shared_memory().data() || at > shared_memory().data() + shared_memory().size()) {
    give_up("an address is not in the shared memory that the launch gave");
  }
  return kSharedBase + static_cast<std::uint32_t>(at - shared_memory().data());
}
void show_to_products() { block->products.fence_shared(block->current); }
void begin_products() { block->products.fence_registers(block->current); }
void begin_product(float* sums, int count, const std::uint32_t* a, std::uint64_t b) {
  block->products.begin(block->current, shared_memory(), sums, count, a, b);
  sync_warp();  // all of its lanes begin it
}
void commit_products() { block->products.commit(block->current); }
void wait_for_products(int pending) {
  block->products.wait(block->current, shared_memory(), pending);
}

bool find_running(Running& now) {
  if (!block || block->left == 0) return false;
  now = {block->grid,
         block->number,
         block->current,
         block->current / kLanes,
         block->barrier.generation,
         block->fibers[block->current].warp_syncs,
         reinterpret_cast<const std::byte*>(block->memory.data()),
         block->memory.size() * sizeof(uint4)};
  return true;
}

void set_reversed(bool value) { reversed = value; }
std::size_t launches() { return launch_count; }

void run_kernel(const Call& call, dim3 grid, dim3 size, std::size_t shared_bytes) {
  if (!ptx::is_wanted()) return run_grid(grid, size, shared_bytes, call.thread);
  if (is_lost()) return;
  ++launch_count;
  const Open open;
  check_sizes(grid, size);
  ptx::run_grid(call.kernel, call.arguments, {grid.x, grid.y, grid.z}, {size.x, size.y, size.z},
                shared_bytes);
}

void run_grid(dim3 grid, dim3 size, std::size_t shared_bytes, const std::function<void()>& thread) {
  if (is_lost()) return;
  ++launch_count;
  const Open open;
  check_sizes(grid, size);
  const Enter enter;
  block->threads = static_cast<int>(size.x * size.y * size.z);
  while (std::ssize(block->fibers) < block->threads) make_stack(block->fibers.emplace_back());
  block->warps.resize((block->threads + kLanes - 1) / kLanes);
  for (std::size_t w = 0; w < block->warps.size(); ++w) {
    block->warps[w].lanes = std::min(kLanes, block->threads - static_cast<int>(w) * kLanes);
  }
  block->memory.assign((shared_bytes + 15) / 16,
                       uint4{0x7fc00000, 0x7fc00000, 0x7fc00000, 0x7fc00000});
  block->thread = &thread;
  block->grid = static_cast<unsigned>(launch_count);
  gridDim = grid;
  blockDim = size;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        block->number = ++block_count;
        run_block(size);
      }
    }
  }
}

}  // namespace linnet::emulation
