#include "chat/output/event_list.hpp"

#include "base/splitmix64.hpp"
#include "chat/json_text.hpp"

namespace linnet {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

}  // namespace

void EventList::add(OutputEvent::Kind kind, std::string_view text) {
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
}

void EventList::end_answer() {
  if (spaces_.empty() || kind_ != OutputEvent::Kind::kText) return;
  events_.push_back({kind_, std::exchange(spaces_, {}), {}});
}

void EventList::call(const ParsedCall& call) {
  end_part();
  events_.push_back(
      {OutputEvent::Kind::kToolCall,
       "",
       {call.id.empty() ? next_id() : call.id, call.name, json_text(call.arguments)}});
}

void EventList::broken_call(std::string_view reason, std::string_view text) {
  warning("a tool call of the model cannot be understood (" + std::string(reason) +
          ") and is shown as text");
  add(OutputEvent::Kind::kText, text);
}

void EventList::warning(std::string text) {
  events_.push_back({OutputEvent::Kind::kWarning, std::move(text), {}});
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
