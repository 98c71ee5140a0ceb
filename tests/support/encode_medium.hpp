#pragma once

#include "base/result.hpp"
#include "encoder/encoded_rows.hpp"

namespace linnet::test {

/// All parts of `input`, a picture's pixels or a chunk of a sound, one behind the other.
template <class Encoder, class Input>
Result<EncodedRows> encode(Encoder& encoder, const Input& input) {
  if (Status status = encoder.begin(input); !status) return status.error();
  while (true) {
    auto rows = encoder.advance();
    if (!rows) return rows.error();
    if (*rows) return std::move(**rows);
  }
}

}  // namespace linnet::test
