#pragma once

#include "chat/output/event_list.hpp"

namespace linnet {

/// For gpt-oss: an answer is messages, each a header with a channel and perhaps a recipient,
/// <|message|>, and a body up to <|end|>, <|call|> or <|return|>. The prompt ends with
/// <|start|>assistant, so an answer begins inside a header.
/// Format: https://github.com/openai/harmony
class HarmonyParser final : public OutputParser {
 public:
  explicit HarmonyParser(const OutputOptions& options)
      : tools_(options.tools), events_(options.id_seed) {}

  std::vector<OutputEvent> push(std::string_view text) override;
  std::vector<OutputEvent> finish() override;

 private:
  bool step();
  bool step_header();
  bool step_body();
  void begin_body(std::string_view header);
  void emit(std::string_view text);
  void end_body();

  ToolTable tools_;
  EventList events_;
  std::string buffer_;
  bool in_header_ = true;
  bool is_reasoning_ = false;
  std::string recipient_;  // of the body; empty for the person
  std::string call_;       // the body, where it is for a tool
};

}  // namespace linnet
