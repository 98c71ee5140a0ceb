#include "linnet/terminal/line_editor.hpp"

#include <histedit.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "linnet/input_lines.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {
namespace {

constexpr std::string_view kPasteEnd = "\x1b[201~";
constexpr std::size_t kLongestPasteBytes = 16 << 20;
constexpr int kHistorySize = 1000;
constexpr std::size_t kLongestInHistoryBytes = 16 << 10;  // all of it is written at each line

// Whole characters only.
std::string common_beginning(const std::vector<std::string>& lines) {
  const std::string& first = lines.front();
  std::size_t common = first.size();
  for (const std::string& line : lines) {
    const auto [end, unused] = std::ranges::mismatch(first, line);
    common = std::min(common, static_cast<std::size_t>(end - first.begin()));
  }
  const auto is_inside = [&](std::size_t at) {
    return at < first.size() && (static_cast<unsigned char>(first[at]) & 0xc0) == 0x80;
  };
  while (is_inside(common)) --common;
  return first.substr(0, common);
}

// What a person who has typed `line` chooses from: its last word, or the last step of a path there.
std::string choices(std::string_view line, const std::vector<std::string>& lines) {
  const std::size_t slash = line.rfind('/'), space = line.find(' ');
  const std::size_t begin = slash > 0 ? slash + 1 : space == line.npos ? 0 : space + 1;
  std::string words;
  for (const std::string& possible : lines) {
    words += possible.substr(begin);
    words += possible.ends_with(' ') ? " " : "  ";
  }
  return words;
}

class LineEditor : public LineSource {
 public:
  LineEditor(std::filesystem::path history_path, CompleteLine complete)
      : complete_(complete), history_path_(std::move(history_path)), history_(history_init()) {
    editor_ = el_init("linnet", stdin, stdout, stderr);
    if (!editor_ || !history_) return;
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, &LineEditor::show_prompt);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    HistEvent event;
    history(history_, &event, H_SETSIZE, kHistorySize);
    history(history_, &event, H_SETUNIQUE, 1);
    el_set(editor_, EL_HIST, history, history_);
    if (!history_path_.empty()) history(history_, &event, H_LOAD, history_path_.c_str());
    el_source(editor_, nullptr);  // ~/.editrc
    // Names are kept, not copied: narrow ones would be, and the copies are never freed.
    el_wset(editor_, EL_ADDFN, L"linnet-paste", L"insert pasted text", &LineEditor::paste);
    el_set(editor_, EL_BIND, "\\e[200~", "linnet-paste", nullptr);
    el_wset(editor_, EL_ADDFN, L"linnet-give-up", L"give the line up", &LineEditor::give_up);
    el_set(editor_, EL_BIND, "^C", "linnet-give-up", nullptr);
    el_wset(editor_, EL_ADDFN, L"linnet-break", L"break the line", &LineEditor::break_line);
    el_set(editor_, EL_BIND, "\\e^M", "linnet-break", nullptr);  // Alt-Enter
    el_set(editor_, EL_BIND, "\\e^J", "linnet-break", nullptr);
    el_wset(editor_, EL_ADDFN, L"linnet-suspend", L"suspend the program", &LineEditor::suspend);
    el_set(editor_, EL_BIND, "^Z", "linnet-suspend", nullptr);
    el_wset(editor_, EL_ADDFN, L"linnet-complete", L"complete a word", &LineEditor::complete);
    el_set(editor_, EL_BIND, "^I", "linnet-complete", nullptr);
    // While a line is edited, Ctrl-C and Ctrl-Z are keys like any others.
    el_set(editor_, EL_SETTY, "-d", "-isig", nullptr);
    el_set(editor_, EL_SIGNAL, 1);  // the terminal is put back where a signal ends the program
  }
  ~LineEditor() override {
    if (editor_) el_end(editor_);
    if (history_) history_end(history_);
  }
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  bool usable() const { return editor_ && history_; }

  Result<std::optional<std::string>> read(const std::string& prompt) override {
    prompt_ = prompt;
    given_up_ = false;
    ask_for_brackets(true);
    int count = 0;
    const char* const text = el_gets(editor_, &count);
    ask_for_brackets(false);
    if (given_up_) {
      [[maybe_unused]] const Status status = write_output("\n");
      if (count <= 1) note("Ctrl-D or /exit ends\n");
      return std::optional<std::string>("");
    }
    if (!text || count <= 0) return std::optional<std::string>();
    std::string line(text, static_cast<std::size_t>(count));
    if (line.ends_with('\n')) line.pop_back();
    HistEvent event;
    const bool is_kept = !line.empty() && line.size() <= kLongestInHistoryBytes;
    if (is_kept) history(history_, &event, H_ENTER, line.c_str());
    save_history();  // a terminal that is closed does not wait for the end
    return std::optional(std::move(line));
  }

 private:
  // Around what is pasted.
  static void ask_for_brackets(bool wanted) {
    if (!is_able_terminal(STDOUT_FILENO)) return;
    [[maybe_unused]] const Status status = write_output(wanted ? "\x1b[?2004h" : "\x1b[?2004l");
  }

  void save_history() {
    if (history_path_.empty()) return;
    std::error_code ignored;
    std::filesystem::create_directories(history_path_.parent_path(), ignored);
    HistEvent event;
    history(history_, &event, H_SAVE, history_path_.c_str());
  }

  static LineEditor* self(EditLine* editor) {
    void* data = nullptr;
    el_get(editor, EL_CLIENTDATA, &data);
    return static_cast<LineEditor*>(data);
  }
  static char* show_prompt(EditLine* editor) { return self(editor)->prompt_.data(); }

  static unsigned char paste(EditLine* editor, int /*key*/) {
    std::string text;
    char byte = 0;
    while (!text.ends_with(kPasteEnd) && text.size() < kLongestPasteBytes) {
      if (el_getc(editor, &byte) != 1) return CC_EOF;
      text += byte == '\r' ? '\n' : byte;
    }
    if (text.ends_with(kPasteEnd)) text.resize(text.size() - kPasteEnd.size());
    // Control characters do nothing in a message but to confuse the display.
    std::erase_if(text, [](unsigned char c) { return c < 0x20 && c != '\n' && c != '\t'; });
    if (!text.empty() && el_insertstr(editor, text.c_str()) != 0) return CC_ERROR;
    return CC_REFRESH;
  }
  static unsigned char break_line(EditLine* editor, int /*key*/) {
    return el_insertstr(editor, "\n") == 0 ? CC_REFRESH : CC_ERROR;
  }
  // Puts in what all that is possible has in common; shows it where that is no more than there is.
  static unsigned char complete(EditLine* editor, int /*key*/) {
    const LineInfo* const info = el_line(editor);
    const std::string line(info->buffer, info->cursor);
    const std::vector<std::string> lines = self(editor)->complete_(line);
    if (lines.empty()) return CC_ERROR;
    const std::string common = common_beginning(lines);
    if (common.size() > line.size()) {
      return el_insertstr(editor, common.c_str() + line.size()) == 0 ? CC_REFRESH : CC_ERROR;
    }
    [[maybe_unused]] const Status status = write_output("\n" + choices(line, lines) + "\n");
    return CC_REDISPLAY;
  }
  static unsigned char suspend(EditLine*, int /*key*/) {
    std::raise(SIGTSTP);
    return CC_REDISPLAY;
  }
  static unsigned char give_up(EditLine* editor, int /*key*/) {
    self(editor)->given_up_ = true;
    return CC_NEWLINE;
  }

  const CompleteLine complete_;
  std::filesystem::path history_path_;
  History* history_ = nullptr;
  EditLine* editor_ = nullptr;
  std::string prompt_;
  bool given_up_ = false;
};

class PlainLines : public LineSource {
 public:
  Result<std::optional<std::string>> read(const std::string&) override { return lines_.next(); }

 private:
  InputLines lines_;
};

// libedit keeps a character for each place on the screen, several times.
bool is_too_large_to_edit() {
  constexpr std::int64_t kMostPlaces = 1'000'000;
  winsize size{};
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0) return false;
  return std::int64_t{size.ws_row} * size.ws_col > kMostPlaces;
}

}  // namespace

std::unique_ptr<LineSource> make_line_editor(const std::filesystem::path& history_path,
                                             CompleteLine complete) {
  // libedit drops the characters that the locale does not have. Texts are UTF-8.
  std::setlocale(LC_CTYPE, "");
  if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
  if (is_too_large_to_edit()) return nullptr;
  auto editor = std::make_unique<LineEditor>(history_path, complete);
  if (!editor->usable()) return nullptr;
  return editor;
}

std::unique_ptr<LineSource> make_plain_lines() { return std::make_unique<PlainLines>(); }

Result<std::optional<std::string>> read_message(LineSource& source) {
  auto message = source.read("> ");
  while (message && *message && (*message)->ends_with('\\')) {
    std::string& text = **message;
    text.back() = '\n';
    const auto more = source.read("| ");
    if (!more) return more.error();
    if (!*more) break;
    text += **more;
    if (static_cast<std::int64_t>(text.size()) > kLongestTextBytes) {
      return Error{fmt::format("a message is longer than {} bytes", kLongestTextBytes)};
    }
  }
  return message;
}

}  // namespace linnet::app
