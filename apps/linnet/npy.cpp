#include "linnet/npy.hpp"

#include <fmt/format.h>

namespace linnet::app {
namespace {

std::string npy_header(std::span<const std::int64_t> shape) {
  std::string dimensions;
  for (const std::int64_t dimension : shape) dimensions += fmt::format("{}, ", dimension);
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", dimensions);
  constexpr std::size_t kPrefix = 10;  // magic, version, header length
  header.append(63 - (kPrefix + header.size()) % 64, ' ');
  header += '\n';
  std::string prefix("\x93NUMPY\x01\x00", 8);
  prefix += static_cast<char>(header.size() & 0xff);
  prefix += static_cast<char>(header.size() >> 8);
  return prefix + header;
}

}  // namespace

Error stopped(const std::string& path) {
  return Error{fmt::format("{}: stopped before all of it was written", path)};
}

NpyWriter::NpyWriter(const std::string& path) : file_(std::make_unique<NewFile>(path)) {}

Result<NpyWriter> NpyWriter::create(const std::string& path, std::span<const std::int64_t> shape) {
  NpyWriter writer(path);
  const std::string header = npy_header(shape);
  if (Status s = writer.file_->write(std::as_bytes(std::span(header))); !s) return s.error();
  return writer;
}

Status NpyWriter::append(std::span<const float> values) {
  return file_->write(std::as_bytes(values));
}

Status NpyWriter::finish() { return file_->finish(); }

}  // namespace linnet::app
