#include "gguf/edit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "gguf/layout.hpp"

namespace linnet::gguf {
namespace {

using Given = decltype(Override::value);

struct IntegerRange {
  ValueType type;
  std::int64_t low, high;
};

template <class T>
constexpr IntegerRange range_of(ValueType type) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const bool is_wider = std::numeric_limits<T>::digits > std::numeric_limits<std::int64_t>::digits;
  return {type, static_cast<std::int64_t>(std::numeric_limits<T>::min()),
          is_wider ? kMost : static_cast<std::int64_t>(std::numeric_limits<T>::max())};
}

// The first three are those of new values.
constexpr IntegerRange kIntegers[] = {
    range_of<std::uint32_t>(ValueType::kUint32), range_of<std::int32_t>(ValueType::kInt32),
    range_of<std::int64_t>(ValueType::kInt64),   range_of<std::uint8_t>(ValueType::kUint8),
    range_of<std::int8_t>(ValueType::kInt8),     range_of<std::uint16_t>(ValueType::kUint16),
    range_of<std::int16_t>(ValueType::kInt16),   range_of<std::uint64_t>(ValueType::kUint64),
};

bool holds(const IntegerRange& range, std::int64_t value) {
  return value >= range.low && value <= range.high;
}

Error not_of_type(const Value& old, std::string_view value) {
  return Error{fmt::format("is of type {}, which can't be {}", value_type_name(old.type), value)};
}

// `old`: what was there before; null: nothing.
Result<Value> integer_value(std::int64_t value, const Value* old) {
  if (old && std::holds_alternative<double>(old->data)) {
    return Value{old->type, static_cast<double>(value)};
  }
  if (old && old->type == ValueType::kBool && (value == 0 || value == 1)) {
    return Value{old->type, value == 1};
  }
  const auto range = std::ranges::find_if(kIntegers, [&](const IntegerRange& one) {
    return old ? one.type == old->type : holds(one, value);
  });
  if (range != std::end(kIntegers) && holds(*range, value)) return Value{range->type, value};
  return not_of_type(*old, std::to_string(value));
}

Result<Value> number_value(double value, const Value* old) {
  const bool fits = std::abs(value) <= std::numeric_limits<float>::max();
  const ValueType usual = fits ? ValueType::kFloat32 : ValueType::kFloat64;
  const ValueType type = old ? old->type : usual;
  if (type == ValueType::kFloat64 || (type == ValueType::kFloat32 && fits)) {
    return Value{type, value};
  }
  return not_of_type(*old, fmt::format("{}", value));
}

Result<Value> bool_value(bool value, const Value* old) {
  if (!old || old->type == ValueType::kBool) return Value{ValueType::kBool, value};
  return not_of_type(*old, value ? "true" : "false");
}

// A view: `text` must stay where it is.
Result<Value> text_value(std::string_view text, const Value* old) {
  if (old && old->type != ValueType::kString) return not_of_type(*old, "a text");
  if (text.size() <= kLongestText) return Value{ValueType::kString, text};
  return Error{
      fmt::format("can't be a text of {} bytes, expected at most {}", text.size(), kLongestText)};
}

// A view: `given` must stay where it is.
Result<Value> changed_value(const Given& given, const Value* old) {
  if (old && std::holds_alternative<Array>(old->data)) return Error{"is a list"};
  if (const auto* integer = std::get_if<std::int64_t>(&given)) return integer_value(*integer, old);
  if (const auto* number = std::get_if<double>(&given)) return number_value(*number, old);
  if (const auto* boolean = std::get_if<bool>(&given)) return bool_value(*boolean, old);
  return text_value(std::get<std::string>(given), old);
}

Status apply(const MetadataChange& change, std::vector<KeyValue>& metadata) {
  if (change.key.empty()) return Error{"expected a metadata key, found an empty one"};
  if (!is_name(change.key, kLongestKey)) {
    return Error{fmt::format("metadata key {} is no line of text of at most {} bytes",
                             printable(shortened(change.key)), kLongestKey)};
  }
  const auto fail = [&](std::string_view what) {
    return Error{fmt::format("metadata key {} {}", change.key, what)};
  };
  if (says_the_layout(change.key)) return fail("says how the file is laid out");
  const auto found = std::ranges::find(metadata, change.key, &KeyValue::key);
  const bool is_there = found != metadata.end();
  if (!change.value) {
    if (!is_there) return fail("is not there");
    metadata.erase(found);
    return {};
  }
  auto value = changed_value(*change.value, is_there ? &found->value : nullptr);
  if (!value) return fail(value.error().message);
  if (is_there) {
    found->value = std::move(*value);
  } else {
    metadata.push_back({change.key, std::move(*value)});
  }
  return {};
}

}  // namespace

Status write_edited(const File& file, std::span<const MetadataChange> changes,
                    const std::filesystem::path& path, const CopyProgress& progress) {
  if (Status status = check_metadata_fits(file); !status) return status;
  std::vector<KeyValue> metadata(file.metadata().begin(), file.metadata().end());
  std::erase_if(metadata, [](const KeyValue& pair) { return pair.key.starts_with("split."); });
  for (const MetadataChange& change : changes) {
    if (Status status = apply(change, metadata); !status) {
      return Error{fmt::format("{}: {}", file.path().string(), status.error().message)};
    }
  }
  Writer writer;
  for (const KeyValue& pair : metadata) writer.add_value(pair.key, pair.value);
  return write_tensors(file, file.tensors(), std::move(writer), path,
                       advance_through(file, progress));
}

}  // namespace linnet::gguf
