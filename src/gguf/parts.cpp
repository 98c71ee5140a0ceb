#include "gguf/parts.hpp"

#include <fmt/format.h>

#include <vector>

#include "gguf/layout.hpp"

namespace linnet::gguf {
namespace {

namespace fs = std::filesystem;
using Part = std::span<const Tensor>;

std::vector<Part> cut(std::span<const Tensor> tensors, const PartLimits& limits) {
  std::vector<Part> parts;
  std::size_t begin = 0;
  std::int64_t size_bytes = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::int64_t more = std::ssize(tensors[i].bytes);
    const bool is_full =
        (limits.tensors > 0 && static_cast<std::int64_t>(i - begin) >= limits.tensors) ||
        (limits.size_bytes > 0 && size_bytes + more > limits.size_bytes);
    if (is_full && i > begin) {
      parts.push_back(tensors.subspan(begin, i - begin));
      begin = i;
      size_bytes = 0;
    }
    size_bytes += more;
  }
  parts.push_back(tensors.subspan(begin));
  return parts;
}

// The metadata of part `index`.
Writer make_writer(const File& file, std::size_t index, std::size_t count) {
  Writer writer;
  for (const KeyValue& pair : file.metadata()) {
    const bool is_in_all = pair.key == "general.alignment";
    const bool is_of_parts = pair.key.starts_with("split.");
    if (is_in_all || (index == 0 && !is_of_parts)) writer.add_value(pair.key, pair.value);
  }
  writer.add_integer("split.no", ValueType::kUint16, static_cast<std::int64_t>(index));
  writer.add_integer("split.tensors.count", ValueType::kInt32, std::ssize(file.tensors()));
  writer.add_integer("split.count", ValueType::kUint16, static_cast<std::int64_t>(count));
  return writer;
}

// The parts that were written, until all are.
class WrittenParts {
 public:
  ~WrittenParts() {
    std::error_code ignored;
    for (const fs::path& path : paths_) fs::remove(path, ignored);
  }
  void add(const fs::path& path) { paths_.push_back(path); }
  void keep() { paths_.clear(); }

 private:
  std::vector<fs::path> paths_;
};

}  // namespace

Result<int> write_parts(const File& file, const PartLimits& limits, const std::string& stem,
                        const CopyProgress& progress) {
  const std::vector<Part> parts = cut(file.tensors(), limits);
  if (std::ssize(parts) > kMostParts) {
    return Error{fmt::format("{}: would have {} parts, expected at most {}", file.path().string(),
                             parts.size(), kMostParts)};
  }
  if (Status status = check_metadata_fits(file); !status) return status.error();
  const auto path_of = [&](std::size_t index) {
    return fs::path(part_name(stem, static_cast<std::int64_t>(index) + 1, std::ssize(parts)));
  };
  std::error_code absent;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (fs::exists(path_of(i), absent)) {
      return Error{fmt::format("{}: is there already", path_of(i).string())};
    }
  }
  WrittenParts written;
  const auto advance = advance_through(file, progress);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Status status =
        write_tensors(file, parts[i], make_writer(file, i, parts.size()), path_of(i), advance);
    if (!status) return status.error();
    written.add(path_of(i));
  }
  written.keep();
  return static_cast<int>(parts.size());
}

}  // namespace linnet::gguf
