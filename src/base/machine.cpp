#include "base/machine.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace linnet {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> first_word(const fs::path& path) {
  std::ifstream in(path);
  std::string word;
  if (in >> word) return word;
  return std::nullopt;
}

std::optional<std::int64_t> number_in(const fs::path& path) {
  const auto word = first_word(path);
  if (!word || word->empty() || word->find_first_not_of("0123456789") != std::string::npos ||
      word->size() > 18) {
    return std::nullopt;
  }
  return std::stoll(*word);
}

// The folders of this process's cgroup (version 2) from its own up to the root.
std::vector<fs::path> cgroup_folders() {
  const fs::path root = "/sys/fs/cgroup";
  std::vector<fs::path> folders;
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("0::/", 0) != 0) continue;
    for (fs::path own = line.substr(4); !own.empty(); own = own.parent_path()) {
      folders.push_back(root / own);
    }
  }
  folders.push_back(root);
  return folders;
}

// CPUs' worth of time that the cgroups allow, or a huge number.
double quota_cpus() {
  double least = 1e9;
  for (const fs::path& folder : cgroup_folders()) {
    std::ifstream in(folder / "cpu.max");
    std::string quota;
    double period;
    if (in >> quota >> period && quota != "max" && period > 0) {
      least = std::min(least, std::atof(quota.c_str()) / period);
    }
  }
  const auto quota = number_in("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");  // version 1
  const auto period = number_in("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota && period && *period > 0) least = std::min(least, double(*quota) / double(*period));
  return least;
}

// Physical cores among the CPUs of the mask: hyper-threads share the units that kernels keep busy.
int physical_cores(const cpu_set_t& mask) {
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    const fs::path topology = fs::path("/sys/devices/system/cpu") / ("cpu" + std::to_string(cpu)) /
                              "topology/thread_siblings_list";
    cores.insert(first_word(topology).value_or(std::to_string(cpu)));
  }
  return static_cast<int>(cores.size());
}

// The bytes of a line "KEY 123 kB"; 0 where there is none.
std::int64_t bytes_in(const fs::path& path, std::string_view wanted) {
  std::ifstream in(path);
  for (std::string key; in >> key;) {
    std::int64_t kib;
    if (key == wanted && in >> kib) return kib * 1024;
  }
  return 0;
}

// What RLIMIT_AS (`ulimit -v`) leaves of the process's address space, or a huge number.
std::int64_t address_space_left_bytes() {
  rlimit limit{};
  const bool is_limited =
      getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur < rlim_t{INT64_MAX};  // not RLIM_INFINITY
  if (!is_limited) return INT64_MAX;
  const auto used_pages = number_in("/proc/self/statm").value_or(0);
  return static_cast<std::int64_t>(limit.rlim_cur) - used_pages * sysconf(_SC_PAGESIZE);
}

}  // namespace

int usable_threads() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  const double quota = quota_cpus();
  const int allowed = quota < 1e6 ? std::max(1, static_cast<int>(std::floor(quota))) : CPU_SETSIZE;
  return std::max(1, std::min(physical_cores(mask), allowed));
}

std::int64_t available_memory_bytes() {
  const std::int64_t kernel = bytes_in("/proc/meminfo", "MemAvailable:");
  std::int64_t available = kernel > 0 ? kernel : INT64_MAX;
  for (const fs::path& folder : cgroup_folders()) {
    available = std::min(available, cgroup_memory_left_bytes(folder).value_or(INT64_MAX));
  }
  available = std::min(available, address_space_left_bytes());
  return available == INT64_MAX ? 0 : std::max<std::int64_t>(1, available);
}

std::optional<std::int64_t> cgroup_memory_left_bytes(const fs::path& folder) {
  const auto limit = number_in(folder / "memory.max");
  const auto used = number_in(folder / "memory.current");
  if (!limit || !used) return std::nullopt;
  std::ifstream in(folder / "memory.stat");
  std::string key;
  for (std::int64_t value; in >> key >> value;) {
    if (key == "inactive_file") return *limit - *used + value;
  }
  return *limit - *used;
}

// Not ru_maxrss, into which the kernel counts the program that started this one.
std::int64_t peak_memory_bytes() { return bytes_in("/proc/self/status", "VmHWM:"); }

}  // namespace linnet
