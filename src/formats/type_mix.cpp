#include "formats/type_mix.hpp"

#include <algorithm>
#include <iterator>

#include "formats/same_name.hpp"

namespace linnet {
namespace {

struct NamedMix {
  std::string_view name;
  TensorType most, sensitive, head;
  std::int64_t file_type;
};
constexpr NamedMix kMixes[] = {
    {"Q2_K_M", TensorType::kQ2_K, TensorType::kQ4_K, TensorType::kQ6_K, 10},
    {"Q3_K_S", TensorType::kQ3_K, TensorType::kQ3_K, TensorType::kQ6_K, 11},
    {"Q3_K_M", TensorType::kQ3_K, TensorType::kQ5_K, TensorType::kQ6_K, 12},
    {"Q4_K_S", TensorType::kQ4_K, TensorType::kQ4_K, TensorType::kQ6_K, 14},
    {"Q4_K_M", TensorType::kQ4_K, TensorType::kQ6_K, TensorType::kQ6_K, 15},
    {"Q5_K_S", TensorType::kQ5_K, TensorType::kQ5_K, TensorType::kQ6_K, 16},
    {"Q5_K_M", TensorType::kQ5_K, TensorType::kQ6_K, TensorType::kQ6_K, 17},
};

struct FileType {
  TensorType type;
  std::int64_t number;
};
// llama.cpp's `enum llama_ftype`, as far as it has a number for one type alone.
constexpr FileType kFileTypes[] = {
    {TensorType::kF32, 0},    {TensorType::kF16, 1},     {TensorType::kQ4_0, 2},
    {TensorType::kQ4_1, 3},   {TensorType::kQ8_0, 7},    {TensorType::kQ5_0, 8},
    {TensorType::kQ5_1, 9},   {TensorType::kQ2_K, 10},   {TensorType::kQ3_K, 11},
    {TensorType::kQ4_K, 14},  {TensorType::kQ5_K, 16},   {TensorType::kQ6_K, 18},
    {TensorType::kBF16, 32},  {TensorType::kIQ4_NL, 25}, {TensorType::kIQ4_XS, 30},
    {TensorType::kIQ3_S, 26}, {TensorType::kIQ2_S, 28},  {TensorType::kMXFP4, 38},
};

std::int64_t file_type_of(TensorType type) {
  const FileType* found = std::ranges::find(kFileTypes, type, &FileType::type);
  return found == std::end(kFileTypes) ? 0 : found->number;
}

}  // namespace

TypeMix find_type_mix(std::string_view name) {
  for (const NamedMix& mix : kMixes) {
    if (!same_name(mix.name, name)) continue;
    return {mix.name, find_format(mix.most), find_format(mix.sensitive), find_format(mix.head),
            mix.file_type};
  }
  const Format* format = find_format(name);
  if (!format) return {};
  return {format->name, format, format, format, file_type_of(format->type)};
}

std::string mix_names() {
  std::string names;
  for (const NamedMix& mix : kMixes) {
    if (!names.empty()) names += ", ";
    names += mix.name;
  }
  return names;
}

bool is_sensitive_layer(int layer, int layers) {
  const int eighth = layers / 8;
  return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

}  // namespace linnet
