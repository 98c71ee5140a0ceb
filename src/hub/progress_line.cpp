#include "hub/progress_line.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hub/url.hpp"

namespace linnet::hub {
namespace {

constexpr int kBarColumns = 20;
constexpr int kShortestName = 8;

std::string time_text(std::chrono::seconds time) {
  const auto s = time.count();
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string bar(double share) {
  const int full = static_cast<int>(share * kBarColumns);
  return fmt::format("[{:#<{}}{:.<{}}]", "", full, "", kBarColumns - full);
}

// The end of a name tells more than its beginning ("...Q4_K_M.gguf").
std::string shortened(const std::string& name, int columns) {
  const auto most = static_cast<std::size_t>(std::max(columns, kShortestName));
  if (name.size() <= most) return name;
  return fmt::format("...{}", name.substr(name.size() - most + 3));
}

std::string numbers(const Progress& progress, const TransferRate& rate) {
  if (progress.waiting) return "  waiting for another process that downloads it";
  const std::uint64_t done = std::min(progress.done_bytes, progress.total_bytes);
  const double share = progress.total_bytes
                           ? static_cast<double>(done) / static_cast<double>(progress.total_bytes)
                           : 1.0;
  std::string text = fmt::format("  {} {:3.0f}%  {} of {}", bar(share), 100.0 * share,
                                 size_text(done), size_text(progress.total_bytes));
  const double bytes_per_second = rate.bytes_per_second();
  if (bytes_per_second > 0.0) {
    text += fmt::format("  {}/s", size_text(static_cast<std::uint64_t>(bytes_per_second)));
  }
  if (const auto left = rate.remaining(progress.total_bytes - done)) {
    text += fmt::format("  {} left", time_text(*left));
  }
  return text;
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  const double mebibytes = static_cast<double>(bytes) / (1 << 20);
  if (mebibytes >= 1024.0) return fmt::format("{:.2f} GiB", mebibytes / 1024.0);
  return fmt::format("{:.1f} MiB", mebibytes);
}

std::string progress_line(const Progress& progress, const TransferRate& rate, int columns) {
  const std::string tail = numbers(progress, rate);
  const int room = columns - static_cast<int>(tail.size());
  std::string line = shortened(shown(progress.file), room) + tail;
  if (columns > 0 && line.size() > static_cast<std::size_t>(columns)) {
    line.resize(static_cast<std::size_t>(columns));
  }
  return line;
}

}  // namespace linnet::hub
