#pragma once

#include "gguf/gguf_file.hpp"

namespace linnet::app {

/// Says on stderr which of the tokens that a file names its vocabulary does not have.
void note_foreign_ids(const gguf::File& file);

}  // namespace linnet::app
