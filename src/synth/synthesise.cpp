#include "synth/synthesise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gguf/gguf_writer.hpp"
#include "synth/random_weights.hpp"
#include "synth/vocabulary.hpp"

namespace linnet::synth {
namespace {

struct TensorPlan {
  std::string name;
  const Format* format;
  std::vector<std::int64_t> shape;
  float deviation;  // of the weights; 0: all ones

  std::int64_t elements() const {
    std::int64_t product = 1;
    for (const std::int64_t extent : shape) product *= extent;
    return product;
  }
};

class Planner {
 public:
  Planner(const Shape& shape, const TypeMix& types) : shape_(shape), types_(types) {}

  std::vector<TensorPlan> plan() {
    const std::int64_t width = shape_.width;
    const MatrixUse embedding = shape_.tied_output ? MatrixUse::kHead : MatrixUse::kEmbedding;
    matrix("token_embd", type_of({embedding}), {width, shape_.vocabulary});
    for (int i = 0; i < shape_.layers; ++i) add_layer(i);
    ones("output_norm", width);
    if (!shape_.tied_output) {
      matrix("output", type_of({MatrixUse::kHead}), {width, shape_.vocabulary});
    }
    return std::move(tensors_);
  }

 private:
  const Format* type_of(MatrixPlace place) const {
    place.layers = shape_.layers;
    place.experts = static_cast<int>(shape_.experts);
    place.values_are_few = shape_.heads >= 4 * shape_.kv_heads;
    return types_.type_of(place);
  }

  void add_layer(int index) {
    const std::string prefix = fmt::format("blk.{}.", index);
    const std::int64_t width = shape_.width;
    const std::int64_t queries = shape_.heads * shape_.head_width;
    const std::int64_t keys = shape_.kv_heads * shape_.head_width;
    ones(prefix + "attn_norm", width);
    matrix(prefix + "attn_q", type_of({MatrixUse::kQueries, index}), {width, queries});
    matrix(prefix + "attn_k", type_of({MatrixUse::kKeys, index}), {width, keys});
    matrix(prefix + "attn_v", type_of({MatrixUse::kValues, index}), {width, keys});
    matrix(prefix + "attn_output", type_of({MatrixUse::kAttentionOutput, index}), {queries, width});
    if (shape_.head_norms != HeadNorms::kNone) {
      const bool each = shape_.head_norms == HeadNorms::kEachHead;
      ones(prefix + "attn_q_norm", each ? shape_.head_width : queries);
      ones(prefix + "attn_k_norm", each ? shape_.head_width : keys);
    }
    ones(prefix + "ffn_norm", width);
    add_ffn(prefix, index);
  }

  void add_ffn(const std::string& prefix, int index) {
    std::vector<std::int64_t> in = {shape_.width, shape_.ffn_width};
    std::vector<std::int64_t> out = {shape_.ffn_width, shape_.width};
    std::string_view suffix;
    if (shape_.experts > 0) {
      matrix(prefix + "ffn_gate_inp", find_format(TensorType::kF32),
             {shape_.width, shape_.experts});
      in.push_back(shape_.experts);
      out.push_back(shape_.experts);
      suffix = "_exps";
    }
    const bool of_experts = shape_.experts > 0;
    const Format* up =
        type_of({.use = MatrixUse::kUp, .layer = index, .is_of_experts = of_experts});
    const Format* down =
        type_of({.use = MatrixUse::kDown, .layer = index, .is_of_experts = of_experts});
    matrix(fmt::format("{}ffn_gate{}", prefix, suffix), up, in);
    matrix(fmt::format("{}ffn_up{}", prefix, suffix), up, in);
    matrix(fmt::format("{}ffn_down{}", prefix, suffix), down, out);
  }

  void matrix(const std::string& name, const Format* format, std::vector<std::int64_t> shape) {
    // Outputs about as large as inputs.
    const float deviation = 1.0f / std::sqrt(static_cast<float>(shape[0]));
    tensors_.push_back({name + ".weight", format, std::move(shape), deviation});
  }
  void ones(const std::string& name, std::int64_t width) {
    tensors_.push_back({name + ".weight", find_format(TensorType::kF32), {width}, 0.0f});
  }

  const Shape& shape_;
  const TypeMix& types_;
  std::vector<TensorPlan> tensors_;
};

void add_metadata(const Shape& shape, const TypeMix& types, gguf::Writer& writer) {
  using gguf::ValueType;
  const auto count = [&](std::string_view key, std::int64_t value) {
    writer.add_integer(fmt::format("{}.{}", shape.architecture, key), ValueType::kUint32, value);
  };
  const auto number = [&](std::string_view key, double value) {
    writer.add_number(fmt::format("{}.{}", shape.architecture, key), ValueType::kFloat32, value);
  };
  writer.add_string("general.architecture", shape.architecture);
  writer.add_string("general.name", fmt::format("{} {} (random weights)", shape.name, types.name));
  count("block_count", shape.layers);
  count("context_length", shape.context);
  count("embedding_length", shape.width);
  count("feed_forward_length", shape.ffn_width);
  count("attention.head_count", shape.heads);
  count("attention.head_count_kv", shape.kv_heads);
  count("attention.key_length", shape.head_width);
  count("attention.value_length", shape.head_width);
  count("rope.dimension_count", shape.head_width);
  number("rope.freq_base", shape.rope_base);
  number("attention.layer_norm_rms_epsilon", 1e-5);
  count("vocab_size", shape.vocabulary);
  if (shape.experts > 0) {
    count("expert_count", shape.experts);
    count("expert_used_count", shape.experts_used);
    count("expert_feed_forward_length", shape.ffn_width);
  }
  add_vocabulary(shape.vocabulary, writer);
}

// A tensor goes out in pieces of this many values.
constexpr std::int64_t kSliceElements = 1 << 20;

Status put_tensor(const TensorPlan& tensor, RandomWeights& weights, std::vector<std::byte>& buffer,
                  const gguf::Writer::Sink& sink) {
  for (std::int64_t left = tensor.elements(); left > 0;) {
    const std::int64_t elements = std::min(left, kSliceElements);
    buffer.resize(static_cast<std::size_t>(tensor.format->size_bytes(elements)));
    if (tensor.deviation == 0.0f) {
      const std::vector<float> ones(static_cast<std::size_t>(elements), 1.0f);
      tensor.format->quantize(ones.data(), buffer.data(), elements);
    } else {
      weights.fill(*tensor.format, tensor.deviation, buffer);
    }
    if (Status status = sink(buffer); !status) return status;
    left -= elements;
  }
  return {};
}

Error unknown_type(std::string_view name) {
  std::string known = mix_names() + ", ";
  for (const Format& format : all_formats()) {
    if (can_fill(format)) known += fmt::format("{}, ", format.name);
  }
  known.resize(known.size() - 2);
  return Error{fmt::format("no weights can be made of type {}; there are {}", name, known)};
}

}  // namespace

Result<TypeMix> find_types(std::string_view name) {
  const TypeMix mix = find_type_mix(name);
  if (!mix.most || !can_fill(*mix.most)) return unknown_type(name);
  return mix;
}

Status write_model(const Shape& shape, const TypeMix& types, std::uint64_t seed,
                   const std::filesystem::path& path, const Progress& progress) {
  const std::vector<TensorPlan> tensors = Planner(shape, types).plan();
  gguf::Writer writer;
  add_metadata(shape, types, writer);
  std::int64_t total_bytes = 0, done_bytes = 0;
  for (const TensorPlan& tensor : tensors) {
    if (tensor.shape[0] % tensor.format->block_elements != 0) {
      return Error{fmt::format(
          "tensor {} has rows of {} values, which {} cannot hold: expected a "
          "multiple of {}",
          tensor.name, tensor.shape[0], tensor.format->name, tensor.format->block_elements)};
    }
    writer.add_tensor(tensor.name, *tensor.format, tensor.shape);
    total_bytes += tensor.format->size_bytes(tensor.elements());
  }
  RandomWeights weights(seed);
  std::vector<std::byte> buffer;
  return writer.write(path, [&](std::size_t index, const gguf::Writer::Sink& sink) {
    return put_tensor(tensors[index], weights, buffer, [&](std::span<const std::byte> bytes) {
      done_bytes += static_cast<std::int64_t>(bytes.size());
      if (progress && !progress(done_bytes, total_bytes)) {
        return Status(Error{fmt::format("{}: stopped before it was written", path.string())});
      }
      return sink(bytes);
    });
  });
}

}  // namespace linnet::synth
