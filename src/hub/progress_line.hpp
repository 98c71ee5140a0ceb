#pragma once

#include <string>

#include "hub/download.hpp"
#include "hub/transfer_rate.hpp"

namespace linnet::hub {

/// One line of at most `columns` ASCII characters, as far as the file's name is ASCII:
/// "m.gguf  [####......]  43%  1.2 of 2.8 GiB  35.2 MiB/s  0:45 left".
std::string progress_line(const Progress& progress, const TransferRate& rate, int columns);

/// "638 MiB", "4.1 GiB"
std::string size_text(std::uint64_t bytes);

}  // namespace linnet::hub
