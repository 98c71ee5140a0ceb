#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.hpp"

namespace linnet::hub {

/// What the header of a GGUF file says of its model, before the rest is there. All texts are safe
/// to print.
struct ModelPreview {
  std::string name;             ///< may be empty
  std::string architecture;     ///< `general.architecture`; may be empty
  std::string size_label;       ///< as its maker calls it ("8B"); may be empty
  std::string tensor_types;     ///< "155 Q4_K, 23 Q6_K"; of a split model, those of the first part
  std::int64_t parameters = 0;  ///< 0 for a split model: its first part does not tell
  std::int64_t context_length = 0;  ///< 0: not said
  std::uint64_t size_bytes = 0;     ///< of all its files, about what the weights take in memory
};

/// Reads a GGUF header from the first bytes of a file of `file_bytes`. `size_bytes` is the size of
/// all parts of the model, `parts` how many there are. An Error if `beginning` does not hold the
/// whole header, or if that is wrong.
Result<ModelPreview> preview_model(std::span<const std::byte> beginning, std::uint64_t file_bytes,
                                   const std::string& name, std::uint64_t size_bytes, int parts);

}  // namespace linnet::hub
