#include "run.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "../device_memory.hpp"
#include "symbols.hpp"

namespace linnet::ptx {
namespace {

void run_block(std::vector<Warp>& warps, Block& block, bool reversed) {
  // What nobody wrote is a NaN.
  std::fill(block.shared.begin(), block.shared.end(), std::byte{0xff});
  std::vector<Warp*> left;
  for (Warp& warp : warps) {
    warp.begin();
    left.push_back(&warp);
  }
  if (reversed) std::ranges::reverse(left);
  while (!left.empty()) {
    std::vector<Warp*> at_barrier;
    ++block.barriers;
    for (Warp* warp : left) {
      if (warp->run() == Warp::Stop::kBarrier) at_barrier.push_back(warp);
    }
    if (!at_barrier.empty() && at_barrier.size() != warps.size()) {
      at_barrier[0]->give_up("warps ended before a barrier of the block");
    }
    left = std::move(at_barrier);
  }
}

std::vector<std::byte> lay_out(const Kernel& kernel,
                               std::span<const std::span<const std::byte>> arguments) {
  if (arguments.size() != kernel.parameters.size()) {
    emulation::give_up(("PTX: other parameters than those of " + kernel.name).c_str());
  }
  std::vector<std::byte> bytes(kernel.parameter_bytes);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Parameter& to = kernel.parameters[i];
    if (arguments[i].size() != to.bytes) {
      emulation::give_up(("PTX: a parameter of another size in " + kernel.name).c_str());
    }
    std::ranges::copy(arguments[i], bytes.begin() + static_cast<std::ptrdiff_t>(to.offset));
  }
  return bytes;
}

// A line for each instruction of the kernel: how many warps did it, in all.
void add_counts(const char* path, const Block& block) {
  std::ofstream file(path, std::ios::app);
  file << "kernel " << block.kernel->name << '\n';
  for (std::size_t i = 0; i < block.times.size(); ++i) {
    file << block.times[i] << ' ' << block.kernel->instructions[i].text << '\n';
  }
}

}  // namespace

bool is_wanted() {
  static const bool wanted = std::getenv("CUDA_EMULATION_PTX") != nullptr;
  return wanted;
}

void run_grid(const void* address, std::span<const std::span<const std::byte>> arguments,
              const Dimensions& grid, const Dimensions& size, std::size_t shared_bytes) {
  static Program program(std::getenv("CUDA_EMULATION_PTX"));
  static const bool reversed = std::getenv("CUDA_EMULATION_REVERSED") != nullptr;
  const std::string name = symbol_at(address);
  const Kernel* kernel = program.find(name);
  if (!kernel) emulation::give_up(("no PTX of " + name).c_str());
  run_grid(*kernel, arguments, grid, size, shared_bytes, reversed);
}

void run_grid(const Kernel& kernel, std::span<const std::span<const std::byte>> arguments,
              const Dimensions& grid, const Dimensions& size, std::size_t shared_bytes,
              bool reversed) {
  const unsigned threads = size.x * size.y * size.z;
  if (threads > kernel.most_threads) {
    emulation::give_up(("more threads than __launch_bounds__ of " + kernel.name).c_str());
  }
  std::vector<std::byte> parameters = lay_out(kernel, arguments);
  // Aligned for all accesses, like the addresses that the kernel sees.
  std::vector<std::byte> memory(kernel.shared_bytes + shared_bytes + 2048);
  const auto offset = (kSharedBase - reinterpret_cast<std::uintptr_t>(memory.data())) % 1024;
  Block block;
  block.kernel = &kernel;
  block.grid = grid;
  block.size = size;
  block.parameters = parameters;
  block.shared = std::span(memory).subspan(offset, kernel.shared_bytes + shared_bytes);
  block.times.resize(kernel.instructions.size());
  std::optional<Races> races;
  if (std::getenv("CUDA_EMULATION_PTX_RACES")) block.races = &races.emplace(block.shared.size());
  std::vector<Warp> warps;
  for (unsigned w = 0; w < (threads + kLanes - 1) / kLanes; ++w) {
    warps.emplace_back(block, static_cast<int>(w));
  }
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        block.place = {x, y, z};
        run_block(warps, block, reversed);
      }
    }
  }
  if (const char* file = std::getenv("CUDA_EMULATION_PTX_COUNTS")) add_counts(file, block);
}

}  // namespace linnet::ptx
