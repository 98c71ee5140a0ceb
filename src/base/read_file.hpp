#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace linnet {

/// What some editors put before a text in UTF-8. It is no part of the text, and no picture or sound
/// begins so.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// All bytes of a file, pipe or device but for a kByteOrderMark, at most `most_bytes`; an Error
/// says why they cannot be read. For what should be in memory as a whole; see MappedFile for
/// models.
Result<std::string> read_file(const std::filesystem::path& path, std::int64_t most_bytes);

/// The same, but of a file only: of a pipe or device, which may keep who reads it waiting forever,
/// an Error at once.
Result<std::string> read_regular_file(const std::filesystem::path& path, std::int64_t most_bytes);

/// One of the two.
using FileReader = Result<std::string>(const std::filesystem::path& path, std::int64_t most_bytes);

/// The same for an open descriptor, which `name` stands for in errors.
Result<std::string> read_descriptor(int descriptor, const std::string& name,
                                    std::int64_t most_bytes);

}  // namespace linnet
