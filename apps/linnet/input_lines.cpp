#include "linnet/input_lines.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/read_file.hpp"
#include "chat/json_text.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {

Result<std::string> read_text(const std::string& path) {
  if (path == "-") return read_descriptor(STDIN_FILENO, "standard input", kLongestTextBytes);
  return read_file(path, kLongestTextBytes);
}

bool is_input_piped() {
  struct stat input {};
  if (fstat(STDIN_FILENO, &input) != 0) return false;
  return S_ISFIFO(input.st_mode) || S_ISREG(input.st_mode);
}

Result<std::string> read_input(std::string_view what) {
  constexpr int kPatienceMs = 1000;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (poll(&input, 1, kPatienceMs) == 0) note("linnet: waiting for {} on standard input\n", what);
  return read_text("-");
}

std::string without_last_newline(std::string text) {
  if (!text.ends_with('\n')) return text;
  text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

Result<std::string> file_or_text(const std::string& argument, std::string_view mark) {
  constexpr std::int64_t kLongestBytes = 16 << 20;
  constexpr std::size_t kLongestPath = 4096;
  std::error_code ignored;
  if (argument.size() < kLongestPath) {
    const auto status = std::filesystem::status(argument, ignored);  // a pipe's, perhaps: <(...)
    if (exists(status) && !is_directory(status)) return read_file(argument, kLongestBytes);
  }
  if (argument.find(mark) == std::string::npos) {
    return Error{fmt::format("there is no file {}, nor is it a text with {}", argument, mark)};
  }
  return argument;
}

Result<std::optional<std::string>> InputLines::next() {
  ++number_;
  std::size_t searched = begin_;
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(begin_, end - begin_);
      if (line.ends_with('\r')) line.pop_back();
      begin_ = end + 1;
      return std::optional(std::move(line));
    }
    if (ended_) break;
    buffer_.erase(0, begin_);
    begin_ = 0;
    searched = buffer_.size();
    if (static_cast<std::int64_t>(searched) > kLongestTextBytes) {
      return Error{fmt::format("line {} of standard input is longer than {} bytes", number_,
                               kLongestTextBytes)};
    }
    if (Status status = read_more(); !status) return status.error();
  }
  if (begin_ == buffer_.size()) return std::optional<std::string>();
  std::string rest = buffer_.substr(begin_);  // a last line without an end
  begin_ = buffer_.size();
  return std::optional(std::move(rest));
}

Status InputLines::read_more() {
  char bytes[1 << 16];
  ssize_t count;
  do {
    count = read(STDIN_FILENO, bytes, sizeof bytes);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    return Error{fmt::format("standard input cannot be read: {}", std::strerror(errno))};
  }
  ended_ = count == 0;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  // In pieces, perhaps, as a pipe gives them.
  if (is_beginning_ && (ended_ || buffer_.size() >= kByteOrderMark.size())) {
    if (buffer_.starts_with(kByteOrderMark)) buffer_.erase(0, kByteOrderMark.size());
    is_beginning_ = false;
  }
  return {};
}

Result<std::vector<std::string>> read_lines() {
  std::vector<std::string> all;
  std::int64_t size_bytes = 0;  // in memory
  for (InputLines lines;;) {
    auto line = lines.next();
    if (!line) return line.error();
    if (!*line) return all;
    size_bytes += std::ssize(**line) + std::int64_t{sizeof(std::string)};
    if (size_bytes > kLongestTextBytes) {
      return Error{fmt::format("the texts of standard input take more than {} MiB of memory",
                               kLongestTextBytes >> 20)};
    }
    all.push_back(std::move(**line));
  }
}

Status answer_lines(const std::function<Result<std::string>(const std::string& line)>& answer) {
  InputLines lines;
  while (true) {
    const auto line = lines.next();
    if (!line) return line.error();
    if (!*line) return {};
    const auto text = answer(**line);
    const std::string reply = text ? *text : json_text({{"error", text.error().message}});
    if (Status status = write_output(reply + "\n"); !status) return status;
  }
}

}  // namespace linnet::app
