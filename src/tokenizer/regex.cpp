#define PCRE2_CODE_UNIT_WIDTH 8
#include "tokenizer/regex.hpp"

#include <fmt/format.h>
#include <pcre2.h>

namespace linnet {
namespace {

// White_Space (https://www.unicode.org/Public/UCD/latest/ucd/PropList.txt); PCRE2's own \s also
// matches U+180E, which left the property in Unicode 6.3.
constexpr std::string_view kWhiteSpace =
    R"(\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

// Writes \s and \S out, inside and outside of classes; inside, only \s is possible.
std::string spell_out_white_space(std::string_view pattern) {
  std::string result;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c != '\\' || i + 1 == pattern.size()) {
      in_class = c == '[' ? true : c == ']' ? false : in_class;
      result += c;
      continue;
    }
    const char escaped = pattern[++i];
    if (escaped != 's' && escaped != 'S') {
      result += {c, escaped};
    } else if (in_class) {
      result += kWhiteSpace;
    } else {
      result += fmt::format("[{}{}]", escaped == 'S' ? "^" : "", kWhiteSpace);
    }
  }
  return result;
}

std::string message_of(int code) {
  PCRE2_UCHAR buffer[256] = {};
  pcre2_get_error_message(code, buffer, sizeof(buffer));
  return reinterpret_cast<const char*>(buffer);
}

PCRE2_SPTR units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

void Regex::FreeCode::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }
void Regex::FreeContext::operator()(pcre2_real_match_context_8* context) const {
  pcre2_match_context_free(context);
}
void Regex::Search::FreeMatchData::operator()(pcre2_real_match_data_8* data) const {
  pcre2_match_data_free(data);
}

Regex::Regex(pcre2_real_code_8* code)
    : code_(code),
      context_(pcre2_match_context_create(nullptr)),
      jit_(pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0) {
  // The limit counts steps, and long runs of spaces, which are harmless, reach the usual one.
  if (context_) pcre2_set_match_limit(context_.get(), UINT32_MAX);
}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern) {
  const std::string spelled = spell_out_white_space(pattern);
  int error = 0;
  std::size_t place = 0;
  pcre2_code* code =
      pcre2_compile(units(spelled), spelled.size(), PCRE2_UTF | PCRE2_UCP, &error, &place, nullptr);
  if (code == nullptr) {
    return Error{fmt::format("the pattern {} can't be compiled: {} at byte {}", spelled,
                             message_of(error), place)};
  }
  return Regex(code);
}

Regex::Search::Search(const Regex& regex)
    : regex_(&regex), data_(pcre2_match_data_create_from_pattern(regex.code_.get(), nullptr)) {}
Regex::Search::Search(Search&&) noexcept = default;
Regex::Search::~Search() = default;

Result<Regex::Match> Regex::Search::next(std::string_view text, std::size_t from) {
  if (!data_ || !regex_->context_) return Error{"there is no memory for matching a pattern"};
  const auto match = regex_->jit_ ? pcre2_jit_match : pcre2_match;
  const int count = match(regex_->code_.get(), units(text), text.size(), from, PCRE2_NO_UTF_CHECK,
                          data_.get(), regex_->context_.get());
  if (count == PCRE2_ERROR_NOMATCH) return Match{text.size(), text.size(), false};
  if (count < 0) {
    return Error{fmt::format("the text cannot be split into words: {}", message_of(count))};
  }
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data_.get());
  return Match{offsets[0], offsets[1], true};
}

}  // namespace linnet
