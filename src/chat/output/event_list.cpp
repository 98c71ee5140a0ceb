#include "chat/output/event_list.hpp"

#include "base/splitmix64.hpp"
#include "chat/json_text.hpp"

namespace linnet {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

}  // namespace

void EventList::add(OutputEvent::Kind kind, std::string_view text) {
  if (is_over_) return;
  if (kind != kind_) end_part();
  kind_ = kind;
  if (skips_spaces_) text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  if (text.empty()) return;
  skips_spaces_ = false;
  const std::size_t end = text.find_last_not_of(kSpaces);
  if (end == std::string_view::npos) {
    spaces_ += text;
    return;
  }
  has_text_ = kind == OutputEvent::Kind::kText;
  is_behind_call_ = false;
  std::string shown = std::exchange(spaces_, std::string(text.substr(end + 1)));
  shown += text.substr(0, end + 1);
  if (!events_.empty() && events_.back().kind == kind) {
    events_.back().text += shown;
  } else {
    events_.push_back({kind, std::move(shown), {}});
  }
}

void EventList::end_part() {
  spaces_.clear();
  skips_spaces_ = true;
  has_text_ = false;
}

void EventList::end_answer() {
  if (spaces_.empty() || kind_ != OutputEvent::Kind::kText || is_behind_call_) return;
  events_.push_back({kind_, std::exchange(spaces_, {}), {}});
}

// A call without its arguments, where the text stands now.
ToolCall EventList::next_call(const ParsedCall& call) {
  if (!has_text_) end_part();
  is_behind_call_ = true;
  return {id_of(call), call.name, ""};
}

void EventList::call(const ParsedCall& call) {
  if (is_over_) return;
  ToolCall whole = next_call(call);
  whole.arguments = json_text(call.arguments);
  events_.push_back({OutputEvent::Kind::kToolCall, "", std::move(whole)});
  is_over_ = ends_with_call_;
}

void EventList::begin_call(const ParsedCall& call) {
  if (is_over_) return;
  ToolCall begun = next_call(call);
  if (whole_calls_) {
    open_call_ = std::move(begun);
  } else {
    events_.push_back({OutputEvent::Kind::kCallBegin, "", std::move(begun)});
  }
}

void EventList::call_arguments(std::string_view piece) {
  if (is_over_ || piece.empty()) return;
  if (whole_calls_) {
    open_call_.arguments += piece;
  } else if (!events_.empty() && events_.back().kind == OutputEvent::Kind::kCallArguments) {
    events_.back().text += piece;
  } else {
    events_.push_back({OutputEvent::Kind::kCallArguments, std::string(piece), {}});
  }
}

void EventList::end_call() {
  if (is_over_) return;
  if (whole_calls_) {
    events_.push_back({OutputEvent::Kind::kToolCall, "", std::exchange(open_call_, {})});
  } else {
    events_.push_back({OutputEvent::Kind::kCallEnd, "", {}});
  }
  is_over_ = ends_with_call_;
}

void EventList::cut_call() {
  warning("the arguments of a tool call of the model are not complete");
}

void EventList::broken_call(std::string_view reason, std::string_view text) {
  warning("a tool call of the model cannot be understood (" + std::string(reason) +
          ") and is shown as text");
  add(OutputEvent::Kind::kText, text);
}

void EventList::warning(std::string text) {
  if (is_over_) return;
  events_.push_back({OutputEvent::Kind::kWarning, std::move(text), {}});
}

// Results find their call by it, so that the same one again is none.
std::string EventList::id_of(const ParsedCall& call) {
  const bool is_new = !call.id.empty() && ids_.insert(call.id).second;
  return is_new ? call.id : next_id();
}

// Nine letters and digits: the templates of Mistral insist on that form.
std::string EventList::next_id() {
  constexpr std::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::uint64_t bits = spread_bits(id_state_ += kSplitMixStep);
  std::string id;
  for (int i = 0; i < 9; ++i, bits /= kDigits.size()) id += kDigits[bits % kDigits.size()];
  return id;
}

}  // namespace linnet
