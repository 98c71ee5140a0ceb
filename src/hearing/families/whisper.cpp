// Whisper's encoder with small projectors after it.

#include <algorithm>

#include "hearing/families/common.hpp"
#include "hearing/families/families.hpp"

namespace linnet {

// Ultravox (https://github.com/fixie-ai/ultravox): runs of rows become one.
HearingSpec read_ultravox_hearing(Hyperparameters& p, const WeightLoader& loader) {
  constexpr float kEpsilon = 1e-6f;
  HearingSpec spec = read_whisper(p, loader);
  spec.projector_steps = {whisper_norm(spec),
                          join_runs(read_stack_factor(p)),
                          norm("mm.a.norm_pre", NormKind::kRms, kEpsilon),
                          gate_of_half("mm.a.mlp.1", Activation::kSilu),
                          norm("mm.a.norm_mid", NormKind::kRms, kEpsilon),
                          linear("mm.a.mlp.2")};
  return spec;
}

// Qwen2-Audio (https://arxiv.org/abs/2407.10759).
HearingSpec read_qwen2_hearing(Hyperparameters& p, const WeightLoader& loader) {
  HearingSpec spec = read_whisper(p, loader);
  spec.projector_steps = {mean_of_runs(2), whisper_norm(spec), linear("mm.a.fc")};
  spec.before = "<|audio_bos|>";
  spec.after = "<|audio_eos|>";
  return spec;
}

// Qwen2.5-Omni (https://arxiv.org/abs/2503.20215): the same of two seconds by themselves, each of
// which has the first places.
HearingSpec read_qwen25_hearing(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::int64_t kPartFrames = 200;
  HearingSpec spec = read_qwen2_hearing(p, loader);
  spec.chunk_frames = std::min(spec.chunk_frames, kPartFrames);
  spec.stem.part_frames = spec.mel.chunk_frames = spec.chunk_frames;
  return spec;
}

// Voxtral (https://arxiv.org/abs/2507.13264).
HearingSpec read_voxtral_hearing(Hyperparameters& p, const WeightLoader& loader) {
  HearingSpec spec = read_whisper(p, loader);
  spec.hears_whole_chunks = true;
  spec.projector_steps = {whisper_norm(spec), join_runs(read_stack_factor(p)), linear("mm.a.mlp.1"),
                          activate(Activation::kGeluErf), linear("mm.a.mlp.2")};
  spec.before = "[BEGIN_AUDIO]";
  return spec;
}

// GLM-ASR: rows of its own stand around a sound.
HearingSpec read_glm_hearing(Hyperparameters& p, const WeightLoader& loader) {
  HearingSpec spec = read_whisper(p, loader);
  spec.projector_steps = {whisper_norm(spec),
                          norm("mm.a.norm_pre", NormKind::kLayer, spec.tower.norm_epsilon),
                          join_runs(read_stack_factor(p)),
                          linear("mm.a.mlp.1"),
                          activate(Activation::kGeluErf),
                          linear("mm.a.mlp.2"),
                          wrap("v.boi", "v.eoi")};
  return spec;
}

// MERaLiON 2 (https://arxiv.org/abs/2412.09818).
HearingSpec read_meralion_hearing(Hyperparameters& p, const WeightLoader& loader) {
  HearingSpec spec = read_whisper(p, loader);
  spec.hears_whole_chunks = true;
  spec.projector_steps = {whisper_norm(spec),
                          join_runs(read_stack_factor(p)),
                          norm("mm.a.norm_pre", NormKind::kLayer, spec.tower.norm_epsilon),
                          linear("mm.a.mlp.0"),
                          activate(Activation::kSilu),
                          gate_by("mm.a.mlp.1", "mm.a.mlp.2", Activation::kSilu),
                          linear("mm.a.mlp.3")};
  return spec;
}

// Audio Flamingo 3 (https://arxiv.org/abs/2507.08128) and Music Flamingo.
HearingSpec read_flamingo_hearing(Hyperparameters& p, const WeightLoader& loader) {
  HearingSpec spec = read_whisper(p, loader);
  spec.projector_steps = {mean_of_runs(2), whisper_norm(spec), linear("mm.a.mlp.1"),
                          activate(Activation::kGeluErf), linear("mm.a.mlp.2")};
  return spec;
}

}  // namespace linnet
