#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "base/thread_pool.hpp"
#include "formats/type_mix.hpp"
#include "gguf/gguf_file.hpp"

namespace linnet::quantize {

/// What became of a file.
struct Outcome {
  std::int64_t before_bytes = 0, after_bytes = 0;  ///< of all tensors
  std::int64_t values = 0;                         ///< of all tensors
  std::int64_t converted = 0;                      ///< tensors that got another type
  std::int64_t converted_again = 0;  ///< of these, those that had been quantised before
  double lost = 0.0;  ///< root mean square of what conversion changed, of that of the values
};

/// Told how far the work is; what gives false ends it with an Error, and nothing is left.
using Progress = std::function<bool(std::int64_t done_bytes, std::int64_t total_bytes)>;

/// Writes `file` to `path` with its tensors in the types `chosen` (see choose_types), one for each
/// in the file's order, whose rows they can hold. The metadata is the file's but for
/// general.file_type, general.quantization_version and what tells the parts of a split file: the
/// result is one file. The same bytes whatever the number of threads; some 50 MiB of memory
/// whatever the size of the file. An Error where a value is not finite, the file changes meanwhile,
/// or the result can't be written; it has its name only when it is complete.
Result<Outcome> write_quantised(const gguf::File& file, std::span<const Format* const> chosen,
                                std::int64_t file_type, ThreadPool& pool,
                                const std::filesystem::path& path, const Progress& progress = {});

}  // namespace linnet::quantize
