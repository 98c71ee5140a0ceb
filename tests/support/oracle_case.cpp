#include "support/oracle_case.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/splitmix64.hpp"
#include "formats/format.hpp"
#include "gguf/gguf_writer.hpp"
#include "support/golden_files.hpp"
#include "support/paths.hpp"

namespace linnet::test {
namespace {

// A function: tests list the cases before main() begins.
std::filesystem::path oracle_folder() { return in_repository("tests/data/architectures"); }

gguf::ValueType value_type(const std::string& name) {
  static const std::map<std::string, gguf::ValueType> types = {
      {"uint8", gguf::ValueType::kUint8},     {"int8", gguf::ValueType::kInt8},
      {"uint16", gguf::ValueType::kUint16},   {"int16", gguf::ValueType::kInt16},
      {"uint32", gguf::ValueType::kUint32},   {"int32", gguf::ValueType::kInt32},
      {"float32", gguf::ValueType::kFloat32}, {"bool", gguf::ValueType::kBool},
      {"string", gguf::ValueType::kString},   {"uint64", gguf::ValueType::kUint64},
      {"int64", gguf::ValueType::kInt64},     {"float64", gguf::ValueType::kFloat64}};
  return types.at(name);
}

void add_metadata(gguf::Writer& writer, const std::string& key,
                  const nlohmann::ordered_json& item) {
  const bool is_array = item["type"] == "array";
  const gguf::ValueType type = value_type(is_array ? item["of"] : item["type"]);
  const auto& value = item["value"];
  const bool is_float = type == gguf::ValueType::kFloat32 || type == gguf::ValueType::kFloat64;
  if (is_array) {
    if (type == gguf::ValueType::kString) {
      writer.add_strings(key, value.get<std::vector<std::string>>());
    } else if (is_float) {
      writer.add_numbers(key, type, value.get<std::vector<double>>());
    } else {
      std::vector<std::int64_t> integers;
      for (const auto& element : value) {
        integers.push_back(element.is_boolean() ? element.get<bool>()
                                                : element.get<std::int64_t>());
      }
      writer.add_integers(key, type, integers);
    }
  } else if (type == gguf::ValueType::kString) {
    writer.add_string(key, value.get<std::string>());
  } else if (type == gguf::ValueType::kBool) {
    writer.add_bool(key, value);
  } else if (is_float) {
    writer.add_number(key, type, value);
  } else {
    writer.add_integer(key, type, value);
  }
}

// The values, rounded, as the bytes of 32-bit integers.
std::vector<std::byte> as_integers(const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(std::int32_t));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto integer = static_cast<std::int32_t>(std::nearbyint(values[i]));
    std::memcpy(bytes.data() + i * sizeof integer, &integer, sizeof integer);
  }
  return bytes;
}

}  // namespace

std::vector<std::string> oracle_case_names() { return case_names(oracle_folder()); }

OracleCase OracleCase::read(const std::string& name) {
  return {read_json(oracle_folder() / (name + ".json"))};
}

std::vector<std::int32_t> OracleCase::tokens() const { return json["tokens"]; }

std::vector<std::int32_t> OracleCase::input() const {
  return json.value("input", std::vector<std::int32_t>{});
}

std::int64_t OracleCase::vocabulary() const { return json["vocab"]; }

std::map<int, std::vector<float>> OracleCase::logits() const {
  std::map<int, std::vector<float>> result;
  for (const auto& [position, row] : json["logits"].items()) {
    row.get_to(result[std::stoi(position)]);
  }
  return result;
}

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  return hash;
}

float weight_element(std::uint64_t start, std::uint64_t i, double centre, double amplitude) {
  const std::uint64_t random = spread_bits(start + i + kSplitMixStep);
  const double unit = static_cast<double>(random >> 40) / 16777216.0;
  return static_cast<float>(centre + amplitude * (2.0 * unit - 1.0));
}

Status OracleCase::write(const std::filesystem::path& path) const {
  gguf::Writer writer;
  for (const auto& [key, item] : json["metadata"].items()) add_metadata(writer, key, item);
  for (const auto& tensor : json["tensors"]) {
    writer.add_tensor(tensor["name"].get<std::string>(),
                      *find_format(tensor["type"].get<std::string>()),
                      tensor["shape"].get<std::vector<std::int64_t>>());
  }
  return writer.write(path, [&](std::size_t index, const gguf::Writer::Sink& sink) {
    const auto& tensor = json["tensors"][index];
    if (tensor.contains("values")) {
      const auto integers = tensor["values"].get<std::vector<std::int64_t>>();
      return sink(std::as_bytes(std::span(integers)));
    }
    const std::uint64_t start =
        fnv1a(tensor["name"]) ^ (json["seed"].get<std::uint64_t>() * 0x9e3779b97f4a7c15u);
    std::int64_t count = 1;
    for (const std::int64_t dimension : tensor["shape"]) count *= dimension;
    const double centre = tensor["centre"], amplitude = tensor["amplitude"];
    std::vector<float> values(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      values[i] = weight_element(start, i, centre, amplitude);
    }
    const Format& format = *find_format(tensor["type"].get<std::string>());
    if (format.type == TensorType::kI32) return sink(as_integers(values));
    std::vector<std::byte> bytes(static_cast<std::size_t>(format.size_bytes(count)));
    format.quantize(values.data(), bytes.data(), count);
    return sink(bytes);
  });
}

double largest_error(std::string_view name) {
  if (name == "gemma3n-dense") return 1e-5;
  // In its dense layer llama.cpp's flash attention rounds to half precision.
  if (name == "minimax-m3-own") return 1e-6;
  return 1e-7;
}

}  // namespace linnet::test
