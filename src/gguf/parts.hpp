#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "gguf/copy.hpp"

namespace linnet::gguf {

/// How much a part of a split file holds at most; 0: as much as there is. A tensor is never cut:
/// one that is larger has a part of its own.
struct PartLimits {
  std::int64_t tensors = 0;
  std::int64_t size_bytes = 0;  ///< of the tensors
};

/// Writes `file` in parts, STEM-00001-of-00003.gguf and so on, as File::open() reads them: all the
/// metadata in the first, the tensors in their order. Returns the number of the parts. An Error if
/// one of them is there already, or where there would be more than File::open() takes; what was
/// written before an Error is removed.
Result<int> write_parts(const File& file, const PartLimits& limits, const std::string& stem,
                        const CopyProgress& progress = {});

}  // namespace linnet::gguf
