#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// A CUDA device in host memory, good enough to prove kernels right on small shapes and slow. It
/// notices threads of a block that wait for each other for ever, and any touch of device memory
/// outside kernels and copies (a segmentation fault, as if the memory were on a card).
/// set_reversed() runs the threads in the other order, in which many races change results; the rest
/// are found by races.cpp.
namespace linnet::emulation {

/// Kernels that may begin early do, before the ones in front of them have run at all: those run
/// when it waits for them. A chain of such kernels is a few long.
void wait_for_previous_kernel();

/// Gives up where what is read is not whole aligned lines of 16 bytes of one allocation.
void check_line_read(const void* from, std::size_t bytes);

void sync_block();
void sync_warp();
/// Waits for the other lanes, as shuffles do, which order no accesses to memory.
void meet_warp();
int lane();
void* launch_memory();

/// Puts `value` where the other lanes of the warp find it and waits until all lanes did; gives the
/// values by lane, which stay until the call after the next.
const std::uint64_t* share(std::uint64_t value);

/// The copy happens when the thread waits for it: for all, or for all but the last `pending`
/// batches that commit_copies() closed.
void begin_copy(void* to, const void* from, std::size_t bytes, bool zeros);
/// The same to an address within the shared memory.
void begin_copy_to(std::uint32_t address, const void* from, std::size_t bytes);
void commit_copies();
void wait_for_copies();
void wait_for_copies(int pending);

/// Products of warpgroups (wgmma), see wgmma.cpp. The sums are NaNs until the thread waited for
/// their products. It gives up where one of their operands changes before that, where the memory
/// that they read was written without a fence, where their descriptors are not what the PTX manual
/// wants, and where the warps of a warpgroup do not begin the same ones.
std::uint32_t shared_address(const void* shared);
void show_to_products();
void begin_products();
void begin_product(float* sums, int count, const std::uint32_t* a, std::uint64_t b);
void commit_products();
void wait_for_products(int pending);

/// Whether the device is one of compute capability 9.0, else 8.0; at first not where the
/// environment has CUDA_EMULATION_AMPERE.
bool is_hopper();
void set_hopper(bool hopper);

/// Whether threads take turns from the last to the first; at first so where the environment has
/// CUDA_EMULATION_REVERSED.
void set_reversed(bool reversed);

/// The next allocation of device memory beyond `bytes` in all fails; 0: the whole emulated device.
void set_memory_limit(std::size_t bytes);

/// From now on every launch fails as on a device that was lost; false: it works again.
void set_lost(bool lost);

/// What the driver is for, 1000 times the major and 10 times the minor version of CUDA; 0: there is
/// no driver. At first that of the headers.
void set_driver(int version);

/// Shared memory that a thread block may have; at first that of an H100.
void set_shared_bytes(std::size_t bytes);

std::size_t allocated_bytes();
std::size_t launches();
/// The names of the kernels that were launched since this was called before.
std::vector<std::string> launched_kernels();
std::size_t graph_launches();
std::size_t library_products();

}  // namespace linnet::emulation
