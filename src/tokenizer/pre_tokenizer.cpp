#include "tokenizer/pre_tokenizer.hpp"

#include "base/utf8.hpp"

namespace linnet {

// One pass over one text: a piece goes through all steps before the next one is cut, so nothing is
// stored but the searches.
class PreTokenizer::Cut {
 public:
  Cut(const std::vector<Step>& steps, const std::function<void(std::string_view)>& visit)
      : steps_(steps), visit_(visit) {
    for (const Step& step : steps) {
      searches_.emplace_back();
      if (!step.regex.empty()) searches_.back().emplace_back(step.regex.front());
    }
  }

  Status run(std::string_view text, std::size_t step) {
    if (text.empty()) return {};
    if (step == steps_.size()) return visit_(text), Status();
    if (steps_[step].cutter == nullptr) return match(text, step);
    Status status;
    steps_[step].cutter(text, [&](std::string_view piece) {
      if (status) status = run(piece, step + 1);
    });
    return status;
  }

 private:
  Status match(std::string_view text, std::size_t step) {
    Regex::Search& search = searches_[step].front();
    std::size_t done = 0;
    std::size_t from = 0;
    while (from < text.size()) {
      const auto match = search.next(text, from);
      if (!match) return match.error();
      if (!match->found) break;
      if (Status s = run(text.substr(done, match->begin - done), step + 1); !s) return s;
      if (Status s = run(text.substr(match->begin, match->end - match->begin), step + 1); !s) {
        return s;
      }
      done = from = match->end;
      // An empty match cuts where it stands; the search goes on after the next character.
      if (match->end == match->begin && from < text.size()) from += utf8_length(text[from]);
    }
    return run(text.substr(done), step + 1);
  }

  const std::vector<Step>& steps_;
  const std::function<void(std::string_view)>& visit_;
  std::vector<std::vector<Regex::Search>> searches_;  // one or none for each step
};

Result<PreTokenizer> PreTokenizer::make(const PreTokenizerSpec& spec) {
  PreTokenizer result;
  for (const PreTokenizerStep& step : spec.steps) {
    result.steps_.push_back({{}, step.cutter});
    if (step.cutter != nullptr) continue;
    auto regex = Regex::compile(step.pattern);
    if (!regex) return regex.error();
    result.steps_.back().regex.push_back(std::move(*regex));
  }
  return result;
}

Status PreTokenizer::for_each_word(std::string_view text,
                                   const std::function<void(std::string_view)>& visit) const {
  return Cut(steps_, visit).run(text, 0);
}

}  // namespace linnet
