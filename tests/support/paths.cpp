#include "support/paths.hpp"

namespace linnet::test {

// The only file that is compiled with these names: the others are the same in any folder, so that
// ccache knows them in each clone.
std::string in_repository(std::string_view path) {
  return std::string(LINNET_SOURCE_DIR "/").append(path);
}

std::string program() { return LINNET_PROGRAM; }

}  // namespace linnet::test
