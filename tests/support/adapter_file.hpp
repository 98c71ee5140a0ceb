#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <regex>
#include <span>
#include <string>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "gguf/gguf_writer.hpp"
#include "gguf/lora.hpp"
#include "support/model_copy.hpp"
#include "support/oracle_case.hpp"

namespace linnet::test {

/// Writes an oracle case, changed as `copy` has it, without the tensors that scale other ones:
/// those have no adapters.
inline void write_without_scales(const OracleCase& oracle, const std::filesystem::path& path,
                                 ModelCopy copy = {}) {
  const std::filesystem::path scaled = path.string() + ".scaled";
  ASSERT_TRUE(oracle.write(scaled));
  const auto file = gguf::File::open(scaled);
  ASSERT_TRUE(file) << file.error().message;
  for (const gguf::Tensor& tensor : file->tensors()) {
    // Gemma 4's is that of a norm.
    if (tensor.name.ends_with("ffn_gate_inp.scale") && tensor.shape[0] > 1) continue;
    if (tensor.name.ends_with(".scale")) copy.drop_tensor(std::string(tensor.name));
  }
  const Status written = copy.write(path, scaled);
  ASSERT_TRUE(written) << written.error().message;
}

/// What only `linnet quantize --lora` can adapt: experts, tables, slices, and weights that go into
/// no product of matrices.
inline bool is_left_to_merging(const std::string& name) {
  static const std::regex kParts(
      R"(exps\.|(token|position)_embd\.|token_types\.|conv|attn_[kv]_b\.|norm\.|ssm_[ad]$|_ape\.)"
      R"(|time_mix_(first|lerp_fused|w2)\.|altup_(proj|unembd_proj)\.|_rel_b\.|\.lora_[ab]$)");
  return std::regex_search(name, kParts);
}

/// A LoRA adapter that changes some tensors of a model, about as much as they are.
struct AdapterFile {
  std::vector<std::string> tensors;
  std::int64_t rank = 3;
  double alpha = 1.5;
  int salt = 0;  ///< of its values
  /// One value that becomes another one: of which tensor of the adapter.
  std::string changed = {};
  float changed_to = 0.0f;
  std::string task_name = {};  ///< empty: the file says nothing of it

  /// Writes it for `model`.
  void write(const std::filesystem::path& path, const gguf::File& model) const {
    gguf::Writer writer;
    writer.add_string("general.type", "adapter");
    writer.add_string("general.architecture", **model.string("general.architecture"));
    writer.add_string("adapter.type", "lora");
    writer.add_number("adapter.lora.alpha", gguf::ValueType::kFloat32, alpha);
    if (!task_name.empty()) {
      writer.add_string("adapter.lora.task_name", task_name);
      writer.add_string("adapter.lora.prompt_prefix", task_name + ": ");
    }
    std::vector<std::vector<float>> values;
    for (const std::string& name : tensors) {
      const gguf::Tensor* const tensor = model.find_tensor(name);
      ASSERT_TRUE(tensor) << name;
      const auto& shape = tensor->shape;
      add(writer, name + ".lora_a", {shape[0], rank, shape[2], shape[3]}, values);
      add(writer, name + ".lora_b", {rank, shape[1], shape[2], shape[3]}, values);
    }
    const Status written = writer.write(path, [&](std::size_t t, const gguf::Writer::Sink& sink) {
      return sink(std::as_bytes(std::span(values[t])));
    });
    ASSERT_TRUE(written) << written.error().message;
  }

 private:
  void add(gguf::Writer& writer, const std::string& name, const std::vector<std::int64_t>& shape,
           std::vector<std::vector<float>>& values) const {
    writer.add_tensor(name, *find_format(TensorType::kF32), shape);
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= extent;
    const auto phase = static_cast<float>(std::hash<std::string>()(name) % 1000 + salt);
    std::vector<float>& own = values.emplace_back();
    for (std::int64_t i = 0; i < count; ++i) {
      own.push_back(0.3f * std::sin(1.7f * static_cast<float>(i) + phase));
    }
    if (name == changed) own.back() = changed_to;
  }
};

/// Writes `adapter` to `path` and opens it for the model in `model_path`.
inline gguf::Lora opened_adapter(const AdapterFile& adapter, const std::filesystem::path& path,
                                 const std::filesystem::path& model_path, float strength = 1.0f) {
  const auto model = gguf::File::open(model_path);
  EXPECT_TRUE(model) << model.error().message;
  adapter.write(path, *model);
  auto lora = gguf::Lora::open(path, *model, strength);
  EXPECT_TRUE(lora) << lora.error().message;
  return std::move(*lora);
}

}  // namespace linnet::test
