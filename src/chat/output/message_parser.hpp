#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "chat/output/event_list.hpp"
#include "chat/output/families.hpp"
#include "chat/output/held_calls.hpp"
#include "chat/output/message_headers.hpp"
#include "chat/output/section_end.hpp"

namespace linnet {

/// An answer is messages, each a header, as a rule with perhaps a channel and a recipient, and a
/// body. The prompt ends with the beginning of a header, so an answer begins inside one.
class MessageParser final : public OutputParser {
 public:
  MessageParser(const MessageStyle& style, const OutputOptions& options);

  std::vector<OutputEvent> push(std::string_view text) override;
  std::vector<OutputEvent> finish() override;
  bool is_over() const override { return events_.is_over(); }

 private:
  void feed(std::string_view text);
  bool step();
  bool step_header();
  bool step_body();
  bool step_call();
  void read_again();
  /// Gives out what has come of a call that is held.
  void read_held_call();
  bool has_begun_call() const { return held_bytes_ > 0; }
  /// The body is for a tool, and nothing in it was broken so far.
  bool is_in_call() const { return !in_header_ && !recipient_.empty() && !is_plain_; }
  bool may_be_code() const;
  void begin_body(const MessageHeader& header);
  void finish_call();
  void drop_cut_header();
  void emit(std::string_view text);
  std::size_t partial_end(const std::vector<std::string_view>& ends) const;
  std::size_t bytes_of(std::string_view end) const;
  Result<std::vector<ParsedCall>> parse_call() const;
  bool is_call() const;
  void end_body();

  const MessageStyle& style_;
  ToolTable tools_;
  std::unique_ptr<const HeaderReader> headers_;
  std::vector<std::string_view> text_ends_;  // of bodies in which anything may stand
  EventList events_;
  std::string buffer_;
  bool in_header_ = true;
  bool is_reasoning_ = false;
  std::string recipient_;  // of the body; empty for the person
  std::string call_;       // the body, where it is for a tool
  SectionEnd call_end_;
  bool may_be_held_;  // calls are, as long as nothing for the person has come
  ObjectReader held_arguments_;
  std::size_t held_bytes_ = 0;  // of the body, given out
  std::string again_;           // what is read again
  bool is_plain_ = false;       // a call was broken: any end of a body is one
};

}  // namespace linnet
