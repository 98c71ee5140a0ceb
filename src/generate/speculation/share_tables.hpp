#pragma once

#include "base/result.hpp"
#include "gguf/gguf_file.hpp"
#include "model/model.hpp"

namespace linnet {

/// The tables that the model in `file`, which `spec` describes and which guesses for `target`, may
/// take from that one in `backend`. An Error if it needs one that does not fit.
Result<SharedTables> share_tables(const gguf::File& file, const ModelSpec& spec,
                                  const Model& target, const Backend& backend);

}  // namespace linnet
