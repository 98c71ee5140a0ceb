#include "gguf/gguf_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "base/keyed_hash.hpp"
#include "base/mapped_file.hpp"
#include "gguf/layout.hpp"

namespace linnet::gguf {
namespace {

struct Part {
  MappedFile file;
  Header header;
};

Result<Part> open_part(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  if (!file) return file.error();
  auto header = parse_header(file->bytes(), file->bytes().size(), path.string());
  if (!header) return header.error();
  for (std::size_t i = 0; i < header->tensors.size(); ++i) {
    Tensor& tensor = header->tensors[i];
    const std::int64_t blocks = tensor.elements() / tensor.format->block_elements;
    tensor.bytes = file->bytes().subspan(header->data_offset + header->tensor_offsets[i],
                                         blocks * tensor.format->block_bytes);
  }
  return Part{std::move(*file), std::move(*header)};
}

std::int64_t integer_or(const Header& header, std::string_view key, std::int64_t fallback) {
  for (const KeyValue& item : header.metadata) {
    const auto* value = std::get_if<std::int64_t>(&item.value.data);
    if (item.key == key && value) return *value;
  }
  return fallback;
}

// The path of part `index` (from 1), if `first` is called NAME-00001-of-0000N.gguf with this N.
std::optional<std::filesystem::path> part_path(const std::filesystem::path& first,
                                               std::int64_t index, std::int64_t count) {
  const std::string tail = part_name("", 1, count);
  const std::string name = first.filename().string();
  if (!name.ends_with(tail)) return std::nullopt;
  return first.parent_path() / part_name(name.substr(0, name.size() - tail.size()), index, count);
}

// A view: `by` must stay where it is.
Value value_of(const Override& by) {
  if (const auto* integer = std::get_if<std::int64_t>(&by.value)) {
    return {ValueType::kInt64, *integer};
  }
  if (const auto* number = std::get_if<double>(&by.value)) return {ValueType::kFloat64, *number};
  if (const auto* boolean = std::get_if<bool>(&by.value)) return {ValueType::kBool, *boolean};
  return {ValueType::kString, std::string_view(std::get<std::string>(by.value))};
}

// Whether those who read `old` can read `value` in its place.
bool has_kind_of(const Value& value, const Value& old) {
  const bool is_integer_for_number =
      std::holds_alternative<std::int64_t>(value.data) && std::holds_alternative<double>(old.data);
  return is_integer_for_number ||
         (value.data.index() == old.data.index() && !std::holds_alternative<Array>(old.data));
}

}  // namespace

struct File::State {
  std::filesystem::path path;
  std::vector<Part> parts;
  std::vector<Override> overrides;  // whose texts the metadata may name
  std::vector<Tensor> tensors;
  std::vector<std::size_t> parts_of_tensors;
  std::unordered_map<std::string_view, std::size_t, KeyedHash> keys;
  std::unordered_map<std::string_view, std::size_t, KeyedHash> names;

  Status add_part(Part part) {
    for (const Tensor& tensor : part.header.tensors) {
      if (!names.emplace(tensor.name, tensors.size()).second) {
        return Error{fmt::format("{}: tensor {} is in an earlier part too",
                                 part.file.path().string(), tensor.name)};
      }
      tensors.push_back(tensor);
      parts_of_tensors.push_back(parts.size());
    }
    parts.push_back(std::move(part));
    return {};
  }

  // Where the first part says that there are more.
  Status add_other_parts() {
    const Header& first = parts.front().header;
    const std::int64_t count = integer_or(first, "split.count", 1);
    const std::int64_t tensor_count = integer_or(first, "split.tensors.count", -1);
    if (count <= 1) return {};
    const std::int64_t number = integer_or(first, "split.no", 0);
    if (number < 0 || number >= count) {
      return Error{
          fmt::format("{}: split.no is {}, expected 0 to {}", path.string(), number, count - 1)};
    }
    if (number != 0) {
      return Error{fmt::format("{}: is part {} of {} of a split file; open the first part",
                               path.string(), number + 1, count)};
    }
    if (count > kMostParts) {
      return Error{fmt::format("{}: split.count is {}, expected at most {}", path.string(), count,
                               kMostParts)};
    }
    for (std::int64_t index = 2; index <= count; ++index) {
      if (Status status = add_part_number(index, count); !status) return status;
    }
    if (tensor_count >= 0 && tensor_count != static_cast<std::int64_t>(tensors.size())) {
      return Error{fmt::format("{}: the parts hold {} tensors, split.tensors.count is {}",
                               path.string(), tensors.size(), tensor_count)};
    }
    return {};
  }

  Status add_part_number(std::int64_t index, std::int64_t count) {
    const auto other = part_path(path, index, count);
    if (!other) {
      return Error{
          fmt::format("{}: is the first of {} parts, but is not called NAME-00001-of-{:05}.gguf",
                      path.string(), count, count)};
    }
    auto part = open_part(*other);
    if (!part) return part.error();
    if (integer_or(part->header, "split.no", -1) != index - 1 ||
        integer_or(part->header, "split.count", -1) != count) {
      return Error{
          fmt::format("{}: does not say that it is part {} of {}", other->string(), index, count)};
    }
    return add_part(std::move(*part));
  }

  std::string_view architecture() const {
    for (const KeyValue& item : parts.front().header.metadata) {
      const auto* name = std::get_if<std::string_view>(&item.value.data);
      if (item.key == "general.architecture" && name) return *name;
    }
    return {};
  }

  Status override_metadata(std::span<const Override> by) {
    overrides.assign(by.begin(), by.end());
    for (const Override& item : overrides) {
      if (Status status = override_value(item); !status) return status;
    }
    return {};
  }

  Status override_value(const Override& by) {
    if (says_the_layout(by.key)) {
      return Error{
          fmt::format("{}: metadata key {} says how the file is laid out, which can't be "
                      "overridden",
                      path.string(), by.key)};
    }
    auto& metadata = parts.front().header.metadata;
    const auto found = std::ranges::find(metadata, by.key, &KeyValue::key);
    if (found == metadata.end()) {
      if (Status status = check_new_key(by.key); !status) return status;
      metadata.push_back({by.key, value_of(by)});
      return {};
    }
    Value value = value_of(by);
    if (!has_kind_of(value, found->value)) {
      return Error{fmt::format("{}: metadata key {} is of type {}, which {} can't override",
                               path.string(), by.key, value_type_name(found->value.type),
                               value_type_name(value.type))};
    }
    found->value = std::move(value);
    return {};
  }

  // Keys that a file may have besides its own. Others would be read by nobody.
  Status check_new_key(std::string_view key) const {
    const std::string own = fmt::format("{}.", architecture());
    for (const std::string_view prefix :
         {std::string_view("general."), std::string_view(own), std::string_view("tokenizer.")}) {
      if (key.starts_with(prefix) && key.size() > prefix.size()) return {};
    }
    return Error{
        fmt::format("{}: there is no metadata key {} to override; a new one begins with "
                    "{}, general. or tokenizer.",
                    path.string(), key, own)};
  }
};

Result<File> File::open(const std::filesystem::path& path, std::span<const Override> overrides) {
  auto part = open_part(path);
  if (!part) return part.error();
  auto state = std::make_unique<State>();
  state->path = path;
  if (Status status = state->add_part(std::move(*part)); !status) return status.error();
  if (Status status = state->add_other_parts(); !status) return status.error();
  if (Status status = state->override_metadata(overrides); !status) return status.error();
  const auto& metadata = state->parts.front().header.metadata;
  for (std::size_t i = 0; i < metadata.size(); ++i) state->keys.emplace(metadata[i].key, i);
  return File(std::move(state));
}

File::File(std::unique_ptr<State> state) : state_(std::move(state)) {}
File::File(File&&) noexcept = default;
File& File::operator=(File&&) noexcept = default;
File::~File() = default;

const std::filesystem::path& File::path() const { return state_->path; }
std::uint32_t File::version() const { return state_->parts.front().header.version; }
std::uint64_t File::alignment() const { return state_->parts.front().header.alignment; }

std::uint64_t File::size_bytes() const {
  std::uint64_t size = 0;
  for (const Part& part : state_->parts) size += part.file.bytes().size();
  return size;
}

std::span<const KeyValue> File::metadata() const { return state_->parts.front().header.metadata; }
std::span<const Tensor> File::tensors() const { return state_->tensors; }

const Value* File::find(std::string_view key) const {
  const auto found = state_->keys.find(key);
  return found == state_->keys.end() ? nullptr : &metadata()[found->second].value;
}

const Tensor* File::find_tensor(std::string_view name) const {
  const auto found = state_->names.find(name);
  return found == state_->names.end() ? nullptr : &state_->tensors[found->second];
}

namespace {

Error wrong_type(const File& file, std::string_view key, std::string_view expected,
                 const Value& value) {
  return Error{fmt::format("{}: metadata key {} is of type {}, expected {}", file.path().string(),
                           key, value_type_name(value.type), expected)};
}

}  // namespace

Result<std::optional<std::int64_t>> File::integer(std::string_view key) const {
  const Value* value = find(key);
  if (!value) return std::optional<std::int64_t>{};
  const auto* integer = std::get_if<std::int64_t>(&value->data);
  if (!integer) return wrong_type(*this, key, "an integer", *value);
  if (value->type == ValueType::kUint64 && *integer < 0) {
    return Error{fmt::format("{}: metadata key {} is {}, which is too large", path().string(), key,
                             static_cast<std::uint64_t>(*integer))};
  }
  return std::optional(*integer);
}

Result<std::optional<double>> File::number(std::string_view key) const {
  const Value* value = find(key);
  if (!value) return std::optional<double>{};
  if (const auto* integer = std::get_if<std::int64_t>(&value->data)) {
    return std::optional(value->type == ValueType::kUint64
                             ? static_cast<double>(static_cast<std::uint64_t>(*integer))
                             : static_cast<double>(*integer));
  }
  const auto* number = std::get_if<double>(&value->data);
  if (!number) return wrong_type(*this, key, "a number", *value);
  if (!std::isfinite(*number)) {
    return Error{fmt::format("{}: metadata key {} is {}, expected a finite number", path().string(),
                             key, *number)};
  }
  return std::optional(*number);
}

Result<std::optional<bool>> File::boolean(std::string_view key) const {
  const Value* value = find(key);
  if (!value) return std::optional<bool>{};
  const auto* boolean = std::get_if<bool>(&value->data);
  if (!boolean) return wrong_type(*this, key, "a boolean", *value);
  return std::optional(*boolean);
}

Result<std::optional<std::string_view>> File::string(std::string_view key) const {
  const Value* value = find(key);
  if (!value) return std::optional<std::string_view>{};
  const auto* text = std::get_if<std::string_view>(&value->data);
  if (!text) return wrong_type(*this, key, "a string", *value);
  return std::optional(*text);
}

Result<const Array*> File::array(std::string_view key) const {
  const Value* value = find(key);
  if (!value) return static_cast<const Array*>(nullptr);
  const auto* array = std::get_if<Array>(&value->data);
  if (!array) return wrong_type(*this, key, "an array", *value);
  return array;
}

void File::release(const Tensor& tensor) const {
  const auto found = state_->names.find(tensor.name);
  if (found == state_->names.end()) return;
  state_->parts[state_->parts_of_tensors[found->second]].file.release(tensor.bytes);
}

Status File::check_unchanged() const {
  for (const Part& part : state_->parts) {
    if (Status status = part.file.check_unchanged(); !status) return status;
  }
  return {};
}

}  // namespace linnet::gguf
