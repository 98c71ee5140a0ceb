#pragma once

#include "chat/output/event_list.hpp"

namespace linnet {

/// For families that mark their thinking and their calls inside the text of an answer.
class MarkedParser final : public OutputParser {
 public:
  MarkedParser(const OutputFormat& format, const OutputOptions& options);

  std::vector<OutputEvent> push(std::string_view text) override;
  std::vector<OutputEvent> finish() override;

 private:
  enum class Mode { kStart, kText, kReasoning, kCall, kBareCall };
  struct Marker {
    std::size_t at;
    std::string_view text;
    const CallSection* section;
    Mode after;
  };

  bool looks_for_bare_call() const { return format_.bare_json && !tools_.empty(); }
  /// One step through the buffer; false where more text is needed.
  bool step();
  bool step_start();
  bool step_text();
  bool step_call();
  Marker next_marker() const;
  std::size_t held_back() const;
  void emit(std::string_view text);
  void end_call(std::string_view content, std::string_view end);
  void end_bare_call();

  OutputFormat format_;
  ToolTable tools_;
  EventList events_;
  Mode mode_ = Mode::kStart;
  const CallSection* section_ = nullptr;
  std::string buffer_;
  std::size_t searched_ = 0;  // bytes of the buffer where the end of the call does not begin
};

}  // namespace linnet
