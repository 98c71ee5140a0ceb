#include "hub/repo_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "gguf/layout.hpp"
#include "hub/url.hpp"

namespace linnet::hub {
namespace {

constexpr std::size_t kLongestRepo = 96;  // the Hub's own limit
constexpr std::size_t kLongestPath = 1024;
constexpr std::size_t kLongestStep = 255;
constexpr std::size_t kMostShownNames = 40;

bool is_one_of(char c, std::string_view set) { return set.find(c) != set.npos; }

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> steps;
  while (true) {
    const auto end = text.find(separator);
    steps.push_back(text.substr(0, end));
    if (end == text.npos) return steps;
    text.remove_prefix(end + 1);
  }
}

// A relative path that stays below where it begins.
bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > kLongestPath) return false;
  const auto is_bad_character = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\';
  };
  if (std::any_of(path.begin(), path.end(), is_bad_character)) return false;
  const auto steps = split(path, '/');
  return std::all_of(steps.begin(), steps.end(), [](std::string_view step) {
    return !step.empty() && step.size() <= kLongestStep && step != "." && step != "..";
  });
}

bool is_repo_step(std::string_view step) {
  return !step.empty() && !is_one_of(step.front(), ".-") && !is_one_of(step.back(), ".-") &&
         step.find("--") == step.npos && step.find("..") == step.npos &&
         std::all_of(step.begin(), step.end(),
                     [](char c) { return is_alphanumeric(c) || is_one_of(c, "-_."); });
}

// The number in five digits; 0 where they are none.
int five_digits(std::string_view text) {
  int number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
  return text.size() == 5 && end == text.data() + 5 && number > 0 ? number : 0;
}

// A model in several files.
struct Split {
  std::string stem;
  int count;
  std::string part(int i) const { return gguf::part_name(stem, i, count); }
};

// Nothing for the name of a file that is whole.
std::optional<Split> split_of(const std::string& name) {
  constexpr std::string_view kTail = "-00001-of-00001.gguf";
  if (name.size() <= kTail.size()) return std::nullopt;
  const std::string stem = name.substr(0, name.size() - kTail.size());
  const std::string_view tail = std::string_view(name).substr(stem.size());
  const int part = five_digits(tail.substr(1, 5));
  const int count = five_digits(tail.substr(10, 5));
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || !tail.ends_with(".gguf") || part == 0 ||
      part > count || count > gguf::kMostParts) {
    return std::nullopt;
  }
  return Split{stem, count};
}

}  // namespace

Status check_repo(const std::string& repo) {
  const auto steps = split(repo, '/');
  if (repo.size() <= kLongestRepo && steps.size() <= 2 &&
      std::all_of(steps.begin(), steps.end(), is_repo_step)) {
    return {};
  }
  return Error{fmt::format("'{}' is not a repo of the Hub, expected OWNER/NAME", shown(repo))};
}

Status check_revision(const std::string& revision) {
  if (is_safe_path(revision)) return {};
  return Error{
      fmt::format("'{}' is not a revision, expected a branch, tag or commit", shown(revision))};
}

Status RepoFile::check() const {
  if (Status status = check_repo(repo); !status) return status;
  if (Status status = check_revision(revision); !status) return status;
  if (is_safe_path(name)) return {};
  return Error{fmt::format("'{}' cannot be the name of a file in a repo", shown(name))};
}

std::string RepoFile::resolve_url(const std::string& endpoint) const {
  return fmt::format("{}/{}/resolve/{}/{}", endpoint, repo,
                     percent_encoded(revision, /*keep_slashes=*/false),
                     percent_encoded(name, /*keep_slashes=*/true));
}

bool is_commit(const std::string& text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::vector<std::string> part_names(const std::string& name) {
  const auto split = split_of(name);
  if (!split) return {name};
  std::vector<std::string> names;
  for (int i = 1; i <= split->count; ++i) names.push_back(split->part(i));
  return names;
}

std::string first_part(const std::string& name) {
  const auto split = split_of(name);
  return split ? split->part(1) : name;
}

std::size_t part_count(const std::string& name) {
  const auto split = split_of(name);
  return split ? static_cast<std::size_t>(split->count) : 1;
}

bool names_model(const std::string& file) {
  return file.ends_with(".gguf") && first_part(file) == file;
}

std::string shown_names(const std::vector<std::string>& names) {
  const std::size_t count = std::min(names.size(), kMostShownNames);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + shown(names[i]);
  if (count < names.size()) text += fmt::format(" and {} more", names.size() - count);
  return text;
}

}  // namespace linnet::hub
