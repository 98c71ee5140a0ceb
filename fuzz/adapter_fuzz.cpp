// What is read beside a model: LoRA adapters, control vectors and importance matrices of any
// header. A refused file gives a sentence; what fits the model is applied to all of its matrices.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gguf/control_vector.hpp"
#include "gguf/gguf_writer.hpp"
#include "gguf/tensor_values.hpp"
#include "header_file.hpp"
#include "quantize/importance.hpp"
#include "quantize/lora_product.hpp"

namespace linnet {
namespace {

using fuzz::require;

constexpr std::int64_t kLayers = 3, kWidth = 8;  // that a control vector is for

gguf::File make_model() {
  gguf::Writer writer;
  const Format& f32 = *find_format(TensorType::kF32);
  writer.add_string("general.architecture", "llama");
  const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
    writer.add_tensor(name, f32, shape);
  };
  add("blk.0.attn_q.weight", {8, 6});
  add("blk.0.ffn_up_exps.weight", {8, 4, 3});
  add("blk.0.attn_k.weight", {8, 6});
  add("blk.0.attn_k.scale", {1});
  const std::filesystem::path path =
      "/dev/shm/linnet-fuzz-" + std::to_string(getpid()) + "-base.gguf";
  const auto zeros = [](std::size_t index, const gguf::Writer::Sink& sink) {
    constexpr std::size_t kElements[] = {48, 96, 48, 1};
    return sink(std::vector<std::byte>(kElements[index] * sizeof(float)));
  };
  require(writer.write(path, zeros).ok());
  auto file = gguf::File::open(path);
  require(file.ok());
  std::filesystem::remove(path);
  return std::move(*file);
}

// In parts that begin anywhere, as threads take them.
template <class Apply>
void in_parts(const gguf::Tensor& tensor, const Apply& apply) {
  constexpr std::int64_t kPart = 7;
  for (std::int64_t first = 0; first < tensor.elements(); first += kPart) {
    std::vector<float> values(std::min(kPart, tensor.elements() - first));
    apply(first, std::span(values));
  }
}

void apply(const gguf::Lora& lora, const gguf::File& model) {
  require(lora.matrices() > 0);
  require(gguf::largest_rank({&lora, 1}) > 0);
  constexpr std::int64_t kMostBytes = 64 << 20;
  for (const gguf::Tensor& tensor : model.tensors()) {
    if (!lora.find(tensor.name)) continue;
    const std::int64_t bytes = quantize::product_bytes(lora, tensor);
    require(bytes > 0);
    if (bytes > kMostBytes) continue;
    const quantize::LoraProduct product(lora, tensor);
    in_parts(tensor,
             [&](std::int64_t first, std::span<float> values) { product.add_to(first, values); });
  }
}

void apply(const gguf::ControlVector& vector) {
  require(!vector.directions().empty());
  for (const auto& [layer, tensor] : vector.directions()) {
    require(layer > 0 && layer < kLayers);
    require(std::ssize(gguf::values_of(*tensor)) == kWidth);
  }
}

void apply(const quantize::Importance& importance, const gguf::File& model) {
  require(importance.matrices() > 0);
  require(importance.unknown_to(model) <= static_cast<std::int64_t>(importance.matrices()));
  if (!importance.check_fits(model)) return;
  for (const gguf::Tensor& tensor : model.tensors()) {
    const auto* const squares = importance.find(tensor.name);
    if (!squares) continue;
    const quantize::ColumnWeights weights(*squares, tensor);
    in_parts(tensor, [&](std::int64_t first, std::span<float> values) {
      weights.fill(first, values);
      require(std::ranges::all_of(values, [](float v) { return std::isfinite(v) && v > 0.0f; }));
    });
  }
}

}  // namespace
}  // namespace linnet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet;
  static const gguf::File model = make_model();
  static fuzz::HeaderFile header("beside.gguf");
  header.put({data, size});
  const auto lora = gguf::Lora::open(header.path(), model, 0.5f);
  if (lora) apply(*lora, model);
  if (!lora) header.require_named(lora.error());
  const auto vector = gguf::ControlVector::open(header.path(), kLayers, kWidth, -1.5f);
  if (vector) apply(*vector);
  if (!vector) header.require_named(vector.error());
  const auto importance = quantize::Importance::read(header.path());
  if (importance) apply(*importance, model);
  if (!importance) header.require_named(importance.error());
  return 0;
}
