#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace linnet::app {

/// The messages of a conversation. All are kept (and saved); the oldest turns may be hidden from
/// the model where the context is too short for them. A turn is a message of the user with what
/// answers it. Belongs to one thread.
class ChatHistory {
 public:
  /// An empty text takes the system message away.
  void set_system(std::string_view text);
  /// Forgets all but the system message.
  void reset();
  void add_user(std::string_view text);
  void add_assistant(std::string_view content, std::string_view reasoning);
  /// Takes the answer to the latest message away; false if there is no message to answer.
  bool take_answer_back();

  std::int64_t turns() const;
  /// What goes into a prompt: the system message and the turns that are not hidden.
  nlohmann::ordered_json shown() const;
  /// Hides up to this many of the oldest turns that are shown, never the latest; returns how many.
  std::int64_t hide_oldest_turns(std::int64_t turns);

  /// All messages, a list in OpenAI's form, and how many after the system message are hidden.
  const nlohmann::ordered_json& messages() const { return messages_; }
  std::size_t hidden() const { return hidden_; }
  /// Replaces them all; the latest turn is shown whatever `hidden` says. An Error, and nothing has
  /// changed, if they are no such list.
  Status set_messages(nlohmann::ordered_json messages, std::size_t hidden);

 private:
  bool has_system() const;

  nlohmann::ordered_json messages_ = nlohmann::ordered_json::array();
  std::size_t hidden_ = 0;  // messages after the system message
};

/// Writes messages as a JSON list, in OpenAI's form.
Status save_messages(const std::string& path, const nlohmann::ordered_json& messages);
/// Reads any JSON that may be such a list.
Result<nlohmann::ordered_json> read_messages(const std::string& path);

}  // namespace linnet::app
