#include "base/machine.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/units.hpp"

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

// The folders with the limits of this process.
std::vector<fs::path> own_cgroup_folders(std::string_view controller) {
  std::ifstream in("/proc/self/cgroup");
  const std::string memberships{std::istreambuf_iterator<char>(in), {}};
  return cgroup_folders(memberships, controller, "/sys/fs/cgroup");
}

// CPUs' worth of time that the cgroups allow, or a huge number.
double quota_cpus() {
  double least = 1e9;
  for (const fs::path& folder : own_cgroup_folders("cpu")) {
    least = std::min(least, cgroup_cpus(folder).value_or(least));
  }
  return least;
}

// The cached files of a cgroup that the kernel drops when memory is short, recently used or not; of
// version 1 those of the groups within it, too, as its usage has them.
std::int64_t droppable_bytes(const fs::path& folder, std::string_view prefix) {
  std::ifstream in(folder / "memory.stat");
  std::int64_t sum = 0;
  std::string key;
  for (std::int64_t value; in >> key >> value;) {
    if (!key.starts_with(prefix)) continue;
    const std::string_view name = std::string_view(key).substr(prefix.size());
    if (name == "inactive_file" || name == "active_file") sum += value;
  }
  return sum;
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

// The bytes of a line "KEY 123 kB"; 0 if there is none.
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
  for (const fs::path& folder : own_cgroup_folders("memory")) {
    available = std::min(available, cgroup_memory_left_bytes(folder).value_or(INT64_MAX));
  }
  available = std::min(available, address_space_left_bytes());
  return available == INT64_MAX ? 0 : std::max<std::int64_t>(1, available);
}

Status check_free_memory(std::int64_t bytes, std::string_view what) {
  const std::int64_t free_bytes = available_memory_bytes();
  if (free_bytes == 0 || bytes <= free_bytes) return {};
  return Error{fmt::format("{} take {} MiB of memory, but {} are free", what, bytes / kMiB,
                           free_bytes / kMiB)};
}

std::vector<fs::path> cgroup_folders(std::string_view memberships, std::string_view controller,
                                     const fs::path& root) {
  std::vector<fs::path> folders;
  const fs::path first_version = root / controller;
  std::istringstream in{std::string(memberships)};
  for (std::string line; std::getline(in, line);) {  // "ID:CONTROLLERS:/PATH"
    const auto colon = line.find(':'), path = line.find(":/");
    if (colon == line.npos || path == line.npos || path < colon) continue;
    const auto controllers = fmt::format(",{},", line.substr(colon + 1, path - colon - 1));
    const bool is_second = controllers == ",,";
    if (!is_second && controllers.find(fmt::format(",{},", controller)) == line.npos) continue;
    for (fs::path own = line.substr(path + 2); !own.empty(); own = own.parent_path()) {
      folders.push_back((is_second ? root : first_version) / own);
    }
  }
  folders.push_back(first_version);
  folders.push_back(root);
  return folders;
}

std::optional<std::int64_t> cgroup_memory_left_bytes(const fs::path& folder) {
  const auto limit = number_in(folder / "memory.max");
  const auto used = number_in(folder / "memory.current");
  if (limit && used) return *limit - *used + droppable_bytes(folder, "");
  const auto first_limit = number_in(folder / "memory.limit_in_bytes");
  const auto first_used = number_in(folder / "memory.usage_in_bytes");
  if (!first_limit || !first_used) return std::nullopt;
  return *first_limit - *first_used + droppable_bytes(folder, "total_");
}

std::optional<double> cgroup_cpus(const fs::path& folder) {
  std::ifstream in(folder / "cpu.max");
  std::string quota;
  double period = 0;
  if (in >> quota >> period) {
    if (quota == "max" || !(period > 0)) return std::nullopt;
    return std::atof(quota.c_str()) / period;
  }
  const auto first_quota = number_in(folder / "cpu.cfs_quota_us");  // -1: no limit
  const auto first_period = number_in(folder / "cpu.cfs_period_us");
  if (!first_quota || !first_period || *first_period == 0) return std::nullopt;
  return static_cast<double>(*first_quota) / static_cast<double>(*first_period);
}

// Not ru_maxrss, into which the kernel counts the program that started this one.
std::int64_t peak_memory_bytes() { return bytes_in("/proc/self/status", "VmHWM:"); }

void give_memory_back() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

std::int64_t own_memory_bytes() { return bytes_in("/proc/self/status", "RssAnon:"); }

}  // namespace linnet
