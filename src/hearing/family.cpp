#include "hearing/family.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/printable.hpp"
#include "encoder/encoder_file.hpp"
#include "hearing/families/families.hpp"

namespace linnet {
namespace {

// Qwen2.5-Omni's older files name one projector for both of their encoders.
constexpr auto kFamilies = std::to_array<HearingFamily>({
    {"dots3note_a", read_dots_note_hearing},
    {"gemma4a", read_gemma4_hearing},
    {"gemma4ua", read_gemma4_unified_hearing},
    {"glma", read_glm_hearing},
    {"granite_speech", read_granite_hearing},
    {"lfm2a", read_lfm2_hearing},
    {"meralion", read_meralion_hearing},
    {"mimo_audio", read_mimo_hearing},
    {"musicflamingo", read_flamingo_hearing},
    {"parakeet", read_parakeet_hearing},
    {"qwen2.5o", read_qwen25_hearing},
    {"qwen2a", read_qwen2_hearing},
    {"qwen3a", read_qwen3_hearing},
    {"ultravox", read_ultravox_hearing},
    {"voxtral", read_voxtral_hearing},
});

std::string projector_of(Hyperparameters& p) {
  const std::string name = p.string("audio.projector_type", "");
  return name.empty() ? p.string("projector_type", "") : name;
}

}  // namespace

std::span<const HearingFamily> all_hearing_families() { return kFamilies; }

Result<HearingSpec> read_hearing_spec(const gguf::File& file, const WeightLoader& loader) {
  Hyperparameters p(file);
  if (Status status = p.status(); !status) return status.error();
  const std::string path = file.path().string();
  if (p.architecture() != kEncoderArchitecture || !p.boolean("has_audio_encoder", false)) {
    return Error{fmt::format("{}: has no encoder of sounds", path)};
  }
  const std::string projector = projector_of(p);
  const auto found = std::ranges::find(kFamilies, projector, &HearingFamily::name);
  if (found == kFamilies.end()) {
    std::array<std::string_view, kFamilies.size()> names;
    std::ranges::transform(kFamilies, names.begin(), &HearingFamily::name);
    return Error{fmt::format("{}: unknown projector '{}' of sounds; the known ones are: {}", path,
                             printable(projector), fmt::join(names, ", "))};
  }
  HearingSpec spec = found->read(p, loader);
  spec.projector = projector;
  std::ranges::move(foreign_tensors(file), std::back_inserter(spec.tower.unused_tensors));
  if (Status status = p.status(); !status) return status.error();
  return spec;
}

}  // namespace linnet
