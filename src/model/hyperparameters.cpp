#include "model/hyperparameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace linnet {
Hyperparameters::Hyperparameters(const gguf::File& file) : file_(file) {
  const auto name = take(file.string("general.architecture"));
  if (name) {
    architecture_ = *name;
  } else {
    fail("missing metadata key general.architecture");
  }
}

void Hyperparameters::fail(std::string message) {
  if (!error_) error_ = Error{fmt::format("{}: {}", file_.path().string(), message)};
}

Status Hyperparameters::status() const {
  if (error_) return *error_;
  return {};
}

std::string Hyperparameters::full(std::string_view key) const {
  if (key.starts_with('.')) return std::string(key.substr(1));
  return fmt::format("{}.{}", architecture_, key);
}

template <class T>
std::optional<T> Hyperparameters::take(Result<std::optional<T>> value) {
  if (value) return *value;
  if (!error_) error_ = value.error();
  return std::nullopt;
}

bool Hyperparameters::has(std::string_view key) const { return file_.find(full(key)) != nullptr; }

bool Hyperparameters::has_array(std::string_view key) const {
  const gguf::Value* value = file_.find(full(key));
  return value != nullptr && value->type == gguf::ValueType::kArray;
}

int Hyperparameters::required_count(std::string_view key, std::int64_t most) {
  most = std::min(most, kLargestCount);
  const auto value = take(file_.integer(full(key)));
  if (!value) {
    fail(fmt::format("missing metadata key {}", full(key)));
    return 1;
  }
  if (*value < 1 || *value > most) {
    fail(fmt::format("metadata key {} is {}, expected 1 to {}", full(key), *value, most));
    return 1;
  }
  return static_cast<int>(*value);
}

int Hyperparameters::count(std::string_view key, std::int64_t fallback, std::int64_t most) {
  most = std::min(most, kLargestCount);
  const auto value = take(file_.integer(full(key)));
  if (!value || *value == 0) return static_cast<int>(fallback);
  if (*value < 0 || *value > most) {
    fail(fmt::format("metadata key {} is {}, expected 0 to {}", full(key), *value, most));
    return static_cast<int>(fallback);
  }
  return static_cast<int>(*value);
}

int Hyperparameters::layer_count(std::string_view key, int layer, std::int64_t fallback,
                                 std::int64_t most) {
  if (!has_array(key)) return count(key, fallback, most);
  most = std::min(most, kLargestCount);
  const auto& array = std::get<gguf::Array>(file_.find(full(key))->data);
  if (!array.is_integer() || static_cast<std::size_t>(layer) >= array.size()) {
    fail(fmt::format("metadata key {} must be an integer or have one for each layer", full(key)));
    return static_cast<int>(fallback);
  }
  const std::int64_t element = array.integer(layer);
  if (element >= 0 && element <= most) return static_cast<int>(element);
  fail(fmt::format("metadata key {} is {} for layer {}, expected 0 to {}", full(key), element,
                   layer, most));
  return static_cast<int>(fallback);
}

int Hyperparameters::required_layer_count(std::string_view key, int layer, std::int64_t most) {
  if (!has_array(key)) return required_count(key, most);
  const int value = layer_count(key, layer, 1, most);
  if (value > 0) return value;
  fail(fmt::format("metadata key {} is 0 for layer {}, expected 1 to {}", full(key), layer, most));
  return 1;
}

std::size_t Hyperparameters::array_size(std::string_view key) const {
  const gguf::Value* value = file_.find(full(key));
  const auto* const array = value ? std::get_if<gguf::Array>(&value->data) : nullptr;
  return array ? array->size() : 0;
}

std::vector<std::int64_t> Hyperparameters::elements(std::string_view key, int count,
                                                    std::int64_t most) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  const gguf::Value* value = file_.find(full(key));
  const auto* const array = value ? std::get_if<gguf::Array>(&value->data) : nullptr;
  const bool has_integers = array && array->is_integer();
  const std::size_t found = has_integers ? array->size() : 0;
  if (!has_integers || found < numbers.size()) {
    fail(fmt::format("metadata key {} has {} integers, expected {}", full(key), found, count));
    return numbers;
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::int64_t number = array->integer(i);
    if (number >= 0 && number <= most) {
      numbers[i] = number;
    } else {
      fail(fmt::format("metadata key {} has {}, expected 0 to {}", full(key), number, most));
    }
  }
  return numbers;
}

float Hyperparameters::number(std::string_view key, float fallback) {
  const auto value = take(file_.number(full(key)));
  if (!value) return fallback;
  if (!std::isfinite(static_cast<float>(*value))) {
    fail(fmt::format("metadata key {} is {}, expected a finite number", full(key), *value));
    return fallback;
  }
  return static_cast<float>(*value);
}

float Hyperparameters::layer_number(std::string_view key, int layer, float fallback) {
  if (!has_array(key)) return number(key, fallback);
  const auto& array = std::get<gguf::Array>(file_.find(full(key))->data);
  if (!array.is_number() || static_cast<std::size_t>(layer) >= array.size()) {
    fail(fmt::format("metadata key {} must be a number or have one for each layer", full(key)));
    return fallback;
  }
  const auto element = static_cast<float>(array.number(layer));
  if (std::isfinite(element)) return element;
  fail(fmt::format("metadata key {} is {} for layer {}, expected a finite number", full(key),
                   element, layer));
  return fallback;
}

float Hyperparameters::nonzero_number(std::string_view key, float fallback) {
  const float value = number(key, fallback);
  return value == 0.0f ? fallback : value;
}

float Hyperparameters::positive_number(std::string_view key, float fallback) {
  const float value = nonzero_number(key, fallback);
  if (value >= 0.0f) return value;
  fail(fmt::format("metadata key {} is {}, expected 0 or more", full(key), value));
  return fallback;
}

bool Hyperparameters::boolean(std::string_view key, bool fallback) {
  return take(file_.boolean(full(key))).value_or(fallback);
}

std::string Hyperparameters::string(std::string_view key, std::string_view fallback) {
  return std::string(take(file_.string(full(key))).value_or(fallback));
}

}  // namespace linnet
