#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "backend/kv_pages.hpp"
#include "fuzz/seeds.hpp"
#include "gguf/gguf_file.hpp"
#include "support/adapter_file.hpp"
#include "support/assistant_case.hpp"
#include "support/eagle3_case.hpp"
#include "support/gguf_bytes.hpp"
#include "support/golden_files.hpp"
#include "support/hearing_case.hpp"
#include "support/oracle_case.hpp"
#include "support/paths.hpp"
#include "support/prediction_layer.hpp"
#include "support/temporary_folder.hpp"
#include "support/vision_case.hpp"

namespace linnet::test {
namespace {

using gguf::ValueType;

constexpr std::uint32_t kF32 = 0, kString = 8;

// The header of a GGUF file: the targets put weights behind it.
std::string header_of(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  const auto header = parse(bytes);
  EXPECT_TRUE(header) << header.error().message;
  return header ? bytes.substr(0, header->data_offset) : "";
}

std::string header_of(const OracleCase& model) {
  const TemporaryFolder folder;
  EXPECT_TRUE(model.write(folder / "model.gguf"));
  return header_of(folder / "model.gguf");
}

std::string behind_length(const std::string& bytes) {
  EXPECT_LE(bytes.size(), 0xffffu);
  return packed(static_cast<std::uint16_t>(bytes.size())) + bytes;
}

struct Matrix {
  std::string name;
  std::vector<std::uint64_t> shape;
};

// Adds tensors of F32 one behind the other, and all that is to come before their bytes.
std::string with_matrices(GgufBytes file, const std::vector<Matrix>& matrices) {
  std::uint64_t offset = 0;
  for (const auto& [name, shape] : matrices) {
    file.tensor(name, shape, kF32, offset);
    std::uint64_t bytes = sizeof(float);
    for (const std::uint64_t extent : shape) bytes *= extent;
    offset += (bytes + 31) / 32 * 32;
  }
  return file.bytes(/*data_bytes=*/1);
}

// A few cases of a folder of golden ones.
template <class Case>
Seeds headers_of(std::initializer_list<const char*> names) {
  Seeds seeds;
  for (const char* const name : names) seeds.push_back(header_of(Case::read(name).model));
  return seeds;
}

Seeds files_in(std::string_view folder, std::string_view besides_ending) {
  Seeds seeds;
  for (const std::string& name : file_names(in_repository(folder))) {
    if (name.ends_with(besides_ending)) continue;
    seeds.push_back(read_file(std::filesystem::path(in_repository(folder)) / name));
  }
  return seeds;
}

std::string part_of_four(std::uint16_t number, std::uint16_t count) {
  GgufBytes part;
  part.value("split.no", ValueType::kUint16, number)
      .value("split.count", ValueType::kUint16, count);
  part.value("split.tensors.count", ValueType::kInt32, 4);
  part.tensor("t" + std::to_string(number), {3}, kF32, 0);
  return behind_length(part.bytes(/*data_bytes=*/12));
}

// An adapter of a model and a vector that steers it, each with the model behind it.
Seeds added_to(const OracleCase& model) {
  const TemporaryFolder folder;
  write_without_scales(model, folder / "model.gguf");
  const auto file = gguf::File::open(folder / "model.gguf");
  EXPECT_TRUE(file) << file.error().message;
  AdapterFile{.tensors = {"blk.0.attn_q.weight", "blk.1.ffn_down.weight"}}.write(
      folder / "adapter.gguf", *file);
  const auto width = **file->integer("llama.embedding_length");
  GgufBytes vector;
  vector.text("general.architecture", "controlvector");
  const std::string steering =
      with_matrices(vector, {{"direction.1", {static_cast<std::uint64_t>(width)}}});
  const std::string beside = header_of(folder / "model.gguf");
  return {behind_length(header_of(folder / "adapter.gguf")) + beside,
          behind_length(steering) + beside};
}

}  // namespace

Seeds adapter_seeds() {
  GgufBytes lora, vector, importance;
  lora.text("general.type", "adapter").text("general.architecture", "llama");
  lora.text("adapter.type", "lora").value("adapter.lora.alpha", ValueType::kFloat32, 8.0f);
  vector.text("general.architecture", "controlvector");
  importance.text("general.type", "imatrix");
  importance.raw_array("imatrix.datasets", kString, 1, packed_string("a.txt"));
  const Matrix a{"blk.0.attn_q.weight.lora_a", {8, 2}}, b{"blk.0.attn_q.weight.lora_b", {2, 6}};
  return {with_matrices(lora, {a, b}),
          with_matrices(lora, {a,
                               b,
                               {"blk.0.ffn_up_exps.weight.lora_a", {8, 4, 3}},
                               {"blk.0.ffn_up_exps.weight.lora_b", {4, 4, 3}}}),
          with_matrices(vector, {{"direction.1", {8}}, {"direction.2", {8}}}),
          with_matrices(importance, {{"blk.0.attn_q.weight.in_sum2", {8, 1}},
                                     {"blk.0.attn_q.weight.counts", {1, 1}},
                                     {"blk.0.ffn_up_exps.weight.in_sum2", {8, 3}},
                                     {"blk.0.ffn_up_exps.weight.counts", {1, 3}}})};
}

Seeds beside_seeds() {
  Seeds seeds = added_to(OracleCase::read("llama-dense"));
  for (const std::string& name : Eagle3Case::names()) {
    const Eagle3Case golden = Eagle3Case::read(name);
    seeds.push_back(behind_length(header_of(golden.eagle)) + header_of(golden.target));
  }
  const AssistantCase golden = AssistantCase::read();
  seeds.push_back(behind_length(header_of(golden.assistant)) + header_of(golden.target));
  const std::string model = header_of(OracleCase::read("llama-dense"));
  seeds.push_back(behind_length(model) + model);
  return seeds;
}

Seeds gguf_seeds() {
  GgufBytes every;
  every.text("general.architecture", "llama");
  every.value("a", ValueType::kUint8, std::uint8_t{1})
      .value("b", ValueType::kInt64, std::int64_t{-1});
  every.value("c", ValueType::kFloat64, 0.5).value("d", ValueType::kBool, true);
  every.raw_array("e", static_cast<std::uint32_t>(ValueType::kInt16), 2, std::string(4, '\1'));
  every.raw_array("f", kString, 2, packed_string("") + packed_string("the"));
  every.value("general.alignment", ValueType::kUint32, std::uint32_t{64}).alignment = 64;
  GgufBytes blocks = every;
  // Q4_0, Q4_K, IQ2_XXS and MXFP4: blocks of 18, 144, 66 and 17 bytes.
  blocks.tensor("q", {32}, 2, 0).tensor("k", {256}, 12, 64).tensor("i", {256}, 16, 256);
  blocks.tensor("m", {32}, 39, 384);
  GgufBytes old;
  old.version = 2;
  return {GgufBytes().bytes(), every.bytes(), blocks.bytes(/*data_bytes=*/448),
          old.tensor("t", {4, 3}, kF32, 0).bytes(/*data_bytes=*/48)};
}

Seeds hearing_seeds() {
  return headers_of<HearingCase>({"gemma4a", "granite_speech", "mimo_audio", "parakeet", "qwen2a"});
}

Seeds image_seeds() { return files_in("tests/data/image/decode", /*besides_ending=*/".ppm"); }

Seeds model_seeds() {
  Seeds seeds;
  for (const char* const name : {"bert-own", "deepseek2-moe", "gemma3-dense", "llama-dense",
                                 "mamba2-dense", "qwen3moe-moe", "rwkv7-own"}) {
    seeds.push_back(header_of(OracleCase::read(name)));
  }
  seeds.push_back(header_of(PredictionCase::read("qwen35-dense").model));
  return seeds;
}

Seeds session_seeds() {
  // For the memory of session_fuzz.cpp: a page has 32 keys and values of two bytes, a state four.
  const auto session = [](std::uint64_t tokens, const std::vector<std::int64_t>& states) {
    const std::uint64_t pages = (tokens + kPageTokens - 1) / kPageTokens,
                        page_bytes = 2 * 2 * kPageTokens;
    std::string bytes = "LINNETS\n" + packed(std::uint32_t{1}) +
                        packed(std::uint32_t{kPageTokens}) + packed(std::uint64_t{7}) +
                        packed(page_bytes) + packed(std::uint64_t{4}) + packed(tokens) +
                        packed(std::uint64_t{states.size()}) + packed(std::uint64_t{2}) +
                        std::string(64 + 16, '\0') + std::string(tokens * 4, '\1');
    for (const std::int64_t tokens_before : states) bytes += packed(tokens_before);
    return bytes + "ab" + std::string(pages * page_bytes + states.size() * 4, '\2');
  };
  return {session(0, {}), session(40, {}), session(40, {32, 40}), session(64, {64})};
}

Seeds sound_seeds() { return files_in("tests/data/sound/decode", /*besides_ending=*/".md"); }

Seeds split_seeds() {
  std::string four;
  for (std::uint16_t i = 0; i < 4; ++i) four += part_of_four(i, 4);
  return {four, part_of_four(0, 1), part_of_four(0, 4) + part_of_four(2, 4)};
}

Seeds tokenizer_seeds() {
  constexpr int kKinds = 7, kNormal = 2, kControl = 4;  // a type behind the least one, -1
  const std::vector<std::string> tokens = {"<s>", "\u2581",  "a",   "b",
                                           "ab",  "\u0120a", "##b", "<0x41>"};
  Seeds seeds;
  for (int kind = 0; kind < kKinds; ++kind) {
    std::string seed = {static_cast<char>(kind), static_cast<char>(7 * kind),
                        static_cast<char>(tokens.size())};
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      seed += behind_length(tokens[i]) + static_cast<char>(i == 0 ? kControl : kNormal);
      seed += packed(-static_cast<float>(i));
    }
    seed += std::string(1, '\2') + behind_length("a b") + behind_length("\u0120 a");
    seed += {'\0', static_cast<char>(kind % 2), '\0', '\0'};  // what is unknown, spaces, no map
    seeds.push_back(seed +
                    "\1\1"
                    "<s>ab a\u00e9 12 ab\n");
  }
  return seeds;
}

Seeds vision_seeds() {
  return headers_of<VisionCase>(
      {"gemma3", "idefics3-cut", "llava", "minicpmv", "pixtral", "qwen2vl"});
}

}  // namespace linnet::test
