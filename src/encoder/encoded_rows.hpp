#pragma once

#include <cstdint>
#include <vector>

namespace linnet {

/// What a picture or a sound is to a text model.
struct EncodedRows {
  std::int64_t rows = 0;
  std::vector<float> values;  ///< [rows, ModelSpec::given_columns() of the text model]
};

}  // namespace linnet
