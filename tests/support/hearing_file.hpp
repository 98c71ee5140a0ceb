#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "support/hearing_case.hpp"
#include "support/vision_case.hpp"

namespace linnet::test {

/// The golden encoder of sounds `name` with rows of `width` columns, for any model of that width. A
/// chunk of Qwen2-Audio, Voxtral or Ultravox is 0.64 seconds.
inline HearingCase hearing_case_of_width(std::int64_t width, const std::string& name = "qwen2a") {
  HearingCase golden = HearingCase::read(name);
  const std::map<std::string, std::string> lasts = {{"qwen2a", "mm.a.fc"},
                                                    {"dots3note_a", "mm.a.mlp.3"},
                                                    {"gemma4a", "mm.a.input_projection"},
                                                    {"gemma4ua", "mm.a.input_projection"},
                                                    {"granite_speech", "a.proj_linear"},
                                                    {"lfm2a", "mm.a.mlp.3"}};
  const auto found = lasts.find(name);
  const std::string last = found == lasts.end() ? "mm.a.mlp.2" : found->second;
  for (auto& tensor : golden.model.json["tensors"]) {
    if (tensor["name"] == last + ".weight") tensor["shape"][1] = width;
    if (tensor["name"] == last + ".bias") tensor["shape"][0] = width;
  }
  return golden;
}

/// Writes it. An Error where it can't be written.
inline Status write_hearing_mmproj(const std::filesystem::path& path, std::int64_t width,
                                   const std::string& name = "qwen2a") {
  return hearing_case_of_width(width, name).model.write(path);
}

}  // namespace linnet::test
