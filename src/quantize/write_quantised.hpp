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
#include "quantize/importance.hpp"
#include "quantize/lora_product.hpp"

namespace linnet::quantize {

/// What became of a file.
struct Outcome {
  std::int64_t before_bytes = 0, after_bytes = 0;  ///< of all tensors
  std::int64_t values = 0;                         ///< of all tensors
  std::int64_t converted = 0;                      ///< tensors that got another type
  std::int64_t converted_again = 0;  ///< of these, those that had been quantised before
  std::int64_t adapted = 0;          ///< tensors that adapters changed
  std::int64_t weighted = 0;         ///< tensors whose columns counted by their importance
  std::int64_t coarse = 0;  ///< tensors in types of few bits, which lose much as all count alike
  double lost = 0.0;        ///< root mean square of what conversion changed, of that of the values
};

struct WriteOptions {
  std::int64_t file_type = 0;                 ///< general.file_type of the result
  std::span<const gguf::Lora> adapters = {};  ///< merged into the weights, of `file`
  const Importance* importance = nullptr;  ///< of the columns, which fits `file`; null: all alike
  /// Told how far the work is; what gives false ends it with an Error, and nothing is left.
  std::function<bool(std::int64_t done_bytes, std::int64_t total_bytes)> progress = {};
};

/// What write_quantised() would make of `file`, but for what that loses; an Error where it is known
/// beforehand to fail.
Result<Outcome> plan_quantised(const gguf::File& file, std::span<const Format* const> chosen,
                               const WriteOptions& options = {});

/// Writes `file` to `path` with its tensors in the types `chosen` (see choose_types), one for each
/// in the file's order, whose rows they can hold. The metadata is the file's but for
/// general.file_type, general.quantization_version and what tells the parts of a split file: the
/// result is one file. The same bytes whatever the number of threads; some 50 MiB of memory
/// and the factors of one tensor, whatever the size of the file, and some copies of its metadata.
/// An Error where a value is not finite, those factors or the metadata do not fit into memory, the
/// file changes meanwhile, or the result can't be written; it has its name only when it is
/// complete.
Result<Outcome> write_quantised(const gguf::File& file, std::span<const Format* const> chosen,
                                ThreadPool& pool, const std::filesystem::path& path,
                                const WriteOptions& options = {});

}  // namespace linnet::quantize
