#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <optional>

namespace linnet::test {

/// Whether the test is built with the address or thread sanitizer, which take terabytes of address
/// space, so that it can't be limited.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kHasSanitizer = true;
#else
inline constexpr bool kHasSanitizer = false;
#endif

/// While this lives, the process and the programs that it starts have so much of a resource at
/// most.
class ResourceLimit {
 public:
  ResourceLimit(__rlimit_resource resource, std::int64_t most) : resource_(resource) {
    getrlimit(resource_, &before_);
    rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(most);
    setrlimit(resource_, &limit);
  }
  ~ResourceLimit() { setrlimit(resource_, &before_); }
  ResourceLimit(const ResourceLimit&) = delete;
  ResourceLimit& operator=(const ResourceLimit&) = delete;

 private:
  __rlimit_resource resource_;
  rlimit before_{};
};

/// Bytes of address space, as with `ulimit -v`. Does nothing under a sanitizer.
class AddressSpaceLimit {
 public:
  explicit AddressSpaceLimit(std::int64_t bytes) {
    if (!kHasSanitizer) limit_.emplace(RLIMIT_AS, bytes);
  }

 private:
  std::optional<ResourceLimit> limit_;
};

/// Bytes of a file that is written, as with `ulimit -f`.
class FileSizeLimit : public ResourceLimit {
 public:
  explicit FileSizeLimit(std::int64_t bytes) : ResourceLimit(RLIMIT_FSIZE, bytes) {}
};

}  // namespace linnet::test
