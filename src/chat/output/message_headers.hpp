#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/output/call_syntax.hpp"
#include "chat/output/families.hpp"

namespace linnet {

/// What the header of a message says.
struct MessageHeader {
  std::string recipient{};  ///< a tool, or any other name; empty: the message is for the person
  bool is_reasoning = false;
  std::size_t bytes = 0;  ///< with its end; 0 where there is none
};

/// Reads the headers of a family's messages.
class HeaderReader {
 public:
  virtual ~HeaderReader() = default;

  /// The header with which `text` begins. Nothing: more text is needed to tell.
  virtual std::optional<MessageHeader> read(std::string_view text) const = 0;
  /// Whether `text`, of which read() could not tell, is a header that was cut; it is text if not.
  virtual bool is_cut(std::string_view text) const = 0;
  /// What ends bodies in which anything may stand: an end of the style, perhaps with the beginning
  /// of the next header. They live as long as this.
  virtual std::vector<std::string_view> text_ends() const = 0;
};

/// `style` must outlive the reader.
std::unique_ptr<HeaderReader> make_header_reader(const MessageStyle& style, const ToolTable& tools);

}  // namespace linnet
