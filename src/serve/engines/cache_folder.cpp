#include "serve/engines/cache_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/guarded.hpp"
#include "base/new_file.hpp"

namespace linnet::serve {
namespace {

namespace fs = std::filesystem;

bool begins_with(const std::vector<TokenId>& text, const std::vector<TokenId>& beginning) {
  return beginning.size() <= text.size() &&
         std::equal(beginning.begin(), beginning.end(), text.begin());
}

}  // namespace

Status CacheFolder::prepare(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return Error{
        fmt::format("{}: the cache folder cannot be made: {}", folder.string(), error.message())};
  }
  return NewFile(folder / "trial").write({});  // removed again
}

CacheFolder::CacheFolder(const fs::path& folder, Engine& engine)
    : folder_(folder / fmt::format("{:016x}", engine.model_hash())), engine_(engine) {
  std::error_code ignored;  // what prepare() allowed and is refused by now is no reason to end
  fs::create_directories(folder_, ignored);
}

fs::path CacheFolder::file_of(std::size_t place) const {
  return folder_ / fmt::format("{:02}.session", place);
}

std::int64_t CacheFolder::restore() {
  // The oldest first, so that the latest ones stay where the cache is too small for all.
  std::vector<std::pair<fs::file_time_type, std::size_t>> found;
  for (std::size_t place = 0; place < kMostTexts; ++place) {
    std::error_code error;
    const auto time = fs::last_write_time(file_of(place), error);
    if (!error) found.emplace_back(time, place);
  }
  std::ranges::sort(found);
  std::int64_t tokens = 0;
  for (const auto& one : found) {
    const std::size_t place = one.second;  // clang 14's lambdas take no structured bindings
    auto session = guarded([&] { return engine_.load_session(file_of(place)); });
    if (!session) continue;
    tokens += session->cached_tokens;
    texts_[place] = {std::move(session->tokens), true, ++latest_};
  }
  return tokens;
}

void CacheFolder::remember(std::vector<TokenId> tokens) {
  const auto continued = std::ranges::find_if(texts_, [&](const Text& text) {
    return !text.tokens.empty() && begins_with(tokens, text.tokens);
  });
  Text& place =
      continued != texts_.end() ? *continued : *std::ranges::min_element(texts_, {}, &Text::age);
  place = {std::move(tokens), false, ++latest_};
}

bool CacheFolder::save_one() {
  const auto text = std::ranges::find(texts_, false, &Text::is_saved);
  if (text == texts_.end()) return false;
  text->is_saved = true;
  const auto place = static_cast<std::size_t>(text - texts_.begin());
  const auto save = [&] { return engine_.save_session(file_of(place), text->tokens); };
  if (const auto saved = guarded(save); !saved) {
    ++unsaved_;
    problem_ = saved.error().message;
  }
  return true;
}

}  // namespace linnet::serve
