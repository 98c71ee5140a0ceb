#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

#include "base/result.hpp"
#include "gguf/gguf_file.hpp"
#include "gguf/gguf_writer.hpp"

namespace linnet::gguf {

/// Told how far a copy is; returning false ends it with an Error, and nothing is left of it.
using CopyProgress = std::function<bool(std::int64_t done_bytes, std::int64_t total_bytes)>;

/// An Error if the memory has no room for a copy of the file's metadata, as a Writer keeps it.
Status check_metadata_fits(const File& file);

/// Told the size of each piece that is copied; an Error ends the copy.
using Advance = std::function<Status(std::int64_t size_bytes)>;

/// Tells `progress` of a copy of all tensors of `file`, which must outlive it.
Advance advance_through(const File& file, CopyProgress progress);

/// Puts a tensor's bytes as they are, in pieces.
Status copy_tensor(const Tensor& tensor, const Writer::Sink& sink, const Advance& advance);

/// What came of a copy of `tensor`, whose memory is given back; `is_last`: of all that are copied.
/// Of a copy that failed, and of the last one, an Error if the file was changed meanwhile, which
/// may be why; else `copied`.
Status end_copy(const File& file, const Tensor& tensor, const Status& copied, bool is_last);

/// Declares `tensors` of `file` in `writer`, which has the metadata, and writes them to `path` as
/// they are. An Error if the file changes meanwhile, too.
Status write_tensors(const File& file, std::span<const Tensor> tensors, Writer writer,
                     const std::filesystem::path& path, const Advance& advance);

}  // namespace linnet::gguf
