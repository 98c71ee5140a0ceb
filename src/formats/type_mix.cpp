#include "formats/type_mix.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "formats/same_name.hpp"

namespace linnet {

/// A type for the matrices of a use, where a condition holds. Of several the first counts.
struct MixRule {
  MatrixUse use;
  TensorType type;
  bool (*holds)(const MatrixPlace&) = nullptr;  // null: always
};

namespace {

using enum MatrixUse;
using enum TensorType;

bool is_sensitive(const MatrixPlace& place) {
  return is_sensitive_layer(place.layer, place.layers);
}
template <int kLayers>
bool is_of_first(const MatrixPlace& place) {
  return place.layer < kLayers;
}
template <int kPart>
bool is_of_first_part(const MatrixPlace& place) {
  return place.layer < place.layers / kPart;
}
bool is_in_the_middle(const MatrixPlace& place) {
  return place.layer >= place.layers / 8 && place.layer < 7 * place.layers / 8;
}
bool values_are_few(const MatrixPlace& place) { return place.values_are_few; }
bool values_matter(const MatrixPlace& place) { return place.values_are_few || place.experts >= 4; }
// In the largest models with few values those are next to nothing.
bool are_least(const MatrixPlace& place) { return place.values_are_few && place.layers >= 80; }
// Attention is small beside as many experts, and all of them depend on it.
bool has_eight_experts(const MatrixPlace& place) { return place.experts == 8; }
bool is_sensitive_of_eight(const MatrixPlace& place) {
  return has_eight_experts(place) && is_sensitive(place);
}
bool is_shared(const MatrixPlace& place) { return !place.is_of_experts; }

// Rules of thumb of the field (llama.cpp's), but for Q2_K_M.
constexpr MixRule kQ2KS[] = {{kHead, kQ6_K},
                             {kValues, kQ8_0, has_eight_experts},
                             {kKeys, kQ8_0, has_eight_experts},
                             {kValues, kQ5_K, are_least},
                             {kValues, kQ4_K, values_are_few},
                             {kDown, kQ4_K, is_of_first_part<8>}};
constexpr MixRule kQ2KM[] = {
    {kHead, kQ6_K}, {kValues, kQ4_K, is_sensitive}, {kDown, kQ4_K, is_sensitive}};
constexpr MixRule kQ3KS[] = {{kHead, kQ6_K},
                             {kValues, kQ8_0, has_eight_experts},
                             {kKeys, kQ8_0, has_eight_experts},
                             {kAttentionOutput, kQ5_K, has_eight_experts},
                             {kValues, kQ5_K, are_least}};
constexpr MixRule kQ3KM[] = {{kHead, kQ6_K},
                             {kValues, kQ8_0, has_eight_experts},
                             {kKeys, kQ8_0, has_eight_experts},
                             {kAttentionOutput, kQ5_K, has_eight_experts},
                             {kValues, kQ5_K, are_least},
                             {kValues, kQ5_K, is_of_first<2>},
                             {kValues, kQ4_K},
                             {kAttentionOutput, kQ4_K},
                             {kDown, kQ5_K, is_of_first_part<16>},
                             {kDown, kQ4_K}};
constexpr MixRule kQ3KL[] = {
    {kHead, kQ6_K},   {kValues, kQ8_0, has_eight_experts}, {kKeys, kQ8_0, has_eight_experts},
    {kValues, kQ5_K}, {kAttentionOutput, kQ5_K},           {kDown, kQ5_K}};
constexpr MixRule kQ4KS[] = {{kHead, kQ6_K},
                             {kValues, kQ8_0, has_eight_experts},
                             {kKeys, kQ8_0, has_eight_experts},
                             {kAttentionOutput, kQ5_K, has_eight_experts},
                             {kValues, kQ5_K, are_least},
                             {kValues, kQ5_K, is_of_first<4>},
                             {kDown, kQ5_K, is_of_first_part<8>}};
constexpr MixRule kQ4KM[] = {{kHead, kQ6_K},
                             {kValues, kQ8_0, has_eight_experts},
                             {kKeys, kQ8_0, has_eight_experts},
                             {kAttentionOutput, kQ5_K, has_eight_experts},
                             {kValues, kQ6_K, is_sensitive},
                             {kValues, kQ5_K, are_least},
                             {kDown, kQ6_K, is_sensitive}};
constexpr MixRule kQ5KS[] = {
    {kHead, kQ6_K}, {kValues, kQ8_0, has_eight_experts}, {kKeys, kQ8_0, has_eight_experts}};
constexpr MixRule kQ5KM[] = {{kHead, kQ6_K},
                             {kValues, kQ8_0, has_eight_experts},
                             {kKeys, kQ8_0, has_eight_experts},
                             {kValues, kQ6_K, is_sensitive},
                             {kDown, kQ6_K, is_sensitive}};
constexpr MixRule kIQ1[] = {{kHead, kQ5_K},
                            {kEmbedding, kQ2_K},
                            {kKeys, kQ4_K, has_eight_experts},
                            {kAttentionOutput, kQ5_K, has_eight_experts},
                            {kValues, kQ4_K, values_matter},
                            {kValues, kQ2_K},
                            {kAttentionOutput, kIQ2_XXS},
                            {kDown, kQ2_K, is_of_first_part<8>}};
constexpr MixRule kIQ2[] = {{kHead, kQ5_K},
                            {kEmbedding, kQ2_K},
                            {kKeys, kQ4_K, has_eight_experts},
                            {kAttentionOutput, kQ5_K, has_eight_experts},
                            {kValues, kQ4_K, values_matter},
                            {kValues, kQ2_K},
                            {kDown, kQ2_K, is_of_first_part<8>}};
constexpr MixRule kIQ2M[] = {{kHead, kQ5_K},
                             {kEmbedding, kIQ3_S},
                             {kKeys, kQ4_K, has_eight_experts},
                             {kAttentionOutput, kQ5_K, has_eight_experts},
                             {kValues, kQ4_K, values_matter},
                             {kValues, kIQ3_S},
                             {kAttentionOutput, kIQ3_S},
                             {kDown, kIQ3_S, is_of_first_part<8>}};
constexpr MixRule kIQ3XXS[] = {{kHead, kQ5_K},
                               {kEmbedding, kIQ3_S},
                               {kValues, kQ8_0, has_eight_experts},
                               {kKeys, kQ8_0, has_eight_experts},
                               {kAttentionOutput, kQ5_K, has_eight_experts},
                               {kQueries, kIQ2_S},
                               {kKeys, kIQ2_S},
                               {kValues, kQ5_K, are_least},
                               {kValues, kQ4_K, values_are_few},
                               {kAttentionOutput, kIQ3_S}};
constexpr MixRule kIQ3XS[] = {{kHead, kQ6_K},
                              {kValues, kQ8_0, has_eight_experts},
                              {kKeys, kQ8_0, has_eight_experts},
                              {kAttentionOutput, kQ5_K, has_eight_experts},
                              {kQueries, kIQ3_XXS},
                              {kKeys, kIQ3_XXS},
                              {kValues, kQ5_K, are_least},
                              {kValues, kQ4_K, values_are_few},
                              {kUp, kIQ3_XXS, is_in_the_middle}};
constexpr MixRule kIQ3M[] = {{kHead, kQ6_K},
                             {kValues, kQ8_0, has_eight_experts},
                             {kKeys, kQ8_0, has_eight_experts},
                             {kAttentionOutput, kQ5_K, has_eight_experts},
                             {kValues, kQ5_K, are_least},
                             {kValues, kQ4_K},
                             {kAttentionOutput, kQ4_K},
                             {kDown, kQ4_K, is_of_first_part<8>},
                             {kDown, kQ4_K, is_sensitive_of_eight}};
constexpr MixRule kTernary[] = {{kHead, kQ6_K}, {kEmbedding, kQ4_K}};
constexpr MixRule kExpertsAlone[] = {{kEmbedding, kQ8_0},       {kHead, kQ8_0},
                                     {kQueries, kQ8_0},         {kKeys, kQ8_0},
                                     {kValues, kQ8_0},          {kAttentionOutput, kQ8_0},
                                     {kUp, kQ8_0, is_shared},   {kDown, kQ8_0, is_shared},
                                     {kOther, kQ8_0, is_shared}};
constexpr MixRule kHeadInQ6K[] = {{kHead, kQ6_K}};

struct NamedMix {
  std::string_view name;
  TensorType most;
  std::span<const MixRule> rules;
  std::int64_t file_type;
};
constexpr NamedMix kMixes[] = {
    {"Q2_K_S", kQ2_K, kQ2KS, 21},
    {"Q2_K_M", kQ2_K, kQ2KM, 10},
    {"Q3_K_S", kQ3_K, kQ3KS, 11},
    {"Q3_K_M", kQ3_K, kQ3KM, 12},
    {"Q3_K_L", kQ3_K, kQ3KL, 13},
    {"Q4_K_S", kQ4_K, kQ4KS, 14},
    {"Q4_K_M", kQ4_K, kQ4KM, 15},
    {"Q5_K_S", kQ5_K, kQ5KS, 16},
    {"Q5_K_M", kQ5_K, kQ5KM, 17},
    {"IQ2_M", kIQ2_S, kIQ2M, 29},
    {"IQ3_XS", kIQ3_S, kIQ3XS, 22},
    {"IQ3_M", kIQ3_S, kIQ3M, 27},
    {"MXFP4_MOE", kMXFP4, kExpertsAlone, 38},
};
// Called like the type that most of it has.
constexpr NamedMix kCoarseMixes[] = {
    {"IQ1_S", kIQ1_S, kIQ1, 24},        {"IQ1_M", kIQ1_M, kIQ1, 31},
    {"IQ2_XXS", kIQ2_XXS, kIQ2, 19},    {"IQ2_XS", kIQ2_XS, kIQ2, 20},
    {"IQ3_XXS", kIQ3_XXS, kIQ3XXS, 23}, {"TQ1_0", kTQ1_0, kTernary, 36},
    {"TQ2_0", kTQ2_0, kTernary, 37},    {"Q2_0", kQ2_0, kTernary, 41},
};

struct FileType {
  TensorType type;
  std::int64_t number;
};
// llama.cpp's `enum llama_ftype`, as far as it has a number for one type alone.
constexpr FileType kFileTypes[] = {
    {kF32, 0},      {kF16, 1},     {kQ4_0, 2},     {kQ4_1, 3},   {kQ8_0, 7},    {kQ5_0, 8},
    {kQ5_1, 9},     {kQ2_K, 10},   {kQ3_K, 11},    {kQ4_K, 14},  {kQ5_K, 16},   {kQ6_K, 18},
    {kIQ2_XXS, 19}, {kIQ2_XS, 20}, {kIQ3_XXS, 23}, {kIQ1_S, 24}, {kIQ4_NL, 25}, {kIQ3_S, 26},
    {kIQ2_S, 28},   {kIQ4_XS, 30}, {kIQ1_M, 31},   {kBF16, 32},  {kTQ1_0, 36},  {kTQ2_0, 37},
    {kMXFP4, 38},   {kNVFP4, 39},  {kQ1_0, 40},    {kQ2_0, 41},
};

std::int64_t file_type_of(TensorType type) {
  const FileType* found = std::ranges::find(kFileTypes, type, &FileType::type);
  return found == std::end(kFileTypes) ? 0 : found->number;
}

TypeMix find_in(std::span<const NamedMix> mixes, std::string_view name) {
  for (const NamedMix& mix : mixes) {
    if (same_name(mix.name, name)) {
      return {mix.name, find_format(mix.most), mix.rules, mix.file_type};
    }
  }
  return {};
}

// Of a value.
double bits(const Format& format) {
  return 8.0 * static_cast<double>(format.block_bytes) / static_cast<double>(format.block_elements);
}

}  // namespace

const Format* TypeMix::type_of(const MatrixPlace& place) const {
  for (const MixRule& rule : rules) {
    if (rule.use == place.use && (!rule.holds || rule.holds(place))) return find_format(rule.type);
  }
  return most;
}

TypeMix find_type_mix(std::string_view name) {
  if (TypeMix mix = find_in(kMixes, name); mix.most) return mix;
  const Format* format = find_format(name);
  if (!format) return {};
  return {format->name, format, {}, file_type_of(format->type)};
}

TypeMix find_quantised_mix(std::string_view name) {
  if (TypeMix mix = find_in(kCoarseMixes, name); mix.most) return mix;
  TypeMix mix = find_type_mix(name);
  const bool is_coarse = mix.most && bits(*mix.most) < bits(*find_format(kQ6_K));
  if (is_coarse && mix.rules.empty()) mix.rules = kHeadInQ6K;
  return mix;
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
