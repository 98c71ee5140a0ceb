#include "hub/model_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <tuple>

#include "base/ascii.hpp"
#include "hub/repo_file.hpp"
#include "hub/url.hpp"

namespace linnet::hub {
namespace {

// What stands between the marks of a file's name, in order.
std::vector<std::string> split_name(const std::string& name) {
  std::vector<std::string> words;
  const std::string lower = in_lower_case(name);
  for (std::size_t begin = 0; begin < lower.size();) {
    const std::size_t end = std::min(lower.find_first_of("-./", begin), lower.size());
    if (end > begin) words.push_back(lower.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// The type is among them: "model-UD-Q4_K_M.gguf" has model, ud, q4_k_m and gguf.
std::set<std::string> words_of(const std::string& name) {
  const auto words = split_name(name);
  return {words.begin(), words.end()};
}

// Whether a word of a name tells the type of the weights.
bool is_type(std::string_view word) {
  constexpr std::array<std::string_view, 6> kTypes = {"f16", "bf16", "f32", "fp16", "fp32", "ud"};
  if (std::ranges::find(kTypes, word) != kTypes.end()) return true;
  for (const std::string_view begin : {"mxfp", "nvfp", "iq", "tq", "q"}) {
    if (!word.starts_with(begin) || word.size() == begin.size()) continue;
    return std::isdigit(static_cast<unsigned char>(word[begin.size()])) != 0;
  }
  return false;
}

// The words of a file's name that its model is called by: without type, and number of the part.
std::vector<std::string> model_words(const std::string& name) {
  auto words = split_name(name);
  if (!words.empty()) words.pop_back();  // gguf
  if (part_count(name) > 1) words.resize(words.size() - 3);
  while (!words.empty() && is_type(words.back())) words.pop_back();
  return words;
}

// Those of the model that an encoder is for; none where it does not tell.
std::vector<std::string> encoder_words(const std::string& name) {
  auto words = model_words(name);
  const auto mark = std::ranges::find_if(words, is_encoder);
  if (mark == words.end()) return words;
  // "mmproj-model-f16.gguf" is of no name, "llava-v1.5-7b-mmproj-model-f16.gguf" of LLaVA's.
  const bool says_model = std::next(mark) != words.end() && *std::next(mark) == "model";
  words.erase(mark, mark + (says_model ? 2 : 1));
  return words;
}

bool has_type(const std::string& name, const std::string& type) {
  return std::ranges::includes(words_of(name), words_of(type));
}

// The names of one type, but for those that only have more words than another.
std::vector<std::string> plainest_of_type(const std::vector<std::string>& names,
                                          const std::string& type) {
  std::vector<std::string> meant;
  std::ranges::copy_if(names, std::back_inserter(meant),
                       [&](const std::string& name) { return has_type(name, type); });
  const auto plainest = std::ranges::min_element(
      meant, {}, [](const std::string& name) { return words_of(name).size(); });
  const bool is_in_all = std::ranges::all_of(meant, [&](const std::string& name) {
    return name == *plainest ||
           (words_of(name) != words_of(*plainest) && has_type(name, *plainest));
  });
  return !meant.empty() && is_in_all ? std::vector{*plainest} : meant;
}

}  // namespace

RepoName read_repo_name(const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string type = text.substr(std::min(colon + 1, text.size()));
  // Of an address, as of a repo with nothing behind its colon, the whole is no repo's name.
  if (type.empty() || type.find('/') != type.npos) return {text, ""};
  return {text.substr(0, colon), type};
}

Result<std::string> choose_model(std::vector<std::string> names, const RepoName& repo,
                                 const RepoOptions& options) {
  std::erase_if(names, is_encoder);
  if (names.empty()) return Error{fmt::format("{}: the repo has no GGUF file", repo.repo)};
  if (repo.type.empty() && names.size() == 1) return names.front();
  const std::string type = repo.type.empty() ? std::string(kUsualType) : repo.type;
  const auto meant = plainest_of_type(names, type);
  if (meant.size() == 1) return meant.front();
  if (repo.type.empty()) {
    return Error{fmt::format(
        "{}: the repo has {} GGUF files, name one with {}, or its type as in {} {}:Q8_0: {}",
        repo.repo, names.size(), options.file, options.repo, repo.repo, shown_names(names))};
  }
  return Error{
      fmt::format("{}: of the repo's GGUF files {} have {} in their names, expected one: "
                  "{}",
                  repo.repo, meant.empty() ? "none" : std::to_string(meant.size()),
                  shown(repo.type), shown_names(meant.empty() ? names : meant))};
}

std::optional<std::string> choose_encoder(const std::string& model,
                                          std::vector<std::string> names) {
  const auto own = model_words(model);
  const bool is_alone = std::ranges::all_of(names, [&](const std::string& name) {
    return !names_model(name) || is_encoder(name) || model_words(name) == own;
  });
  const auto fits = [&](const std::string& name) {
    if (!names_model(name) || !is_encoder(name)) return false;
    const auto words = encoder_words(name);
    if (words.empty()) return is_alone;
    return words.size() <= own.size() && std::equal(words.begin(), words.end(), own.begin());
  };
  std::erase_if(names, [&](const std::string& name) { return !fits(name); });
  const auto rank = [](const std::string& name) {
    const bool is_usual = has_type(name, "f16") || has_type(name, "fp16");
    return std::tuple(-std::ssize(encoder_words(name)), !is_usual, name);
  };
  const auto first = std::ranges::min_element(names, {}, rank);
  return first == names.end() ? std::nullopt : std::optional(*first);
}

}  // namespace linnet::hub
