#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/utf8.hpp"
#include "chat/json_text.hpp"
#include "gguf/gguf_file.hpp"
#include "linnet/npy.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/options/output_path.hpp"
#include "linnet/options/override_option.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/interrupt_catcher.hpp"

namespace linnet::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownElements = 6;
constexpr std::size_t kLongestText = 1 << 20;  // that is shown whole to a program
constexpr std::size_t kShownText = 256;        // for people, of whom a line is for less
constexpr std::size_t kOutputBytes = 1 << 16;  // that are written together

struct Options {
  ModelSource source;
  std::vector<std::string> overrides;
  std::string tensor;
  std::string npy;
  bool json = false;
};

// How a text of the file becomes JSON, which may be many times as long.
using TextJson = Json (*)(std::string_view text);

Json for_programs(std::string_view text) {
  if (text.size() <= kLongestText) return text;
  return {{"bytes", text.size()}, {"first", text.substr(0, kShownText)}};
}
Json for_people(std::string_view text) { return text.substr(0, kShownText); }

Json integer_json(gguf::ValueType type, std::int64_t value) {
  if (type == gguf::ValueType::kUint64) return static_cast<std::uint64_t>(value);
  return value;
}

Json element_json(const gguf::Array& array, std::size_t i, TextJson text_json) {
  if (array.is_string()) return text_json(array.string(i));
  if (array.element_type() == gguf::ValueType::kBool) return array.integer(i) != 0;
  if (array.is_integer()) return integer_json(array.element_type(), array.integer(i));
  return array.number(i);
}

Json array_json(const gguf::Array& array, TextJson text_json) {
  Json shown = Json::array();
  for (std::size_t i = 0; i < std::min(array.size(), kShownElements); ++i) {
    shown.push_back(element_json(array, i, text_json));
  }
  if (array.size() <= kShownElements) return shown;
  return {{"count", array.size()}, {"first", shown}};
}

Json value_json(const gguf::Value& value, TextJson text_json) {
  return std::visit(
      [type = value.type, text_json](const auto& data) -> Json {
        using T = std::decay_t<decltype(data)>;
        if constexpr (std::is_same_v<T, gguf::Array>) {
          return array_json(data, text_json);
        } else if constexpr (std::is_same_v<T, std::string_view>) {
          return text_json(data);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return integer_json(type, data);
        } else {
          return data;
        }
      },
      value.data);
}

// A terminal is not to be steered by what a file says: for programs, control characters are written
// as JSON escapes, for people as '?'.
std::string one_line(const Json& json) { return printable(shortened(json_text(json))); }

Json tensor_json(const gguf::Tensor& tensor) {
  const auto shape = std::vector(tensor.shape.begin(), tensor.shape.begin() + tensor.dimensions);
  return {{"name", tensor.name},
          {"type", tensor.format->name},
          {"shape", shape},
          {"size_bytes", tensor.bytes.size()}};
}

// Writes what is added to it, in large pieces.
class Output {
 public:
  void add(std::string_view text) {
    text_ += text;
    if (text_.size() >= kOutputBytes) flush();
  }
  Status finish() {
    flush();
    return status_;
  }

 private:
  void flush() {
    if (status_) status_ = write_output(text_);
    text_.clear();
  }

  std::string text_;
  Status status_;
};

// What the tensors are together.
Json summary_json(const gguf::File& file) {
  std::map<std::string_view, int> types;
  std::int64_t values = 0, size_bytes = 0;
  for (const gguf::Tensor& tensor : file.tensors()) {
    ++types[tensor.format->name];
    values += tensor.elements();
    size_bytes += std::ssize(tensor.bytes);
  }
  Json json = {
      {"values", values},
      {"bits_per_value",
       values > 0 ? 8.0 * static_cast<double>(size_bytes) / static_cast<double>(values) : 0.0},
      {"types", Json::object()}};
  for (const auto& [name, count] : types) json["types"][std::string(name)] = count;
  return json;
}

// Piece by piece: there may be very many of them.
Status print_json(const gguf::File& file) {
  Output output;
  Json head = {{"file", file.path().string()},
               {"version", file.version()},
               {"size_bytes", file.size_bytes()}};
  head.update(summary_json(file));
  std::string text = ascii_json_text(head);
  text.pop_back();
  output.add(text + ",\"metadata\":{");
  std::string_view comma;
  for (const gguf::KeyValue& item : file.metadata()) {
    output.add(fmt::format("{}{}:{}", comma, ascii_json_text(item.key),
                           ascii_json_text(value_json(item.value, for_programs))));
    comma = ",";
  }
  output.add("},\"tensors\":[");
  comma = {};
  for (const gguf::Tensor& tensor : file.tensors()) {
    output.add(fmt::format("{}{}", comma, ascii_json_text(tensor_json(tensor))));
    comma = ",";
  }
  output.add("]}\n");
  return output.finish();
}

std::string summary_line(const gguf::File& file) {
  const Json summary = summary_json(file);
  std::string types;
  for (const auto& [name, count] : summary["types"].items()) {
    types += fmt::format("{}{} {}", types.empty() ? "" : ", ", count.get<int>(), name);
  }
  return fmt::format("{}; {} values, {:.2f} bits a value\n", types,
                     summary["values"].get<std::int64_t>(),
                     summary["bits_per_value"].get<double>());
}

Status print_text(const gguf::File& file) {
  Output output;
  output.add(fmt::format("{}: GGUF version {}, {} bytes, {} metadata keys, {} tensors\n\n",
                         printable(file.path().string()), file.version(), file.size_bytes(),
                         file.metadata().size(), file.tensors().size()));
  for (const gguf::KeyValue& item : file.metadata()) {
    output.add(fmt::format("{:<44} {:<8} {}\n", printable(item.key),
                           gguf::value_type_name(item.value.type),
                           one_line(value_json(item.value, for_people))));
  }
  output.add("\n");
  for (const gguf::Tensor& tensor : file.tensors()) {
    output.add(fmt::format("{:<44} {:<8} {:<24} {:>12} bytes\n", printable(tensor.name),
                           tensor.format->name, tensor.shape_text(), tensor.bytes.size()));
  }
  if (!file.tensors().empty()) output.add("\n" + summary_line(file));
  return output.finish();
}

// Gives `take` the values in pieces that lie within a row, so that no tensor is too large. An Error
// if somebody cut or changed the file meanwhile.
Status for_each_piece(const gguf::File& file, const gguf::Tensor& tensor,
                      const std::function<Status(std::span<const float>, bool ends_row)>& take) {
  constexpr std::int64_t kPiece = 1 << 16;  // a multiple of every block
  std::vector<float> values(static_cast<std::size_t>(std::min(kPiece, tensor.shape[0])));
  const std::byte* bytes = tensor.bytes.data();
  for (std::int64_t row = 0; row < tensor.elements() / tensor.shape[0]; ++row) {
    for (std::int64_t column = 0; column < tensor.shape[0]; column += kPiece) {
      const std::int64_t count = std::min(kPiece, tensor.shape[0] - column);
      tensor.format->dequantize(bytes, values.data(), count);
      bytes += tensor.format->size_bytes(count);
      const auto piece = std::span(values).first(static_cast<std::size_t>(count));
      if (Status status = take(piece, column + count == tensor.shape[0]); !status) return status;
    }
  }
  return file.check_unchanged();
}

Status write_tensor(const gguf::File& file, const gguf::Tensor& tensor, const std::string& npy) {
  std::vector<std::int64_t> shape(tensor.shape.begin(), tensor.shape.begin() + tensor.dimensions);
  std::reverse(shape.begin(), shape.end());
  const InterruptCatcher catcher;
  auto writer = NpyWriter::create(npy, shape);
  if (!writer) return writer.error();
  const auto append = [&](std::span<const float> values, bool) -> Status {
    if (catcher.is_interrupted()) return stopped(npy);
    return writer->append(values);
  };
  if (Status status = for_each_piece(file, tensor, append); !status) return status;
  return writer->finish();
}

Status print_tensor(const gguf::File& file, const gguf::Tensor& tensor) {
  return for_each_piece(file, tensor, [](std::span<const float> values, bool ends_row) {
    std::string text;
    for (const float value : values) text += fmt::format("{:.9g} ", value);
    if (ends_row) text.back() = '\n';
    return write_output(text);
  });
}

Status run(const Options& options) {
  const auto path = find_model(options.source, Unfit::kWarn);
  if (!path) return path.error();
  auto file = gguf::File::open(*path, parse_overrides(options.overrides));
  if (!file) return file.error();
  if (options.tensor.empty()) return options.json ? print_json(*file) : print_text(*file);
  const gguf::Tensor* tensor = file->find_tensor(options.tensor);
  if (!tensor) {
    return Error{fmt::format("{}: there is no tensor {}", *path, options.tensor)};
  }
  if (options.npy.empty()) return print_tensor(*file, *tensor);
  if (Status s = check_replaces_no_input(options.npy, {*path}); !s) return s;
  return write_tensor(*file, *tensor, options.npy);
}

}  // namespace

void add_inspect(CLI::App& parent, int& exit_status) {
  CLI::App* app =
      parent.add_subcommand("inspect", "Show what is in a GGUF file, without loading the model");
  auto options = std::make_shared<Options>();
  const auto tensor = app->add_option("--tensor", options->tensor,
                                      "print the values of this tensor, one row per line");
  app->add_option("--npy", options->npy, "write them to this NumPy file instead, as float32")
      ->type_name("FILE")
      ->needs(tensor);
  app->add_flag("--json", options->json, "print one JSON object")->excludes(tensor);
  options->source.add_to(*app);
  add_override_option(*app, options->overrides)->group("Model");
  app->footer(
      "Examples:\n"
      "  linnet inspect --gguf model.gguf\n"
      "  linnet inspect --repo OWNER/NAME --gguf FILE --json\n"
      "  linnet inspect --gguf model.gguf --tensor output_norm.weight");
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
