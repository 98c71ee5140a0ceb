#include "quantize/dat_importance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "base/machine.hpp"
#include "base/mapped_file.hpp"
#include "base/printable.hpp"

namespace linnet::quantize {
namespace {

constexpr std::int32_t kMostMatrices = 1 << 20;
constexpr std::int32_t kLongestName = 256;

// Takes a file's bytes one after the other; nothing where they are fewer.
class DatReader {
 public:
  explicit DatReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  std::optional<std::int32_t> number() {
    const auto bytes = take(sizeof(std::int32_t));
    if (!bytes) return {};
    std::int32_t value = 0;
    std::memcpy(&value, bytes->data(), sizeof value);
    return value;
  }
  std::optional<std::string> name() {
    const auto length = number();
    if (!length || *length < 1 || *length > kLongestName) return {};
    const auto bytes = take(static_cast<std::size_t>(*length));
    if (!bytes) return {};
    std::string name(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    return printable(name) == name ? std::optional(std::move(name)) : std::nullopt;
  }
  std::optional<std::vector<double>> values() {
    const auto count = number();
    if (!count || *count < 1) return {};
    const auto bytes = take(static_cast<std::size_t>(*count) * sizeof(float));
    if (!bytes) return {};
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(*count));
    for (std::size_t i = 0; i < bytes->size(); i += sizeof(float)) {
      float value = 0.0f;
      std::memcpy(&value, bytes->data() + i, sizeof value);
      values.push_back(value);
    }
    return values;
  }

 private:
  std::optional<std::span<const std::byte>> take(std::size_t count) {
    if (count > rest_.size()) return {};
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  std::span<const std::byte> rest_;
};

// An Error without the file.
Result<SquaresOfTensors> read_matrices(DatReader reader, std::int32_t count) {
  SquaresOfTensors matrices;
  for (std::int32_t i = 0; i < count; ++i) {
    const auto name = reader.name();
    const auto calls = name ? reader.number() : std::nullopt;
    auto values = calls ? reader.values() : std::nullopt;
    if (!values) {
      return Error{
          fmt::format("is cut or damaged in matrix {} of {} that it should hold", i + 1, count)};
    }
    const bool fits = *calls >= 0 && std::ranges::all_of(*values, [](double value) {
      return std::isfinite(value) && value >= 0.0;
    });
    if (!fits) {
      return Error{fmt::format("matrix {} has a value that is no finite number from 0 on", *name)};
    }
    matrices.insert_or_assign(
        *name, Importance::Squares{std::move(*values), {static_cast<double>(*calls)}});
  }
  return matrices;
}

}  // namespace

Result<std::optional<SquaresOfTensors>> read_dat_importance(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) return file.error();
  DatReader reader(file->bytes());
  const auto count = reader.number();
  if (!count || *count < 1 || *count > kMostMatrices) return std::optional<SquaresOfTensors>();
  if (!DatReader(reader).name()) return std::optional<SquaresOfTensors>();
  const auto size_bytes = std::ssize(file->bytes());
  const auto needed_bytes = size_bytes * std::int64_t{sizeof(double) / sizeof(float)};
  if (Status s = check_free_memory(needed_bytes, path.string() + ": its values"); !s) {
    return s.error();
  }
  auto matrices = read_matrices(reader, *count);
  if (!matrices) return Error{fmt::format("{}: {}", path.string(), matrices.error().message)};
  if (Status s = file->check_unchanged(); !s) return s.error();
  return std::optional(std::move(*matrices));
}

}  // namespace linnet::quantize
