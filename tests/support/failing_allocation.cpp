#include "support/failing_allocation.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace linnet::test {
namespace {

std::atomic<bool> armed = false;
std::atomic<pthread_t> failing_thread;
std::atomic<int> allocations_before;

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (armed && pthread_equal(pthread_self(), failing_thread) && allocations_before-- == 0) {
    throw std::bad_alloc();
  }
  const std::size_t whole = (bytes + alignment) / alignment * alignment;
  if (void* const memory = std::aligned_alloc(alignment, whole)) return memory;
  throw std::bad_alloc();
}

}  // namespace

FailingAllocation::FailingAllocation(pthread_t thread, int before) {
  failing_thread = thread;
  allocations_before = before;
  armed = true;
}

FailingAllocation::~FailingAllocation() { armed = false; }

bool FailingAllocation::has_failed() const { return allocations_before < 0; }

}  // namespace linnet::test

// Those of the whole program; the forms for arrays call these, or under a sanitizer each other.
void* operator new(std::size_t bytes) {
  return linnet::test::allocate(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return linnet::test::allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
