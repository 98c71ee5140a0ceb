#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "gguf/gguf_file.hpp"
#include "linnet/npy.hpp"
#include "linnet/subcommand.hpp"

namespace linnet::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownElements = 6;
constexpr std::size_t kShownCharacters = 100;

struct Options {
  std::string gguf;
  std::string tensor;
  std::string npy;
  bool json = false;
};

Json element_json(const gguf::Array& array, std::size_t i) {
  if (array.is_string()) return array.string(i);
  if (array.is_integer()) return array.integer(i);
  return array.number(i);
}

Json array_json(const gguf::Array& array) {
  Json shown = Json::array();
  for (std::size_t i = 0; i < std::min(array.size(), kShownElements); ++i) {
    shown.push_back(element_json(array, i));
  }
  if (array.size() <= kShownElements) return shown;
  return {{"count", array.size()}, {"first", shown}};
}

Json value_json(const gguf::Value& value) {
  return std::visit(
      [](const auto& data) -> Json {
        using T = std::decay_t<decltype(data)>;
        if constexpr (std::is_same_v<T, gguf::Array>) {
          return array_json(data);
        } else {
          return data;
        }
      },
      value.data);
}

std::string shortened(std::string text) {
  if (text.size() <= kShownCharacters) return text;
  std::size_t end = kShownCharacters;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;  // not inside a UTF-8 character
  return text.substr(0, end) + "...";
}

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json tensor_json(const gguf::Tensor& tensor) {
  const auto shape = std::vector(tensor.shape.begin(), tensor.shape.begin() + tensor.dimensions);
  return {{"name", tensor.name},
          {"type", tensor.format->name},
          {"shape", shape},
          {"size_bytes", tensor.bytes.size()}};
}

void print_json(const gguf::File& file) {
  Json metadata = Json::object();
  // Keys are unique (the reader checks), so pushing them one behind the other is safe and linear.
  auto& entries = metadata.get_ref<Json::object_t&>();
  for (const gguf::KeyValue& item : file.metadata()) {
    static_cast<std::vector<std::pair<const std::string, Json>>&>(entries).emplace_back(
        std::string(item.key), value_json(item.value));
  }
  Json tensors = Json::array();
  for (const gguf::Tensor& tensor : file.tensors()) tensors.push_back(tensor_json(tensor));
  fmt::print("{}\n", dumped({{"file", file.path().string()},
                             {"version", file.version()},
                             {"size_bytes", file.size_bytes()},
                             {"metadata", metadata},
                             {"tensors", tensors}}));
}

void print_text(const gguf::File& file) {
  fmt::print("{}: GGUF version {}, {} bytes, {} metadata keys, {} tensors\n\n",
             file.path().string(), file.version(), file.size_bytes(), file.metadata().size(),
             file.tensors().size());
  for (const gguf::KeyValue& item : file.metadata()) {
    fmt::print("{:<44} {:<8} {}\n", item.key, gguf::value_type_name(item.value.type),
               shortened(dumped(value_json(item.value))));
  }
  fmt::print("\n");
  for (const gguf::Tensor& tensor : file.tensors()) {
    fmt::print("{:<44} {:<8} {:<24} {:>12} bytes\n", tensor.name, tensor.format->name,
               tensor.shape_text(), tensor.bytes.size());
  }
}

Status write_tensor(const gguf::File& file, const Options& options) {
  const gguf::Tensor* tensor = file.find_tensor(options.tensor);
  if (!tensor) {
    return Error{fmt::format("{}: there is no tensor {}", file.path().string(), options.tensor)};
  }
  if (!options.npy.empty()) {
    std::vector<float> values(static_cast<std::size_t>(tensor->elements()));
    tensor->format->dequantize(tensor->bytes.data(), values.data(), tensor->elements());
    std::vector<std::int64_t> shape(tensor->shape.begin(),
                                    tensor->shape.begin() + tensor->dimensions);
    std::reverse(shape.begin(), shape.end());
    return write_npy(options.npy, values, shape);
  }
  std::vector<float> row(static_cast<std::size_t>(tensor->shape[0]));
  const std::int64_t row_bytes = tensor->format->size_bytes(tensor->shape[0]);
  for (std::int64_t r = 0; r < tensor->elements() / tensor->shape[0]; ++r) {
    tensor->format->dequantize(tensor->bytes.data() + r * row_bytes, row.data(), tensor->shape[0]);
    for (std::size_t i = 0; i < row.size(); ++i) fmt::print("{}{:.9g}", i ? " " : "", row[i]);
    fmt::print("\n");
  }
  return {};
}

Status run(const Options& options) {
  auto file = gguf::File::open(options.gguf);
  if (!file) return file.error();
  if (!options.tensor.empty()) return write_tensor(*file, options);
  options.json ? print_json(*file) : print_text(*file);
  return {};
}

}  // namespace

void add_inspect(CLI::App& parent, int& exit_status) {
  CLI::App* app =
      parent.add_subcommand("inspect", "Show what is in a GGUF file, without loading the model");
  auto options = std::make_shared<Options>();
  app->add_option("--gguf", options->gguf, "GGUF file")->required();
  app->add_option("--tensor", options->tensor, "print the values of this tensor, a row a line");
  app->add_option("--npy", options->npy, "write them to this NumPy file instead, as float32");
  app->add_flag("--json", options->json, "print one JSON object");
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
