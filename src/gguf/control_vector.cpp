#include "gguf/control_vector.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "gguf/added_values.hpp"
#include "gguf/tensor_values.hpp"

namespace linnet::gguf {
namespace {

// 7 for "direction.7".
std::optional<std::int64_t> layer_of_direction(std::string_view name) {
  constexpr std::string_view kDirection = "direction.";
  if (!name.starts_with(kDirection)) return {};
  name.remove_prefix(kDirection.size());
  std::int64_t layer = 0;
  const char* const last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data(), last, layer);
  return error == std::errc() && end == last ? std::optional(layer) : std::nullopt;
}

}  // namespace

Result<ControlVector> ControlVector::open(const std::filesystem::path& path, std::int64_t layers,
                                          std::int64_t width, float strength) {
  auto file = File::open(path);
  if (!file) return file.error();
  ControlVector vector(std::move(*file), strength);
  const auto architecture = vector.file_.string("general.architecture");
  if (!architecture || architecture->value_or("") != "controlvector") {
    return Error{
        fmt::format("{}: is no control vector: general.architecture is \"{}\", expected "
                    "\"controlvector\"",
                    path.string(), architecture ? architecture->value_or("") : "")};
  }
  if (Status status = vector.find_directions(layers, width); !status) {
    return Error{fmt::format("{}: {}", path.string(), status.error().message)};
  }
  return vector;
}

Status ControlVector::find_directions(std::int64_t layers, std::int64_t width) {
  for (const Tensor& tensor : file_.tensors()) {
    const auto layer = layer_of_direction(tensor.name);
    if (!layer || *layer < 1) {
      return Error{fmt::format("tensor {} is no direction of a layer from 1 on", tensor.name)};
    }
    if (*layer >= layers) continue;
    const bool is_row = tensor.shape[0] == width && tensor.elements() == width;
    if (!is_row || tensor.format->type != TensorType::kF32) {
      return Error{fmt::format("tensor {} is {} of shape {}, expected F32 of [{}]", tensor.name,
                               tensor.format->name, tensor.shape_text(), width)};
    }
    if (!can_be_added(values_of(tensor), strength_)) {
      return Error{
          fmt::format("tensor {} holds, times its scale, a value that is not finite or beyond {:g}",
                      tensor.name, kLargestAddedValue)};
    }
    if (!directions_.emplace(*layer, &tensor).second) {
      return Error{fmt::format("tensor {} is a second direction of layer {}", tensor.name, *layer)};
    }
  }
  if (!directions_.empty()) return {};
  if (file_.tensors().empty()) return Error{"has no tensors"};
  return Error{fmt::format(
      "has no direction of a layer from 1 on of the model, which has {} layers", layers)};
}

}  // namespace linnet::gguf
