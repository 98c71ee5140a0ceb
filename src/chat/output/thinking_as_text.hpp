#pragma once

#include <memory>

#include "chat/output/output_parser.hpp"

namespace linnet {

/// `parser`, whose thinking comes as text between the marks of the format, or <think> and </think>
/// where it has none.
std::unique_ptr<OutputParser> with_thinking_as_text(std::unique_ptr<OutputParser> parser,
                                                    const OutputFormat& format);

}  // namespace linnet
