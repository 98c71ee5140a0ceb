#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <unordered_set>

#include "base/checked.hpp"
#include "base/keyed_hash.hpp"
#include "gguf/byte_reader.hpp"
#include "gguf/gguf_file.hpp"
#include "gguf/layout.hpp"
#include "gguf/value.hpp"

namespace linnet::gguf {
namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kLargestAlignment = 1 << 20;
// In all arrays together: a view is twice the size of an empty string in a (sparse) file.
constexpr std::uint64_t kMostStrings = 1 << 24;
// The same of numbers, which are hashed one by one: what a hole of a sparse file costs.
constexpr std::uint64_t kMostNumbers = 1 << 24;
constexpr std::uint32_t kMostDimensions = 4;
constexpr std::uint64_t kMostElements = std::uint64_t{1} << 60;
// The fewest bytes that a key with its value and a tensor's description take.
constexpr std::uint64_t kSmallestKeyValue = 8 + 4 + 1;
constexpr std::uint64_t kSmallestTensor = 8 + 4 + 8 + 4 + 8;

// What people have where they mean to have a model; empty: something else.
std::string_view kind_of_other(std::span<const std::byte> bytes) {
  struct Kind {
    std::string_view beginning, is;
  };
  constexpr std::string_view kPage = "a page of HTML; the file's download has another address";
  constexpr std::array kKinds = {
      Kind{"version https://git-lfs", "a pointer of Git LFS to one; `git lfs pull` fetches it"},
      Kind{"<!", kPage},
      Kind{"<html", kPage},
      Kind{"PK\x03\x04", "a zip file, as PyTorch writes it"},
  };
  constexpr std::size_t kLongestBeginning = 64;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              std::min(bytes.size(), kLongestBeginning));
  const auto kind = std::ranges::find_if(
      kKinds, [&](const Kind& one) { return text.starts_with(one.beginning); });
  if (kind != kKinds.end()) return kind->is;
  // A number of eight bytes, then an object in JSON.
  const bool is_safetensors = text.size() > 9 && text.substr(8, 2) == "{\"";
  return is_safetensors ? "a safetensors file; llama.cpp's convert_hf_to_gguf.py makes one of it"
                        : "";
}

// Those of ik_llama.cpp begin after the ones that llama.cpp may have one day.
constexpr bool is_of_ik_llama(std::uint32_t type) { return type >= 97 && type <= 400; }

// Reads a header from front to back; the first thing that is wrong ends it.
class HeaderParser {
 public:
  HeaderParser(std::span<const std::byte> bytes, std::uint64_t total_size, std::string_view name)
      : bytes_(bytes), reader_(bytes), total_size_(total_size), name_(name) {}

  Result<Header> parse() {
    if (Status status = read_preamble(); !status) return status.error();
    if (Status status = read_metadata(); !status) return status.error();
    if (Status status = read_alignment(); !status) return status.error();
    if (Status status = read_tensors(); !status) return status.error();
    if (Status status = place_tensors(); !status) return status.error();
    return std::move(header_);
  }

 private:
  template <class... Arguments>
  Error error(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    return Error{
        fmt::format("{}: {}", name_, fmt::format(format, std::forward<Arguments>(arguments)...))};
  }
  Error truncated(std::string_view where) const {
    return error("the file ends inside {} (after {} bytes)", where, total_size_);
  }

  Error too_long(std::string_view key, std::string_view text) const {
    return error("metadata key {} holds a text of {} bytes, expected at most {}", key, text.size(),
                 kLongestText);
  }

  Error not_gguf() const {
    const std::string_view kind = kind_of_other(bytes_);
    if (kind.empty()) return error("is not a GGUF file (it does not begin with 'GGUF')");
    return error("is not a GGUF file but {}", kind);
  }

  Status read_preamble() {
    const auto magic = reader_.read<std::uint32_t>();
    if (!magic) return error("is too short to be a GGUF file ({} bytes)", total_size_);
    if (*magic == __builtin_bswap32(kMagic)) {
      return error("is a big-endian GGUF file, which is not supported");
    }
    if (*magic != kMagic) return not_gguf();
    const auto version = reader_.read<std::uint32_t>();
    if (!version) return truncated("the header");
    if (*version == 1) return error("is a GGUF file of version 1, expected version 2 or 3");
    if (*version != 2 && *version != 3) {
      if (*version != 0 && __builtin_bswap32(*version) <= 3) {
        return error("is a big-endian GGUF file, which is not supported");
      }
      return error("is a GGUF file of version {}, expected version 2 or 3", *version);
    }
    header_.version = *version;
    const auto tensors = reader_.read<std::uint64_t>();
    const auto keys = reader_.read<std::uint64_t>();
    if (!tensors || !keys) return truncated("the header");
    if (Status status = check_count(*keys, kSmallestKeyValue, kMostKeys, "metadata keys");
        !status) {
      return status;
    }
    if (Status status = check_count(*tensors, kSmallestTensor, kMostTensors, "tensors"); !status) {
      return status;
    }
    key_count_ = *keys;
    tensor_count_ = *tensors;
    return {};
  }

  Status check_count(std::uint64_t count, std::uint64_t smallest_bytes, std::uint64_t most,
                     std::string_view what) const {
    if (count > reader_.remaining() / smallest_bytes) {
      return error("says it has {} {}, more than its size allows", count, what);
    }
    if (count > most) return error("says it has {} {}, expected at most {}", count, what, most);
    return {};
  }

  Status read_metadata() {
    std::unordered_set<std::string_view, KeyedHash> seen;
    for (std::uint64_t i = 0; i < key_count_; ++i) {
      const auto key = reader_.read_string();
      if (!key) return truncated(fmt::format("metadata key {} of {}", i + 1, key_count_));
      if (!is_name(*key, kLongestKey)) {
        return error("metadata key {} of {} is not a valid name", i + 1, key_count_);
      }
      if (!seen.insert(*key).second) return error("metadata key {} occurs twice", *key);
      const auto type = reader_.read<std::uint32_t>();
      if (!type) return truncated(fmt::format("metadata key {}", *key));
      auto value = read_value(*key, *type);
      if (!value) return value.error();
      header_.metadata.push_back({*key, std::move(*value)});
    }
    return {};
  }

  template <class T, class Held>
  Result<Value> scalar(std::string_view key, ValueType type) {
    const auto value = reader_.read<T>();
    if (!value) return truncated(fmt::format("metadata key {}", key));
    return Value{type, static_cast<Held>(*value)};
  }

  Result<Value> read_value(std::string_view key, std::uint32_t type_id) {
    if (type_id > static_cast<std::uint32_t>(ValueType::kFloat64)) {
      return error("metadata key {} has the unknown value type {}", key, type_id);
    }
    const auto type = static_cast<ValueType>(type_id);
    switch (type) {
      case ValueType::kUint8:
        return scalar<std::uint8_t, std::int64_t>(key, type);
      case ValueType::kInt8:
        return scalar<std::int8_t, std::int64_t>(key, type);
      case ValueType::kUint16:
        return scalar<std::uint16_t, std::int64_t>(key, type);
      case ValueType::kInt16:
        return scalar<std::int16_t, std::int64_t>(key, type);
      case ValueType::kUint32:
        return scalar<std::uint32_t, std::int64_t>(key, type);
      case ValueType::kInt32:
        return scalar<std::int32_t, std::int64_t>(key, type);
      case ValueType::kUint64:
      case ValueType::kInt64:
        return scalar<std::int64_t, std::int64_t>(key, type);
      case ValueType::kFloat32:
        return scalar<float, double>(key, type);
      case ValueType::kFloat64:
        return scalar<double, double>(key, type);
      case ValueType::kBool:
        return read_bool(key);
      case ValueType::kString:
        return read_string_value(key);
      case ValueType::kArray:
        return read_array(key);
    }
    return error("metadata key {} has an unknown value type", key);
  }

  Result<Value> read_bool(std::string_view key) {
    const auto value = reader_.read<std::uint8_t>();
    if (!value) return truncated(fmt::format("metadata key {}", key));
    if (*value > 1) return error("metadata key {} is {}, expected a boolean, 0 or 1", key, *value);
    return Value{ValueType::kBool, *value == 1};
  }

  Result<Value> read_string_value(std::string_view key) {
    const auto text = reader_.read_string();
    if (!text) return truncated(fmt::format("the string of metadata key {}", key));
    if (text->size() > kLongestText) return too_long(key, *text);
    return Value{ValueType::kString, *text};
  }

  Result<Value> read_array(std::string_view key) {
    const auto type_id = reader_.read<std::uint32_t>();
    const auto count = reader_.read<std::uint64_t>();
    if (!type_id || !count) return truncated(fmt::format("the array of metadata key {}", key));
    if (*type_id > static_cast<std::uint32_t>(ValueType::kFloat64)) {
      return error("metadata key {} is an array of the unknown value type {}", key, *type_id);
    }
    const auto type = static_cast<ValueType>(*type_id);
    if (type == ValueType::kArray) {
      return error("metadata key {} is an array of arrays, which is not supported", key);
    }
    if (type == ValueType::kString) return read_strings(key, *count);
    const auto size = checked_multiply(*count, value_type_size(type));
    const auto bytes = size ? reader_.read_bytes(*size) : std::nullopt;
    if (!bytes) return truncated(fmt::format("the array of metadata key {}", key));
    if (*count > kMostNumbers - number_count_) {
      return error(
          "metadata key {} has an array of {} numbers after {} in others, expected at most {}", key,
          *count, number_count_, kMostNumbers);
    }
    number_count_ += *count;
    return Value{ValueType::kArray, Array(type, static_cast<std::size_t>(*count), *bytes)};
  }

  Result<Value> read_strings(std::string_view key, std::uint64_t count) {
    if (count > reader_.remaining() / sizeof(std::uint64_t)) {
      return truncated(fmt::format("the array of metadata key {}", key));
    }
    string_count_ += count;
    if (string_count_ > kMostStrings) {
      return error("metadata key {} brings the strings in arrays to {}, expected at most {}", key,
                   string_count_, kMostStrings);
    }
    std::vector<std::string_view> strings;
    strings.reserve(static_cast<std::size_t>(count));
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto text = reader_.read_string();
      if (!text) return truncated(fmt::format("the array of metadata key {}", key));
      if (text->size() > kLongestText) return too_long(key, *text);
      strings.push_back(*text);
    }
    return Value{ValueType::kArray, Array(std::move(strings))};
  }

  Status read_alignment() {
    header_.alignment = kDefaultAlignment;
    for (const KeyValue& item : header_.metadata) {
      if (item.key != "general.alignment") continue;
      const auto* value = std::get_if<std::int64_t>(&item.value.data);
      if (!value) {
        return error("metadata key general.alignment is of type {}, expected an integer",
                     value_type_name(item.value.type));
      }
      const auto alignment = static_cast<std::uint64_t>(*value);
      if (alignment == 0 || alignment > kLargestAlignment || (alignment & (alignment - 1)) != 0) {
        return error("metadata key general.alignment is {}, expected a power of two up to {}",
                     *value, kLargestAlignment);
      }
      header_.alignment = alignment;
    }
    return {};
  }

  Status read_tensors() {
    std::unordered_set<std::string_view, KeyedHash> seen;
    for (std::uint64_t i = 0; i < tensor_count_; ++i) {
      const auto name = reader_.read_string();
      if (!name) return truncated(fmt::format("tensor {} of {}", i + 1, tensor_count_));
      if (!is_name(*name, kLongestTensorName)) {
        return error("tensor {} of {} has no valid name of at most {} bytes", i + 1, tensor_count_,
                     kLongestTensorName);
      }
      if (!seen.insert(*name).second) return error("tensor {} occurs twice", *name);
      if (Status status = read_tensor(*name); !status) return status;
    }
    return {};
  }

  Status read_tensor(std::string_view name) {
    Tensor tensor{name, nullptr, 0, {1, 1, 1, 1}, {}};
    const auto dimensions = reader_.read<std::uint32_t>();
    if (!dimensions) return truncated(fmt::format("the description of tensor {}", name));
    if (*dimensions < 1 || *dimensions > kMostDimensions) {
      return error("tensor {} has {} dimensions, expected 1 to {}", name, *dimensions,
                   kMostDimensions);
    }
    tensor.dimensions = static_cast<int>(*dimensions);
    std::uint64_t elements = 1;
    for (int d = 0; d < tensor.dimensions; ++d) {
      const auto extent = reader_.read<std::uint64_t>();
      if (!extent) return truncated(fmt::format("the description of tensor {}", name));
      const auto product = checked_multiply(elements, *extent);
      if (*extent == 0 || !product || *product > kMostElements) {
        return error("tensor {} has an impossible dimension of {}", name, *extent);
      }
      elements = *product;
      tensor.shape[d] = static_cast<std::int64_t>(*extent);
    }
    const auto type = reader_.read<std::uint32_t>();
    const auto offset = reader_.read<std::uint64_t>();
    if (!type || !offset) return truncated(fmt::format("the description of tensor {}", name));
    tensor.format = find_format(static_cast<TensorType>(*type));
    if (!tensor.format) return unknown_type(name, *type);
    if (tensor.shape[0] % tensor.format->block_elements != 0) {
      return error("tensor {} has rows of {} values, expected a multiple of {} for type {}", name,
                   tensor.shape[0], tensor.format->block_elements, tensor.format->name);
    }
    if (*offset % header_.alignment != 0) {
      return error("tensor {} begins at offset {}, expected a multiple of {}", name, *offset,
                   header_.alignment);
    }
    header_.tensors.push_back(tensor);
    header_.tensor_offsets.push_back(*offset);
    return {};
  }

  Error unknown_type(std::string_view name, std::uint32_t type) const {
    const std::string_view removed = removed_format_name(type);
    if (!removed.empty()) {
      return error("tensor {} has type {} ({}), which was removed from GGUF", name, type, removed);
    }
    return error("tensor {} has the unknown type {}{}", name, type,
                 is_of_ik_llama(type) ? ", one of ik_llama.cpp's own" : "");
  }

  // Every tensor's bytes must lie inside the file and be its own.
  Status place_tensors() {
    const auto data = checked_align_up(reader_.position(), header_.alignment);
    header_.data_offset = *data;  // a position in memory: cannot overflow
    for (std::size_t i = 0; i < header_.tensors.size(); ++i) {
      const Tensor& tensor = header_.tensors[i];
      const auto blocks =
          static_cast<std::uint64_t>(tensor.elements() / tensor.format->block_elements);
      const auto size =
          checked_multiply(blocks, static_cast<std::uint64_t>(tensor.format->block_bytes));
      const auto begin = checked_add(header_.data_offset, header_.tensor_offsets[i]);
      const auto end = size && begin ? checked_add(*begin, *size) : std::nullopt;
      if (!end || *end > total_size_) {
        return error(
            "tensor {} {} ends beyond the end of the file ({} bytes): it is cut or damaged",
            tensor.name, tensor.shape_text(), total_size_);
      }
    }
    return check_overlaps();
  }

  Status check_overlaps() const {
    std::vector<std::size_t> order(header_.tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return header_.tensor_offsets[i]; });
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Tensor& tensor = header_.tensors[order[i]];
      const std::uint64_t begin = header_.tensor_offsets[order[i]];
      if (begin < end) {
        return error("tensors {} and {} overlap", header_.tensors[order[i - 1]].name, tensor.name);
      }
      end = begin + static_cast<std::uint64_t>(tensor.format->size_bytes(tensor.elements()));
    }
    return {};
  }

  const std::span<const std::byte> bytes_;
  ByteReader reader_;
  std::uint64_t total_size_;
  std::string_view name_;
  std::uint64_t key_count_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t string_count_ = 0;
  std::uint64_t number_count_ = 0;
  Header header_{};
};

}  // namespace

Result<Header> parse_header(std::span<const std::byte> header, std::uint64_t total_size_bytes,
                            std::string_view name) {
  return HeaderParser(header, total_size_bytes, name).parse();
}

std::string Tensor::shape_text() const {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.begin() + dimensions, ", "));
}

}  // namespace linnet::gguf
