#pragma once

#include "base/result.hpp"

namespace linnet::hub {

/// What a download that was told not to go on ends with.
inline Error interruption() { return Error{"the download was interrupted"}; }

}  // namespace linnet::hub
