// Models in several files: up to four parts of any bytes, which lie one behind the other in the
// input, each behind its length. Refused with a sentence, or all that they hold can be read.

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "gguf/gguf_file.hpp"
#include "require.hpp"

namespace {

using linnet::fuzz::require;

constexpr int kParts = 4;

// The files of the parts, which are there until the program ends.
class PartFiles {
 public:
  ~PartFiles() { put({}); }

  std::filesystem::path path(int number) const {
    return "/dev/shm/linnet-fuzz-" + std::to_string(getpid()) + "-0000" + std::to_string(number) +
           "-of-00004.gguf";
  }

  void put(std::span<const std::uint8_t> input) const {
    for (int number = 1; number <= kParts; ++number) {
      if (input.size() < 2) {
        std::filesystem::remove(path(number));
        continue;
      }
      const std::size_t wanted = input[0] + 256 * std::size_t{input[1]};
      const auto bytes = input.subspan(2, std::min(wanted, input.size() - 2));
      std::ofstream(path(number), std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
      input = input.subspan(2 + bytes.size());
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const PartFiles parts;
  parts.put({data, size});
  const auto file = linnet::gguf::File::open(parts.path(1));
  if (!file) {
    require(file.error().message.find(".gguf: ") != std::string::npos);
    return 0;
  }
  require(file->check_unchanged().ok());
  unsigned sum = 0;
  for (const auto& tensor : file->tensors()) {
    require(file->find_tensor(tensor.name) == &tensor);
    require(std::ssize(tensor.bytes) == tensor.format->size_bytes(tensor.elements()));
    for (const std::byte byte : tensor.bytes) sum += static_cast<unsigned>(byte);
    file->release(tensor);
  }
  for (const auto& item : file->metadata()) {
    require(file->find(item.key) == &item.value);
    const auto values = {file->integer(item.key).ok(), file->number(item.key).ok(),
                         file->boolean(item.key).ok(), file->string(item.key).ok(),
                         file->array(item.key).ok()};
    require(std::ranges::count(values, true) <= 2);  // an integer is a number, too
  }
  volatile unsigned seen = sum;
  static_cast<void>(seen);
  return 0;
}
