#include "chat/output/message_headers.hpp"

#include <algorithm>

namespace linnet {
namespace {

constexpr auto kNowhere = std::string_view::npos;

bool has(std::string_view text, std::string_view part) { return text.find(part) != kNowhere; }

// The word behind `sign`, up to white space or the next marker; empty where there is none.
std::string_view word_behind(std::string_view text, std::string_view sign) {
  const std::size_t at = sign.empty() ? kNowhere : text.find(sign);
  if (at == kNowhere) return {};
  text.remove_prefix(at + sign.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text.substr(0, text.find_first_of(" <\n"));
}

// Headers of roles, markers, perhaps a channel and a recipient.
class RoleHeaders final : public HeaderReader {
 public:
  explicit RoleHeaders(const MessageStyle& style) : style_(style) {}

  std::optional<MessageHeader> read(std::string_view text) const override {
    const std::size_t end = text.find(style_.header_end);
    const std::size_t bytes = end == kNowhere ? text.size() : end + style_.header_end.size();
    if (!may_be_header(text.substr(0, bytes))) return MessageHeader{};
    if (end == kNowhere) return std::nullopt;
    text = text.substr(0, end);
    MessageHeader header{.bytes = bytes};
    std::string_view recipient = word_behind(text, style_.recipient);
    header.is_reasoning =
        !style_.reasoning.empty() &&
        (recipient == style_.reasoning || word_behind(text, style_.channel) == style_.reasoning);
    const bool is_tool =
        recipient != "user" && recipient != "assistant" && recipient != style_.reasoning;
    if (recipient.starts_with(style_.tool_prefix)) {
      recipient.remove_prefix(style_.tool_prefix.size());
    }
    if (is_tool) header.recipient = recipient;
    return header;
  }

  // Several words without any of a header's signs are text.
  bool is_cut(std::string_view text) const override {
    text = trimmed(text);
    return may_be_header(text) &&
           (!has(text, " ") || has(text, kMarker) || has(text, style_.recipient));
  }

  std::vector<std::string_view> text_ends() const override { return style_.ends; }

 private:
  static constexpr std::string_view kMarker = "<|";

  // What is longer than any header is an answer that begins like one.
  bool may_be_header(std::string_view text) const {
    constexpr std::size_t kLongestHeader = 512;
    if (text.size() > kLongestHeader) return false;
    text = trimmed(text);
    const auto may_begin = [&](std::string_view begin) {
      const std::size_t common = std::min(begin.size(), text.size());
      return text.substr(0, common) == begin.substr(0, common);
    };
    return may_begin(kMarker) || may_begin(style_.recipient) ||
           std::ranges::any_of(style_.header_words, may_begin);
  }

  const MessageStyle& style_;
};

// Headers that are nothing but a recipient. They could be any text, so that only the person and
// tools are one.
class RecipientHeaders final : public HeaderReader {
 public:
  RecipientHeaders(const MessageStyle& style, const ToolTable& tools) : style_(style) {
    std::vector<std::string> recipients = tools.names();
    recipients.emplace_back(style.person);
    for (const std::string& recipient : recipients) {
      headers_.push_back(recipient + std::string(style.header_end));
      for (const std::string_view end : style.ends) {
        text_ends_.push_back(std::string(end) + headers_.back());
      }
    }
  }

  std::optional<MessageHeader> read(std::string_view text) const override {
    const auto is_there = [&](std::string_view header) { return text.starts_with(header); };
    const auto may_come = [&](std::string_view header) { return header.starts_with(text); };
    const auto found = std::ranges::find_if(headers_, is_there);
    if (found != headers_.end()) {
      const std::string recipient = found->substr(0, found->size() - style_.header_end.size());
      return MessageHeader{.recipient = recipient == style_.person ? "" : recipient,
                           .bytes = found->size()};
    }
    if (std::ranges::any_of(headers_, may_come)) return std::nullopt;
    return MessageHeader{};
  }

  bool is_cut(std::string_view) const override { return true; }

  std::vector<std::string_view> text_ends() const override {
    return {text_ends_.begin(), text_ends_.end()};
  }

 private:
  const MessageStyle& style_;
  std::vector<std::string> headers_, text_ends_;
};

}  // namespace

std::unique_ptr<HeaderReader> make_header_reader(const MessageStyle& style,
                                                 const ToolTable& tools) {
  if (style.person.empty()) return std::make_unique<RoleHeaders>(style);
  return std::make_unique<RecipientHeaders>(style, tools);
}

}  // namespace linnet
