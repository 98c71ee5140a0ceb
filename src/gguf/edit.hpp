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
/// changes make of the file's, one after the other. A value keeps the type of the one before it
/// where that can hold it; else an integer is an uint32, an int32 or an int64, and another number
/// is a float32. An Error names a key that can't be changed so: one to remove that is not there, a
/// list, one of the layout, a number out of the range of its type.
Status write_edited(const File& file, std::span<const MetadataChange> changes,
                    const std::filesystem::path& path, const CopyProgress& progress = {});

}  // namespace linnet::gguf
