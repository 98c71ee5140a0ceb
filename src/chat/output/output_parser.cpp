#include "chat/output/output_parser.hpp"

#include "chat/output/marked_parser.hpp"
#include "chat/output/message_parser.hpp"
#include "chat/output/thinking_as_text.hpp"

namespace linnet {

std::unique_ptr<OutputParser> make_output_parser(const OutputFormat& format,
                                                 const OutputOptions& options) {
  std::unique_ptr<OutputParser> parser;
  if (format.family->messages) {
    parser = std::make_unique<MessageParser>(*format.family->messages, options);
  } else {
    parser = std::make_unique<MarkedParser>(format, options);
  }
  return options.thinking_is_text ? with_thinking_as_text(std::move(parser), format)
                                  : std::move(parser);
}

}  // namespace linnet
