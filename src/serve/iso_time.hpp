#pragma once

#include <cstdint>
#include <string>

namespace linnet::serve {

/// Seconds since 1970 as 2026-11-28T01:41:07Z.
std::string iso_time(std::int64_t seconds);

}  // namespace linnet::serve
