#include "hub/model_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <tuple>
#include <utility>

#include "base/ascii.hpp"
#include "hub/repo_file.hpp"
#include "hub/url.hpp"

namespace linnet::hub {
namespace {

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

// What stands between the marks of a text, in order.
std::vector<std::string> split_at(const std::string& text, const char* marks) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(marks, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// The words of a file's name. An underscore ends one only before a type: types hold some.
std::vector<std::string> split_name(const std::string& name) {
  std::vector<std::string> words;
  for (const std::string& text : split_at(in_lower_case(name), "-./")) {
    std::string word;
    for (const std::string& part : split_at(text, "_")) {
      if (!word.empty() && is_type(part)) words.push_back(std::exchange(word, {}));
      word += (word.empty() ? "" : "_") + part;
    }
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

// The type is among them: "model-UD-Q4_K_M.gguf" has model, ud, q4_k_m and gguf.
std::set<std::string> words_of(const std::string& name) {
  const auto words = split_name(name);
  return {words.begin(), words.end()};
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? "" : path.substr(0, slash + 1);
}

std::string name_in_folder(const std::string& path) { return path.substr(folder_of(path).size()); }

// Whether it is the importance of weights that `linnet quantize` takes. A model's name may tell
// that its types were chosen so.
bool is_importance(const std::string& path) {
  const std::string name = in_lower_case(name_in_folder(path));
  return name.starts_with("imatrix") ||
         (name.find("imatrix") != name.npos && std::ranges::none_of(split_name(name), is_type));
}

// Whether it only guesses what another model says, by how such names begin.
bool is_draft(const std::string& path) {
  const std::string name = name_in_folder(path);
  return std::ranges::any_of(std::array{"mtp-", "eagle3-", "dflash-", "dspark-"},
                             [&](const char* mark) { return name.starts_with(mark); });
}

// The words of a file's name that its model is called by: without type, and number of the part.
std::vector<std::string> model_words(const std::string& path) {
  const std::string name = name_in_folder(path);
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

// The text behind the address of the Hub that it begins with; all of it where it begins with none.
std::string without_address(const std::string& text) {
  constexpr std::array<std::string_view, 2> kSchemes = {"https://", "http://"};
  constexpr std::array<std::string_view, 3> kHosts = {"huggingface.co/", "www.huggingface.co/",
                                                      "hf.co/"};
  std::string_view rest = text;
  for (const std::string_view scheme : kSchemes) {
    if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
  }
  const auto host =
      std::ranges::find_if(kHosts, [&](std::string_view known) { return rest.starts_with(known); });
  if (host == kHosts.end()) return text;
  rest.remove_prefix(host->size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  // Behind a repo may stand the path of a file; and an owner may be called as a host is.
  return std::ranges::count(rest, '/') == 1 ? std::string(rest) : text;
}

// Of the models of a repo the one that is meant where no type is named; none where several may be.
std::optional<std::string> usual_model(const std::vector<std::string>& names) {
  for (const std::string_view type : kUsualTypes) {
    const auto meant = plainest_of_type(names, std::string(type));
    if (!meant.empty()) return meant.size() == 1 ? std::optional(meant.front()) : std::nullopt;
  }
  const bool is_one_model = std::ranges::all_of(names, [&](const std::string& name) {
    return model_words(name) == model_words(names.front());
  });
  return is_one_model ? std::optional(*std::ranges::min_element(names)) : std::nullopt;
}

// How many folders the two are below together.
std::ptrdiff_t common_folders(const std::string& path, const std::string& other) {
  const std::string folder = folder_of(path);
  const auto end = std::ranges::mismatch(folder, folder_of(other)).in1;
  return std::count(folder.begin(), end, '/');
}

// Which of several types of an encoder is the better choice: the lower.
std::size_t rank_of_type(const std::string& name) {
  constexpr std::array kTypes = {"f16", "fp16", "bf16", "f32", "fp32", "q8_0"};
  const auto type =
      std::ranges::find_if(kTypes, [&](const char* one) { return has_type(name, one); });
  return static_cast<std::size_t>(type - kTypes.begin());
}

// Whether all models that an encoder without a name may be for have the words `own`: those that
// lie below its folder, or where there are none, below the folders that this is in.
bool is_for_one_model(const std::string& encoder, const std::vector<std::string>& names,
                      const std::vector<std::string>& own) {
  for (std::string folder = folder_of(encoder);;
       folder = folder_of(folder.substr(0, folder.size() - 1))) {
    bool is_empty = true;
    for (const std::string& name : names) {
      if (!name.starts_with(folder) || !is_model(name)) continue;
      if (model_words(name) != own) return false;
      is_empty = false;
    }
    if (!is_empty || folder.empty()) return true;
  }
}

}  // namespace

bool is_model(const std::string& path) {
  return names_model(path) && !is_encoder(path) && !is_importance(path) && !is_draft(path);
}

RepoName read_repo_name(const std::string& address) {
  const std::string text = without_address(address);
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string type = text.substr(std::min(colon + 1, text.size()));
  // Of another address, as of a repo with nothing behind its colon, the whole is no repo's name.
  if (colon == text.size()) return {text, ""};
  if (type.empty() || type.find('/') != type.npos) return {address, ""};
  return {text.substr(0, colon), type};
}

Result<std::string> choose_model(std::vector<std::string> names, const RepoName& repo,
                                 const RepoOptions& options) {
  std::erase_if(names,
                [](const std::string& name) { return is_encoder(name) || is_importance(name); });
  if (names.empty()) return Error{fmt::format("{}: the repo has no GGUF file of a model", repo.repo)};
  // A repo may have nothing but drafts, for those who look for one.
  if (std::ranges::any_of(names, is_model)) std::erase_if(names, is_draft);
  if (repo.type.empty()) {
    const auto usual = usual_model(names);
    if (usual) return *usual;
    return Error{fmt::format(
        "{}: the repo has {} GGUF files, name one with {}, or its type as in {} {}:Q8_0: {}",
        repo.repo, names.size(), options.file, options.repo, repo.repo, shown_names(names))};
  }
  const auto meant = plainest_of_type(names, repo.type);
  if (meant.size() == 1) return meant.front();
  return Error{
      fmt::format("{}: of the repo's GGUF files {} have {} in their names, expected one: "
                  "{}",
                  repo.repo, meant.empty() ? "none" : std::to_string(meant.size()),
                  shown(repo.type), shown_names(meant.empty() ? names : meant))};
}

std::optional<std::string> choose_encoder(const std::string& model,
                                          std::vector<std::string> names) {
  const auto own = model_words(model);
  const auto fits = [&](const std::string& name) {
    if (!names_model(name) || !is_encoder(name)) return false;
    const auto words = encoder_words(name);
    if (words.empty()) return is_for_one_model(name, names, own);
    return words.size() <= own.size() && std::equal(words.begin(), words.end(), own.begin());
  };
  const auto rank = [&](const std::string& name) {
    return std::tuple(-std::ssize(encoder_words(name)), -common_folders(name, model),
                      rank_of_type(name), name);
  };
  std::vector<std::string> fitting;
  std::ranges::copy_if(names, std::back_inserter(fitting), fits);
  const auto first = std::ranges::min_element(fitting, {}, rank);
  return first == fitting.end() ? std::nullopt : std::optional(*first);
}

}  // namespace linnet::hub
