#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "chat/output/event_list.hpp"
#include "chat/output/families.hpp"
#include "chat/output/object_reader.hpp"

namespace linnet {

/// Why a held call that ends before its arguments is none.
inline constexpr std::string_view kNoArguments = "it ends before its arguments";

/// Reads calls that a grammar holds to a form, while they come: a call begins where its arguments
/// do. Where the section has anything else, or the form does not tell a call's id and name before
/// its arguments, none begins, and the section is to be read when it is complete.
class HeldCalls {
 public:
  HeldCalls(const CallForm& form, const CallSection& section);

  /// Reads on in `content`, all of the section so far: that of the last call, or longer.
  void read(std::string_view content, const ToolTable& tools, EventList& events);

  /// The calls that have begun.
  std::size_t begun() const { return begun_; }
  /// True if the answer, all of which is `content`, ends within the beginning of a call: before the
  /// arguments.
  bool is_cut_in_head(std::string_view content) const;
  /// True where the arguments of the last one have not ended.
  bool is_open() const { return begun_ > 0 && !arguments_.is_complete(); }

 private:
  enum class Stage { kHead, kArguments, kOver };

  bool read_head(std::string_view content, const ToolTable& tools, EventList& events);
  bool begin_call(std::string_view head, std::string_view name, const ToolTable& tools,
                  EventList& events);
  bool read_arguments(std::string_view content, EventList& events);

  CallSection section_;
  std::string head_, middle_, between_, end_;  // of the form, within the section
  Stage stage_ = Stage::kOver;
  std::string first_call_;  // up to its arguments
  std::size_t at_ = 0;      // what stands before is read
  std::size_t begun_ = 0;
  ObjectReader arguments_;  // of the last call
};

/// Reads arguments from the beginning of `text`, and gives out what is new of them; the bytes that
/// were taken.
std::size_t pass_arguments(std::string_view text, ObjectReader& reader, EventList& events);

/// What a section says between its markers: its calls. `end` is the one that was there; empty where
/// there was none.
Result<std::vector<ParsedCall>> parse_section(const CallSection& section, std::string_view content,
                                              std::string_view end, const ToolTable& tools);

}  // namespace linnet
