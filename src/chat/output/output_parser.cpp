#include "chat/output/output_parser.hpp"

#include "chat/output/marked_parser.hpp"
#include "chat/output/message_parser.hpp"

namespace linnet {

std::unique_ptr<OutputParser> make_output_parser(const OutputFormat& format,
                                                 const OutputOptions& options) {
  if (format.messages) return std::make_unique<MessageParser>(*format.messages, options);
  return std::make_unique<MarkedParser>(format, options);
}

}  // namespace linnet
