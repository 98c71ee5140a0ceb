#include "encoder/encoder_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/checked.hpp"
#include "model/tensor_bytes.hpp"

namespace linnet {

bool has_encoder(const gguf::File& file, EncoderKind kind) {
  const std::string_view name = kind == EncoderKind::kVision ? "vision" : "audio";
  const auto has = file.boolean(fmt::format("clip.has_{}_encoder", name));
  return has && has->value_or(false);
}

namespace {

// Names of an encoder's tensors begin with one of these.
constexpr std::string_view kParts[] = {"v.", "a.", "mm.", "resampler.", "adapter."};

bool is_of_encoder(std::string_view name) {
  return std::ranges::any_of(kParts, [&](std::string_view part) {
    return name.starts_with(part) || part.starts_with(name);
  });
}

// Over squares. Experts have three dimensions, too.
bool is_convolution(const gguf::Tensor& tensor) {
  return tensor.dimensions > 2 && columns_dimension(tensor) == 0 &&
         tensor.name.find("_exps.") == tensor.name.npos;
}

}  // namespace

// A '*' would make a pattern of the name (WeightLoader::ignore).
std::vector<std::string> foreign_tensors(const gguf::File& file) {
  std::vector<std::string> names;
  for (const gguf::Tensor& tensor : file.tensors()) {
    if (is_of_encoder(tensor.name) || tensor.name.starts_with('*')) continue;
    names.emplace_back(tensor.name);
  }
  return names;
}

// Matrices count as the CPU packs them, a GPU takes about as much. Convolutions become F32, one
// after the other: its values as the file has them, and as they are multiplied, are there at once.
std::int64_t encoder_weight_bytes(const gguf::File& file, EncoderKind kind) {
  std::int64_t bytes = 0, largest_bytes = 0;
  for (const gguf::Tensor& tensor : file.tensors()) {
    const bool is_of_sounds = tensor.name.starts_with("a.") || tensor.name.starts_with("mm.a.");
    if (is_of_sounds != (kind == EncoderKind::kAudio) || !is_of_encoder(tensor.name)) continue;
    const std::int64_t as_f32_bytes =
        saturating_multiply(tensor.elements(), std::int64_t{sizeof(float)});
    bytes = saturating_add(bytes, is_convolution(tensor) ? as_f32_bytes : cpu_weight_bytes(tensor));
    if (is_convolution(tensor)) largest_bytes = std::max(largest_bytes, as_f32_bytes);
  }
  return saturating_add(bytes, saturating_multiply(2, largest_bytes));
}

Status check_rows_for(const ModelSpec& text, const gguf::File& file, std::string_view medium,
                      std::int64_t columns, std::int64_t deep) {
  const bool takes_any = text.takes_deepstack_of_encoder && text.deepstack_layers == 0 &&
                         deep <= std::ssize(text.layers);
  if (columns == text.width && (deep == text.deepstack_layers || takes_any)) return {};
  return Error{
      fmt::format("{}: its rows for {} have {} columns and {} extra layers, expected {} and {}: it "
                  "was made for another model",
                  file.path().string(), medium, columns, deep, text.width, text.deepstack_layers)};
}

}  // namespace linnet
