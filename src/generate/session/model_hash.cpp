#include "generate/session/model_hash.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "base/hash.hpp"

namespace linnet {
namespace {

constexpr std::size_t kSampledBytes = 64;

template <class T>
void add_number(Hash64& hash, T value) {
  static_assert(std::is_arithmetic_v<T>);
  hash.add(std::as_bytes(std::span(&value, 1)));
}

void add_text(Hash64& hash, std::string_view text) {
  add_number(hash, text.size());
  hash.add(std::as_bytes(std::span(text)));
}

void add_array(Hash64& hash, const gguf::Array& array) {
  add_number(hash, array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (array.is_string()) {
      add_text(hash, array.string(i));
    } else if (array.is_integer()) {
      add_number(hash, array.integer(i));
    } else {
      add_number(hash, array.number(i));
    }
  }
}

void add_value(Hash64& hash, const gguf::Value& value) {
  add_number(hash, static_cast<std::uint32_t>(value.type));
  std::visit(
      [&](const auto& data) {
        using T = std::decay_t<decltype(data)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
          add_text(hash, data);
        } else if constexpr (std::is_same_v<T, gguf::Array>) {
          add_array(hash, data);
        } else {
          add_number(hash, data);
        }
      },
      value.data);
}

void add_file(Hash64& hash, const gguf::File& file, std::size_t most_tensor_bytes) {
  for (const auto& [key, value] : file.metadata()) {
    add_text(hash, key);
    add_value(hash, value);
  }
  for (const gguf::Tensor& tensor : file.tensors()) {
    add_text(hash, tensor.name);
    add_number(hash, static_cast<std::uint32_t>(tensor.format->type));
    for (const std::int64_t extent : tensor.shape) add_number(hash, extent);
    hash.add(tensor.bytes.first(std::min(tensor.bytes.size(), most_tensor_bytes)));
  }
}

// Adapters and control vectors.
void add_all(Hash64& hash, const auto& additions, std::size_t most_tensor_bytes) {
  for (const auto& addition : additions) {
    add_number(hash, addition.strength());
    add_file(hash, addition.file(), most_tensor_bytes);
  }
}

std::uint64_t hash(const ModelFile& model, std::size_t most_tensor_bytes) {
  Hash64 hash;
  add_file(hash, model.file(), most_tensor_bytes);
  add_all(hash, model.adapters(), most_tensor_bytes);
  add_all(hash, model.control_vectors(), most_tensor_bytes);
  return hash.value();
}

}  // namespace

std::uint64_t hash_model(const ModelFile& model) { return hash(model, SIZE_MAX); }

std::uint64_t sample_model(const ModelFile& model) { return hash(model, kSampledBytes); }

}  // namespace linnet
