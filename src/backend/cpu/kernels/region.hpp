#pragma once

// All that the kernels include and that other files include, too: an isa_*.cpp includes it before
// the region that is compiled for its instruction set, so that nothing shared is compiled for it.
// For the linker keeps one copy of an inline function, whichever that is, and every processor runs
// it. Inside of the region all functions are templates of the instruction set, for the same reason.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kv_store.hpp"
#include "backend/key_selection.hpp"
#include "base/half.hpp"
#include "base/tile_registers.hpp"
#include "formats/all.hpp"
