#include "chat/output/thinking_as_text.hpp"

#include <string>
#include <utility>

namespace linnet {
namespace {

class ThinkingAsText final : public OutputParser {
 public:
  ThinkingAsText(std::unique_ptr<OutputParser> parser, const OutputFormat& format)
      : parser_(std::move(parser)) {
    if (format.reasoning.begin.empty() || format.reasoning.end.empty()) return;
    begin_ = format.reasoning.begin;
    end_ = format.reasoning.end;
  }

  std::vector<OutputEvent> push(std::string_view text) override {
    return shown(parser_->push(text));
  }
  std::vector<OutputEvent> finish() override { return shown(parser_->finish()); }
  bool is_over() const override { return parser_->is_over(); }

 private:
  using Kind = OutputEvent::Kind;

  // Parsers drop the white space around thinking. What a limit cuts has no end.
  std::vector<OutputEvent> shown(std::vector<OutputEvent> events) {
    std::vector<OutputEvent> shown;
    for (OutputEvent& event : events) {
      if (event.kind == Kind::kReasoning) {
        if (!std::exchange(is_thinking_, true)) shown.push_back({Kind::kText, begin_ + "\n", {}});
        event.kind = Kind::kText;
      } else if (event.kind != Kind::kWarning && std::exchange(is_thinking_, false)) {
        shown.push_back({Kind::kText, "\n" + end_ + "\n\n", {}});
      }
      shown.push_back(std::move(event));
    }
    return shown;
  }

  const std::unique_ptr<OutputParser> parser_;
  std::string begin_ = "<think>", end_ = "</think>";
  bool is_thinking_ = false;
};

}  // namespace

std::unique_ptr<OutputParser> with_thinking_as_text(std::unique_ptr<OutputParser> parser,
                                                    const OutputFormat& format) {
  return std::make_unique<ThinkingAsText>(std::move(parser), format);
}

}  // namespace linnet
