#pragma once

#include "gguf/copy.hpp"

namespace linnet::app {

/// For a file of a model that is written: shows its percent (see PercentLine), and ends it at the
/// first signal (see InterruptCatcher), for as long as this or a copy of it lives.
gguf::CopyProgress show_writing();

}  // namespace linnet::app
