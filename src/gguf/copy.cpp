#include "gguf/copy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/machine.hpp"

namespace linnet::gguf {
namespace {

// Bytes of a value in a file, about.
std::int64_t size_bytes(const Value& value) {
  if (const auto* text = std::get_if<std::string_view>(&value.data)) return std::ssize(*text);
  const auto* array = std::get_if<Array>(&value.data);
  const auto count = static_cast<std::int64_t>(array ? array->size() : 1);
  std::int64_t size = count * std::int64_t{sizeof(std::uint64_t)};
  for (std::int64_t i = 0; array && array->is_string() && i < count; ++i) {
    size += std::ssize(array->string(static_cast<std::size_t>(i)));
  }
  return size;
}

}  // namespace

// The writer keeps it once, with as much again while it grows, and in the header.
Status check_metadata_fits(const File& file) {
  std::int64_t needed_bytes = 0;
  for (const KeyValue& pair : file.metadata()) needed_bytes += 4 * size_bytes(pair.value);
  return check_free_memory(needed_bytes, file.path().string() + ": copies of its metadata");
}

Advance advance_through(const File& file, CopyProgress progress) {
  std::int64_t total_bytes = 0;
  for (const Tensor& tensor : file.tensors()) total_bytes += std::ssize(tensor.bytes);
  return [&file, total_bytes, done_bytes = std::int64_t{0},
          progress = std::move(progress)](std::int64_t size_bytes) mutable -> Status {
    done_bytes += size_bytes;
    if (!progress || progress(done_bytes, total_bytes)) return {};
    return Error{fmt::format("{}: stopped before all of it was copied", file.path().string())};
  };
}

Status copy_tensor(const Tensor& tensor, const Writer::Sink& sink, const Advance& advance) {
  constexpr std::size_t kPiece = 16 << 20;
  for (std::span<const std::byte> rest = tensor.bytes; !rest.empty();) {
    const auto piece = rest.first(std::min(rest.size(), kPiece));
    if (Status status = sink(piece); !status) return status;
    rest = rest.subspan(piece.size());
    if (Status status = advance(std::ssize(piece)); !status) return status;
  }
  return {};
}

// The files of all parts are looked at but once: parts times tensors may be many.
Status end_copy(const File& file, const Tensor& tensor, const Status& copied, bool is_last) {
  file.release(tensor);
  if (copied && !is_last) return {};
  const Status unchanged = file.check_unchanged();
  return unchanged ? copied : unchanged;
}

Status write_tensors(const File& file, std::span<const Tensor> tensors, Writer writer,
                     const std::filesystem::path& path, const Advance& advance) {
  for (const Tensor& tensor : tensors) {
    writer.add_tensor(tensor.name, *tensor.format,
                      std::span(tensor.shape).first(static_cast<std::size_t>(tensor.dimensions)));
  }
  return writer.write(path, [&](std::size_t index, const Writer::Sink& sink) {
    const Tensor& tensor = tensors[index];
    return end_copy(file, tensor, copy_tensor(tensor, sink, advance), index + 1 == tensors.size());
  });
}

}  // namespace linnet::gguf
