#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace linnet {

/// https://www.rfc-editor.org/rfc/rfc4648#section-4, with padding.
std::string encode_base64(std::string_view bytes);

/// What encode_base64() has made of them. An Error says where `text` is anything else: white space,
/// other alphabets, missing padding, bits after the last byte.
Result<std::vector<std::byte>> decode_base64(std::string_view text);

}  // namespace linnet
