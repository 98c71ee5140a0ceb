#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct pcre2_real_code_8;
struct pcre2_real_match_context_8;
struct pcre2_real_match_data_8;

namespace linnet {

/// A compiled regular expression over UTF-8, by PCRE2 with its just-in-time compiler. Character
/// classes are Unicode's; `\s` means the property White_Space, as in the libraries that the
/// vocabularies were made with. Immutable and safe to share between threads.
class Regex {
 public:
  /// `pattern` is PCRE2's syntax; an Error says what is wrong with it.
  static Result<Regex> compile(std::string_view pattern);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  struct Match {
    std::size_t begin, end;  // bytes; both the text's size if nothing matches any more
    bool found;
  };

  /// Searches one text from left to right. Not for several threads at once.
  class Search {
   public:
    explicit Search(const Regex& regex);
    Search(Search&&) noexcept;
    ~Search();

    /// The first match in `text` (valid UTF-8) at or after `from`. `^`, `$` and `\b` see the whole
    /// of `text` and nothing beyond it. An Error if the matcher's limits are reached.
    Result<Match> next(std::string_view text, std::size_t from);

   private:
    struct FreeMatchData {
      void operator()(pcre2_real_match_data_8* data) const;
    };
    const Regex* regex_;
    std::unique_ptr<pcre2_real_match_data_8, FreeMatchData> data_;
  };

 private:
  struct FreeCode {
    void operator()(pcre2_real_code_8* code) const;
  };
  struct FreeContext {
    void operator()(pcre2_real_match_context_8* context) const;
  };
  explicit Regex(pcre2_real_code_8* code);

  std::unique_ptr<pcre2_real_code_8, FreeCode> code_;
  std::unique_ptr<pcre2_real_match_context_8, FreeContext> context_;
  bool jit_;
};

}  // namespace linnet
