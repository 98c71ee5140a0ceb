#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/read_file.hpp"
#include "linnet/chat/chat_session.hpp"

namespace linnet::app {

/// What the commands of a conversation work on.
struct ChatConsole {
  ChatSession& session;
  InterruptCatcher& catcher;
  std::string attached;  ///< text of files, which goes with the next message
  bool ended = false;
};

/// A command as help shows it: its name, and what comes after it.
struct ChatCommandForm {
  std::string_view name, argument, help;
};
std::vector<ChatCommandForm> chat_commands();

/// A path as a person writes it, in which ~/ is the home folder.
std::string at_home(const std::string& path);

/// The picture or sound in a file, which `read` reads, goes with the next message.
Status attach_medium(ChatConsole& console, MediaFiles::Kind kind, const std::string& path,
                     FileReader& read);

/// Runs a line that begins with a slash. An Error says what is wrong with it.
Status run_chat_command(ChatConsole& console, std::string_view line);

/// One line about the latest answer, to standard error.
void note_turn(const ChatSession& session);

}  // namespace linnet::app
