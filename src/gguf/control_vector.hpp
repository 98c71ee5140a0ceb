#pragma once

#include <filesystem>
#include <map>

#include "gguf/gguf_file.hpp"

namespace linnet::gguf {

/// Directions that change what a model writes (representation engineering,
/// https://arxiv.org/abs/2310.01405): `strength` times the direction of a layer is added to the
/// residual stream behind it. Read from a GGUF file as llama.cpp's `llama-cvector-generator` and
/// repeng write it: general.architecture "controlvector", and for the layer N, from 1 on (the first
/// one is 0), the tensor direction.N [width] in F32.
class ControlVector {
 public:
  /// An Error where the file is none for such a model. Layers that the model lacks are left out.
  static Result<ControlVector> open(const std::filesystem::path& path, std::int64_t layers,
                                    std::int64_t width, float strength);

  const File& file() const { return file_; }
  float strength() const { return strength_; }
  /// By layer.
  const std::map<std::int64_t, const Tensor*>& directions() const { return directions_; }

 private:
  ControlVector(File file, float strength) : file_(std::move(file)), strength_(strength) {}
  Status find_directions(std::int64_t layers, std::int64_t width);

  File file_;
  float strength_;
  std::map<std::int64_t, const Tensor*> directions_;
};

}  // namespace linnet::gguf
