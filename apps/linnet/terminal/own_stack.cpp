#include "linnet/terminal/own_stack.hpp"

#include <pthread.h>
#include <sys/resource.h>

#include <cstddef>

#include "base/blocked_signals.hpp"

namespace linnet::app {
namespace {

constexpr std::size_t kStackBytes = 8 << 20;

struct Call {
  const std::function<int()>& body;
  int status = 0;
};

void* run(void* argument) {
  Call& call = *static_cast<Call*>(argument);
  call.status = call.body();
  return nullptr;
}

// As large as where the limit is that of most systems; with `ulimit -s unlimited` threads would get
// 2 MiB, and else what the limit says.
bool is_stack_large() {
  rlimit limit{};
  return getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kStackBytes;
}

}  // namespace

int run_on_own_stack(const std::function<int()>& body) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return body();
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_setattr_default_np(&attributes);  // also for threads that libraries begin
  Call call{body};
  pthread_t thread{};
  const bool has_thread =
      !is_stack_large() && pthread_create(&thread, &attributes, run, &call) == 0;
  pthread_attr_destroy(&attributes);
  if (!has_thread) return body();
  const BlockedSignals blocked;
  pthread_join(thread, nullptr);
  return call.status;
}

}  // namespace linnet::app
