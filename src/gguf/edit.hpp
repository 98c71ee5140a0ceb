#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "gguf/copy.hpp"

namespace linnet::gguf {

/// A change of what a file has under `key`; without a value the key is removed.
struct MetadataChange {
  std::string key;
  std::optional<decltype(Override::value)> value;
};

/// Writes all tensors of `file`, whose parts become one file, to `path`, with the metadata that the
/// changes make of the file's, one after the other. A value keeps the type of the one before it,
/// as those who read the key expect it: a bool may be given as 0 or 1, another number as an
/// integer. A new integer is an uint32, an int32 or an int64, and another number a float32. An
/// Error names a key that can't be changed so: one to remove that is not there, a list, one of the
/// layout, a value that its type does not have. Who removes the key first may set another type.
Status write_edited(const File& file, std::span<const MetadataChange> changes,
                    const std::filesystem::path& path, const CopyProgress& progress = {});

}  // namespace linnet::gguf
