#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "encoder/projector_steps.hpp"
#include "hearing/hearing_model.hpp"
#include "support/golden_files.hpp"
#include "support/oracle_case.hpp"
#include "support/paths.hpp"

namespace linnet::test {

/// A golden encoder of sounds: an mmproj file, a spectrogram, and what llama.cpp makes of it.
struct HearingCase {
  OracleCase model;

  static HearingCase read(const std::string& name) {
    return {{read_json(folder() / (name + ".json"))}};
  }

  /// All of it, for the encoder `spec`.
  SoundChunk chunk(const HearingSpec& spec) const {
    const std::uint64_t start =
        fnv1a("sound") ^ (model.json["seed"].get<std::uint64_t>() * 0x9e3779b97f4a7c15u);
    const std::int64_t frames = model.json["frames"];
    SoundChunk chunk{{model.json["mels"], {}}, spec.stem.rows_of(frames)};
    for (std::int64_t i = 0; i < frames * chunk.frames.bins; ++i) {
      chunk.frames.values.push_back(weight_element(start, i, 0.0, 1.0));
    }
    return chunk;
  }

  /// llama.cpp takes means of Voxtral's rows, approximates the GELU of Granite Speech's queries and
  /// has other epsilons for Parakeet and MiMo, which the models were not trained with.
  void do_as_llama_cpp(HearingSpec& spec) const {
    if (model.json["name"] == "voxtral") {
      spec.projector_steps.insert(spec.projector_steps.begin(), mean_of_runs(2));
    }
    if (model.json["name"] == "parakeet") {
      spec.conformer->variance_epsilon = 0.0f;
      spec.projector_steps.front().number = 1e-6f;
    }
    if (model.json["name"] == "mimo_audio") {
      spec.groups->tower.norm_epsilon = spec.projector_steps.front().number = 1e-5f;
    }
    for (ProjectorStep& step : spec.projector_steps) {
      if (step.kind == ProjectorStep::Kind::kAskWindows) step.activation = Activation::kGelu;
    }
  }

  /// [rows][columns]
  std::vector<float> rows() const { return values_of(model.json["embedding"]["values"]); }

  static std::filesystem::path folder() { return in_repository("tests/data/sound/towers"); }
};

/// The names of the golden encoders (tests/data/sound/towers).
inline std::vector<std::string> hearing_case_names() { return case_names(HearingCase::folder()); }

}  // namespace linnet::test
