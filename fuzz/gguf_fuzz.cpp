// The GGUF reader on hostile bytes: whatever the header says, a refused file gives a sentence and
// an accepted one can be read to its last array element and tensor block.

#include <cstdint>
#include <string_view>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "require.hpp"

namespace {

using linnet::fuzz::require;
using linnet::gguf::Array;
using linnet::gguf::Header;

// One value that depends on all of an array, so that reading it is not optimised away.
double read_array(const Array& array) {
  double sum = 0.0;
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (array.is_string()) {
      for (const char c : array.string(i)) sum += c;
    } else {
      sum += array.number(i);
      if (array.is_integer()) sum += static_cast<double>(array.integer(i));
    }
  }
  return sum;
}

double read_metadata(const Header& header) {
  double sum = 0.0;
  for (const auto& [key, value] : header.metadata) {
    require(!key.empty() && !linnet::gguf::value_type_name(value.type).empty());
    if (const auto* array = std::get_if<Array>(&value.data)) sum += read_array(*array);
    if (const auto* text = std::get_if<std::string_view>(&value.data)) {
      for (const char c : *text) sum += c;
    }
  }
  return sum;
}

void read_tensors(const Header& header, std::span<const std::byte> file) {
  require(header.tensors.size() == header.tensor_offsets.size());
  for (std::size_t i = 0; i < header.tensors.size(); ++i) {
    const auto& tensor = header.tensors[i];
    const linnet::Format& format = *tensor.format;
    const std::uint64_t begin = header.data_offset + header.tensor_offsets[i];
    const auto size = static_cast<std::uint64_t>(format.size_bytes(tensor.elements()));
    require(tensor.elements() > 0 && size > 0);
    require(begin % header.alignment == 0 && begin <= file.size() && size <= file.size() - begin);
    std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
    format.dequantize(file.data() + begin, values.data(), tensor.elements());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto whole = linnet::gguf::parse_header(bytes, size, "fuzz.gguf");
  if (whole) {
    volatile double sum = read_metadata(*whole);
    static_cast<void>(sum);
    read_tensors(*whole, bytes);
  } else {
    require(whole.error().message.starts_with("fuzz.gguf: "));
  }
  // As when only the beginning of a large file was fetched: whatever is read lies in the beginning.
  const auto beginning = linnet::gguf::parse_header(bytes, std::uint64_t{1} << 62, "fuzz.gguf");
  if (beginning) {
    volatile double sum = read_metadata(*beginning);
    static_cast<void>(sum);
  }
  return 0;
}
