#include "linnet/npy.hpp"

#include <fmt/format.h>

#include <cstring>
#include <fstream>

namespace linnet::app {

Status write_npy(const std::string& path, std::span<const float> values,
                 std::span<const std::int64_t> shape) {
  std::string dimensions;
  for (const std::int64_t dimension : shape) dimensions += fmt::format("{}, ", dimension);
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", dimensions);
  constexpr std::size_t kPrefix = 10;  // magic, version, header length
  header.append(63 - (kPrefix + header.size()) % 64, ' ');
  header += '\n';
  const std::string prefix = {'\x93',
                              'N',
                              'U',
                              'M',
                              'P',
                              'Y',
                              1,
                              0,
                              static_cast<char>(header.size() & 0xff),
                              static_cast<char>(header.size() >> 8)};
  std::ofstream out(path, std::ios::binary);
  out << prefix << header;
  out.write(reinterpret_cast<const char*>(values.data()),
            static_cast<std::streamsize>(values.size_bytes()));
  out.close();
  if (!out) return Error{fmt::format("{}: cannot be written: {}", path, std::strerror(errno))};
  return {};
}

}  // namespace linnet::app
