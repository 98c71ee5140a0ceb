#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/temporary_folder.hpp"

namespace linnet::test {

/// The files of a tiny model that reads pictures, with random weights: a golden chain with bytes
/// and the markers of its family as its vocabulary, and its golden tower.
class PictureModel {
 public:
  PictureModel();

  std::string model() const { return folder_ / "pictures.gguf"; }
  std::string mmproj() const { return folder_ / "mmproj-pictures.gguf"; }

 private:
  const TemporaryFolder folder_;
};

/// A file of tests/data/image.
std::string picture_file(std::string_view name);

}  // namespace linnet::test
