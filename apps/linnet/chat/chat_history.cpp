#include "linnet/chat/chat_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/new_file.hpp"
#include "base/read_file.hpp"
#include "chat/json_text.hpp"
#include "grammar/schema/json_schema.hpp"

namespace linnet::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kLongestConversationBytes = 64 << 20;

bool has_role(const Json& message, std::string_view role) {
  return message.value("role", "") == role;
}

bool is_user(const Json& message) { return has_role(message, "user"); }

Status check_messages(const Json& messages) {
  if (!messages.is_array()) return Error{"expected a list of messages"};
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Json& message = messages[i];
    for (const char* const key : {"role", "content"}) {
      const bool has_text =
          message.is_object() && message.contains(key) && message[key].is_string();
      if (!has_text) return Error{fmt::format("message {} has no {} that is a text", i, key)};
    }
  }
  return {};
}

}  // namespace

bool ChatHistory::has_system() const {
  return !messages_.empty() && has_role(messages_[0], "system");
}

void ChatHistory::set_system(std::string_view text) {
  if (has_system()) messages_.erase(messages_.begin());
  if (text.empty()) return;
  messages_.insert(messages_.begin(), Json{{"role", "system"}, {"content", text}});
}

void ChatHistory::reset() {
  Json kept = Json::array();
  if (has_system()) kept.push_back(messages_[0]);
  messages_ = std::move(kept);
  hidden_ = 0;
}

void ChatHistory::add_user(std::string_view text) {
  messages_.push_back({{"role", "user"}, {"content", text}});
}

void ChatHistory::add_assistant(std::string_view content, std::string_view reasoning) {
  messages_.push_back({{"role", "assistant"}, {"content", content}});
  if (!reasoning.empty()) messages_.back()["reasoning_content"] = reasoning;
}

bool ChatHistory::take_answer_back() {
  const auto last = std::find_if(messages_.rbegin(), messages_.rend(), is_user);
  if (last == messages_.rend()) return false;
  messages_.erase(last.base(), messages_.end());
  return true;
}

std::int64_t ChatHistory::turns() const {
  return std::count_if(messages_.begin(), messages_.end(), is_user);
}

Json ChatHistory::shown() const {
  Json shown = messages_;
  const auto first = shown.begin() + (has_system() ? 1 : 0);
  shown.erase(first, first + static_cast<std::ptrdiff_t>(hidden_));
  return shown;
}

std::int64_t ChatHistory::hide_oldest_turns(std::int64_t turns) {
  const auto begin = messages_.begin() + (has_system() ? 1 : 0), end = messages_.end();
  auto first = std::find_if(begin + static_cast<std::ptrdiff_t>(hidden_), end, is_user);
  std::int64_t hidden = 0;
  while (hidden < turns && first != end) {
    first = std::find_if(first + 1, end, is_user);
    if (first == end) break;
    hidden_ = static_cast<std::size_t>(first - begin);
    ++hidden;
  }
  return hidden;
}

Status ChatHistory::set_messages(Json messages, std::size_t hidden) {
  if (Status status = check_messages(messages); !status) return status;
  messages_ = std::move(messages);
  const auto begin = messages_.begin() + (has_system() ? 1 : 0);
  const auto latest = std::find_if(messages_.rbegin(), messages_.rend(), is_user);
  const auto most = latest == messages_.rend() ? 0 : latest.base() - 1 - begin;
  hidden_ = std::min(hidden, static_cast<std::size_t>(most));
  return {};
}

Status save_messages(const std::string& path, const Json& messages) {
  const std::string text = indented_json_text(messages) + '\n';
  NewFile file(path);
  if (Status status = file.write(std::as_bytes(std::span(text))); !status) return status;
  return file.finish();
}

Result<Json> read_messages(const std::string& path) {
  const auto text = read_regular_file(path, kLongestConversationBytes);
  if (!text) return text.error();
  auto messages = grammar::parse_schema_json(*text);
  if (!messages) return Error{path + ": neither a session of linnet nor a conversation in JSON"};
  return messages;
}

}  // namespace linnet::app
