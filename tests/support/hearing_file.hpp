#pragma once

#include <filesystem>
#include <string>

#include "support/hearing_case.hpp"
#include "support/vision_case.hpp"

namespace linnet::test {

/// The golden encoder of sounds of Qwen2-Audio, Voxtral or Ultravox with rows of `width` columns,
/// for any model of that width. A chunk of it is 0.64 seconds.
inline HearingCase hearing_case_of_width(std::int64_t width, const std::string& name = "qwen2a") {
  HearingCase golden = HearingCase::read(name);
  for (auto& tensor : golden.model.json["tensors"]) {
    auto& shape = tensor["shape"];
    const std::string tensor_name = tensor["name"];
    if (tensor_name == "mm.a.fc.weight" || tensor_name == "mm.a.mlp.2.weight") shape[1] = width;
    if (tensor_name == "mm.a.fc.bias") shape[0] = width;
  }
  return golden;
}

/// Writes it. An Error where it can't be written.
inline Status write_hearing_mmproj(const std::filesystem::path& path, std::int64_t width,
                                   const std::string& name = "qwen2a") {
  return hearing_case_of_width(width, name).model.write(path);
}

}  // namespace linnet::test
