#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace linnet {

/// All bytes of a file, pipe or device, at most `most_bytes`; an Error says why they cannot be
/// read. For what should be in memory as a whole; see MappedFile for models.
Result<std::string> read_file(const std::filesystem::path& path, std::int64_t most_bytes);

/// The same, but of a file only: of a pipe or device, which may keep who reads it waiting for ever,
/// an Error at once.
Result<std::string> read_regular_file(const std::filesystem::path& path, std::int64_t most_bytes);

/// One of the two.
using FileReader = Result<std::string>(const std::filesystem::path& path, std::int64_t most_bytes);

/// The same for an open descriptor, which `name` stands for in errors.
Result<std::string> read_descriptor(int descriptor, const std::string& name,
                                    std::int64_t most_bytes);

}  // namespace linnet
