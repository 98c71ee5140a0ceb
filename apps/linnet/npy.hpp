#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/new_file.hpp"

namespace linnet::app {

/// What is said of a file `path` that Ctrl-C left unfinished; it is removed.
Error stopped(const std::string& path);

/// Writes float32 values piece by piece as a NumPy file (format version 1.0,
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), see NewFile.
class NpyWriter {
 public:
  /// `shape` slowest dimension first.
  static Result<NpyWriter> create(const std::string& path, std::span<const std::int64_t> shape);

  /// The next values; as many in all as the shape says.
  Status append(std::span<const float> values);
  /// Call once, after the last values.
  Status finish();

 private:
  explicit NpyWriter(const std::string& path);

  std::unique_ptr<NewFile> file_;
};

}  // namespace linnet::app
