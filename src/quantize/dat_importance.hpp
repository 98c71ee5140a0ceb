#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "quantize/importance.hpp"

namespace linnet::quantize {

/// By tensor.
using SquaresOfTensors = std::map<std::string, Importance::Squares, std::less<>>;

/// What an importance file in the older form of `llama-imatrix` (.dat) holds: the number of
/// matrices, for each its name behind the name's length, how many calls of the model it was
/// multiplied in, how many values it has, and those in F32: the mean squares, times the calls.
/// Nothing where the file does not begin as such a file does; an Error where it goes on otherwise.
Result<std::optional<SquaresOfTensors>> read_dat_importance(const std::filesystem::path& path);

}  // namespace linnet::quantize
