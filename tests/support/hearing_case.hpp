#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "hearing/hearing_model.hpp"
#include "support/oracle_case.hpp"
#include "support/paths.hpp"
#include "vision/families/common.hpp"

namespace linnet::test {

/// A golden encoder of sounds: an mmproj file, a spectrogram, and what llama.cpp makes of it.
struct HearingCase {
  OracleCase model;

  static HearingCase read(const std::string& name) {
    std::ifstream in(folder() / (name + ".json"));
    return {{nlohmann::ordered_json::parse(in)}};
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

  /// llama.cpp takes means of Voxtral's rows, which the model was not trained with.
  void take_means_of_llama_cpp(HearingSpec& spec) const {
    if (model.json["name"] != "voxtral") return;
    spec.projector_steps.insert(spec.projector_steps.begin(), mean_of_runs(2));
  }

  /// [rows][columns]
  std::vector<float> rows() const {
    std::vector<float> values;
    for (const auto& row : model.json["embedding"]["values"]) {
      for (const auto& value : row) values.push_back(value);
    }
    return values;
  }

  static std::filesystem::path folder() { return in_repository("tests/data/sound/towers"); }
};

/// The names of the golden encoders (tests/data/sound/towers).
inline std::vector<std::string> hearing_case_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(HearingCase::folder())) {
    names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

/// All parts of a chunk, one behind the other.
inline Result<EncodedRows> encode(HearingModel& model, const SoundChunk& chunk) {
  if (Status status = model.begin(chunk); !status) return status.error();
  while (true) {
    auto rows = model.advance();
    if (!rows) return rows.error();
    if (*rows) return std::move(**rows);
  }
}

}  // namespace linnet::test
