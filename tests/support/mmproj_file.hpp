#pragma once

#include <filesystem>
#include <string>

#include "support/vision_case.hpp"

namespace linnet::test {

/// Writes a tiny encoder of pictures, the golden tower of Gemma 3 or Pixtral with rows of `width`
/// columns, for any model of that width. An Error where it can't be written.
inline Status write_mmproj(const std::filesystem::path& path, std::int64_t width,
                           const std::string& tower = "pixtral") {
  VisionCase golden = VisionCase::read(tower);
  for (auto& tensor : golden.model.json["tensors"]) {
    auto& shape = tensor["shape"];
    const std::string name = tensor["name"];
    if (name == "mm.2.weight") shape[1] = width;
    if (name == "mm.input_projection.weight" || name == "mm.2.bias") shape[0] = width;
    if (name == "v.token_embd.img_break") shape[0] = width;
  }
  return golden.model.write(path);
}

}  // namespace linnet::test
