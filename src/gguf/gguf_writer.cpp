#include "gguf/gguf_writer.hpp"

#include <fmt/format.h>

#include <cstring>

#include "base/new_file.hpp"
#include "gguf/layout.hpp"

namespace linnet::gguf {
namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint32_t kVersion = 3;
void append_bytes(std::vector<std::byte>& to, const void* bytes, std::size_t size) {
  const std::size_t end = to.size();
  to.resize(end + size);
  std::memcpy(to.data() + end, bytes, size);
}

template <class T>
void append(std::vector<std::byte>& to, T value) {
  append_bytes(to, &value, sizeof value);
}

void append_string(std::vector<std::byte>& to, std::string_view text) {
  append(to, static_cast<std::uint64_t>(text.size()));
  if (!text.empty()) append_bytes(to, text.data(), text.size());
}

void append_type(std::vector<std::byte>& to, ValueType type) {
  append(to, static_cast<std::uint32_t>(type));
}

void append_integer(std::vector<std::byte>& to, ValueType type, std::int64_t value) {
  switch (type) {
    case ValueType::kUint8:
    case ValueType::kInt8:
    case ValueType::kBool:
      return append(to, static_cast<std::uint8_t>(value));
    case ValueType::kUint16:
    case ValueType::kInt16:
      return append(to, static_cast<std::uint16_t>(value));
    case ValueType::kUint32:
    case ValueType::kInt32:
      return append(to, static_cast<std::uint32_t>(value));
    default:
      return append(to, value);
  }
}

void append_number(std::vector<std::byte>& to, ValueType type, double value) {
  if (type == ValueType::kFloat32) return append(to, static_cast<float>(value));
  append(to, value);
}

std::uint64_t padding(std::uint64_t size, std::uint64_t alignment) {
  return (alignment - size % alignment) % alignment;
}

// Files with more could not be opened.
Status check_count(const std::filesystem::path& path, std::uint64_t count, std::uint64_t most,
                   std::string_view what) {
  if (count <= most) return {};
  return Error{
      fmt::format("{}: would have {} {}, expected at most {}", path.string(), count, what, most)};
}

Status write_zeros(NewFile& file, std::uint64_t count) {
  return file.write(std::vector<std::byte>(static_cast<std::size_t>(count)));
}

}  // namespace

void Writer::begin(std::string_view key, ValueType type) {
  append_string(metadata_, key);
  append_type(metadata_, type);
  ++metadata_count_;
}

void Writer::begin_array(std::string_view key, ValueType element, std::size_t count) {
  begin(key, ValueType::kArray);
  append_type(metadata_, element);
  append(metadata_, static_cast<std::uint64_t>(count));
}

void Writer::add_integer(std::string_view key, ValueType type, std::int64_t value) {
  begin(key, type);
  append_integer(metadata_, type, value);
  if (key == "general.alignment") alignment_ = static_cast<std::uint64_t>(value);
}

void Writer::add_number(std::string_view key, ValueType type, double value) {
  begin(key, type);
  append_number(metadata_, type, value);
}

void Writer::add_bool(std::string_view key, bool value) {
  begin(key, ValueType::kBool);
  append(metadata_, static_cast<std::uint8_t>(value));
}

void Writer::add_string(std::string_view key, std::string_view value) {
  begin(key, ValueType::kString);
  append_string(metadata_, value);
}

void Writer::add_integers(std::string_view key, ValueType type,
                          std::span<const std::int64_t> values) {
  begin_array(key, type, values.size());
  for (const std::int64_t value : values) append_integer(metadata_, type, value);
}

void Writer::add_numbers(std::string_view key, ValueType type, std::span<const double> values) {
  begin_array(key, type, values.size());
  for (const double value : values) append_number(metadata_, type, value);
}

void Writer::add_strings(std::string_view key, std::span<const std::string> values) {
  begin_array(key, ValueType::kString, values.size());
  for (const std::string& value : values) append_string(metadata_, value);
}

void Writer::add_value(std::string_view key, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value.data)) {
    return add_integer(key, value.type, *integer);
  }
  if (const auto* number = std::get_if<double>(&value.data)) {
    return add_number(key, value.type, *number);
  }
  if (const auto* boolean = std::get_if<bool>(&value.data)) return add_bool(key, *boolean);
  if (const auto* text = std::get_if<std::string_view>(&value.data)) return add_string(key, *text);
  add_array(key, std::get<Array>(value.data));
}

void Writer::add_array(std::string_view key, const Array& array) {
  begin_array(key, array.element_type(), array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (array.is_string()) {
      append_string(metadata_, array.string(i));
    } else if (array.is_integer()) {
      append_integer(metadata_, array.element_type(), array.integer(i));
    } else {
      append_number(metadata_, array.element_type(), array.number(i));
    }
  }
}

void Writer::add_tensor(std::string_view name, const Format& format,
                        std::span<const std::int64_t> shape) {
  tensors_.push_back({std::string(name), &format, {shape.begin(), shape.end()}});
}

std::uint64_t Writer::Declared::size_bytes() const {
  std::int64_t elements = 1;
  for (const std::int64_t extent : shape) elements *= extent;
  return static_cast<std::uint64_t>(format->size_bytes(elements));
}

std::vector<std::byte> Writer::header() const {
  std::vector<std::byte> header;
  append(header, kMagic);
  append(header, kVersion);
  append(header, static_cast<std::uint64_t>(tensors_.size()));
  append(header, metadata_count_);
  if (!metadata_.empty()) append_bytes(header, metadata_.data(), metadata_.size());
  std::uint64_t offset = 0;
  for (const Declared& tensor : tensors_) {
    append_string(header, tensor.name);
    append(header, static_cast<std::uint32_t>(tensor.shape.size()));
    for (const std::int64_t extent : tensor.shape) {
      append(header, static_cast<std::uint64_t>(extent));
    }
    append(header, static_cast<std::uint32_t>(tensor.format->type));
    append(header, offset);
    offset += tensor.size_bytes() + padding(tensor.size_bytes(), alignment_);
  }
  return header;
}

Status Writer::write(const std::filesystem::path& path, const TensorSource& source) const {
  Status fits = check_count(path, metadata_count_, kMostKeys, "metadata keys");
  if (fits) fits = check_count(path, tensors_.size(), kMostTensors, "tensors");
  if (!fits) return fits;
  NewFile file(path);
  const std::vector<std::byte> head = header();
  if (Status status = file.write(head); !status) return status;
  if (Status status = write_zeros(file, padding(head.size(), alignment_)); !status) return status;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    std::uint64_t written = 0;
    const auto sink = [&](std::span<const std::byte> bytes) {
      written += bytes.size();
      return file.write(bytes);
    };
    if (Status status = source(i, sink); !status) return status;
    if (written != tensors_[i].size_bytes()) {
      return Error{fmt::format("{}: tensor {} was given {} bytes, expected {}", path.string(),
                               tensors_[i].name, written, tensors_[i].size_bytes())};
    }
    if (Status status = write_zeros(file, padding(written, alignment_)); !status) return status;
  }
  return file.finish();
}

}  // namespace linnet::gguf
