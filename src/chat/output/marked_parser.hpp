#pragma once

#include <optional>

#include "chat/output/event_list.hpp"
#include "chat/output/held_calls.hpp"
#include "chat/output/section_end.hpp"

namespace linnet {

/// For families that mark their thinking and their calls inside the text of an answer.
class MarkedParser final : public OutputParser {
 public:
  MarkedParser(const OutputFormat& format, const OutputOptions& options);

  std::vector<OutputEvent> push(std::string_view text) override;
  std::vector<OutputEvent> finish() override;
  bool is_over() const override { return events_.is_over(); }

 private:
  enum class Mode { kStart, kText, kReasoning, kCall, kBareCall };
  struct Marker {
    std::size_t at;
    std::string_view text;
    const CallSection* section;
    Mode after;
  };

  bool looks_for_bare_call() const { return format_.has_bare_calls && !tools_.empty(); }
  CallSection bare_section() const { return {"", "", &kJsonCalls}; }
  /// One step through the buffer; false where more text is needed.
  bool step();
  bool step_start();
  bool step_text();
  bool step_call();
  /// Those that are looked for.
  std::span<const CallSection> sections() const;
  Marker next_marker() const;
  /// True where more text may make another marker of this one.
  bool may_grow(const Marker& marker) const;
  std::size_t held_back() const;
  void emit(std::string_view text);
  void feed(std::string_view text);
  void drop(std::size_t bytes);
  void begin_call(const CallSection& section);
  // Of calls that begin in the thinking.
  void begin_thinking();
  bool step_call_in_thinking();
  bool begin_held_call();
  void look_for_ends_plainly();
  void go_on_thinking(std::size_t bytes);
  bool take_calls_in_thinking(std::string_view content, std::string_view end);
  void finish_call_in_thinking();
  /// Gives out what has come of calls that are held.
  void read_held_calls();
  bool has_begun_call() const { return held_calls_ && held_calls_->begun() > 0; }
  Status take_calls(const CallSection& section, std::string_view content, std::string_view end);
  void break_call(const Status& why, std::string_view content, std::string_view end);
  /// The call that `bytes` of the buffer were taken for is none: they are read again.
  void read_again(std::size_t bytes);
  void finish_call();
  /// Calls that are complete although their end is not there: what follows is none of them.
  bool take_calls_before_text();
  void leave_call();
  void end_bare_call();
  std::string whole_call(std::string_view content, std::string_view end) const;

  OutputFormat format_;
  ToolTable tools_;
  EventList events_;
  Mode mode_ = Mode::kStart;
  const CallSection* section_ = nullptr;
  bool is_in_thinking_ = false;  // the call, which may be none
  bool thinks_plainly_ = false;  // any end of a call in the thinking is one
  const CallForm* const held_form_;
  std::vector<std::string> held_begins_;  // with which calls of that form end the thinking
  std::vector<std::string_view> noise_;   // that the answer may have, as far as it is there
  std::optional<HeldCalls> held_calls_;   // of the section, where they are held
  std::string buffer_;
  SectionEnd end_;               // of the call
  std::string again_;            // what is read again
  std::size_t plain_bytes_ = 0;  // so much is read again, where any end of a call is one
};

}  // namespace linnet
