#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "chat/output/call_syntax.hpp"
#include "chat/output/output_parser.hpp"

namespace linnet {

/// Calls `take` with short pieces of `text`. Parsers look for each marker in all that they have,
/// which in a whole answer of many markers would take minutes.
template <class Take>
void for_pieces(std::string_view text, const Take& take) {
  constexpr std::size_t kPieceBytes = 256;
  for (; !text.empty(); text.remove_prefix(std::min(kPieceBytes, text.size()))) {
    take(text.substr(0, kPieceBytes));
  }
}

/// Gathers the events of an answer: white space around the parts is dropped, calls get their ids.
/// A call is taken out of the text around it: what stood on both sides of it stays apart by the
/// white space that was there, and there is none where the text begins or ends with a call.
class EventList {
 public:
  explicit EventList(const OutputOptions& options)
      : id_state_(options.id_seed),
        ends_with_call_(options.ends_with_call),
        whole_calls_(options.whole_calls) {}

  void text(std::string_view text) { add(OutputEvent::Kind::kText, text); }
  void reasoning(std::string_view text) { add(OutputEvent::Kind::kReasoning, text); }
  void call(const ParsedCall& call);
  /// A call whose arguments come in pieces: it comes out at its end where calls are to be whole.
  void begin_call(const ParsedCall& call);
  void call_arguments(std::string_view piece);
  void end_call();
  /// Its arguments are not complete: a warning, and no call where these are to be whole.
  void cut_call();
  /// A call that is not one: a warning, and the text that was to be it.
  void broken_call(std::string_view reason, std::string_view text);
  void warning(std::string text);
  /// A part ends: white space held back is dropped, and so is that with which the next one begins.
  void end_part();
  /// The answer ends: white space held back comes out.
  void end_answer();

  /// Whatever comes is dropped.
  bool is_over() const { return is_over_; }

  /// Nothing but white space came since a call.
  bool is_behind_call() const { return is_behind_call_; }

  std::vector<OutputEvent> take() { return std::exchange(events_, {}); }

 private:
  void add(OutputEvent::Kind kind, std::string_view text);
  ToolCall next_call(const ParsedCall& call);
  std::string id_of(const ParsedCall& call);
  std::string next_id();

  std::vector<OutputEvent> events_;
  OutputEvent::Kind kind_ = OutputEvent::Kind::kText;
  std::string spaces_;         // at the end of what came, not yet given out
  bool skips_spaces_ = false;  // a part begins
  bool has_text_ = false;      // of the answer, and something in it
  bool is_behind_call_ = false;
  std::set<std::string> ids_;  // that the model gave
  std::uint64_t id_state_;
  ToolCall open_call_;  // whose arguments come in pieces, where calls are to be whole
  bool ends_with_call_, whole_calls_;
  bool is_over_ = false;
};

}  // namespace linnet
