#include "hub/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "base/ascii.hpp"
#include "hub/url.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;

// The first of the variables that is set and not empty.
std::string first_set(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = environment(name);
    if (value && *value) return value;
  }
  return {};
}

bool is_true(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

// The path in the first of the variables that is set and not empty, with ~ for HOME; empty where
// none is.
Result<fs::path> first_path(const Environment& environment,
                            std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const std::string path = first_set(environment, {name});
    if (path.empty()) continue;
    if (path != "~" && !path.starts_with("~/")) return fs::path(path);
    const std::string home = first_set(environment, {"HOME"});
    if (!home.empty()) return fs::path(home + path.substr(1));
    return Error{fmt::format("{} is '{}', and HOME, for which ~ stands, is not set", name, path)};
  }
  return fs::path();
}

Result<fs::path> hub_home(const Environment& environment) {
  const auto own = first_path(environment, {"HF_HOME"});
  if (!own || !own->empty()) return own;
  const auto caches = first_path(environment, {"XDG_CACHE_HOME"});
  if (!caches) return caches;
  if (!caches->empty()) return *caches / "huggingface";
  const std::string home = first_set(environment, {"HOME"});
  if (!home.empty()) return fs::path(home) / ".cache" / "huggingface";
  return Error{"neither HF_HOME nor HOME is set, so there is no place for downloaded models"};
}

// The first line; empty where the file can't be read.
Result<std::string> read_token_file(const fs::path& path) {
  constexpr std::size_t kLongestLine = 4096;
  std::string line(kLongestLine + 1, '\0');
  std::ifstream in(path);
  in.get(line.data(), std::ssize(line));
  line.resize(static_cast<std::size_t>(in.gcount()));
  if (line.size() < kLongestLine) return line;
  return Error{fmt::format("{}: holds no Hugging Face token: its first line has {} bytes or more",
                           path.string(), kLongestLine)};
}

Status check_token(const std::string& token) {
  const bool printable =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (printable) return {};
  return Error{"the Hugging Face token holds characters that no token has; check HF_TOKEN"};
}

}  // namespace

Result<Settings> Settings::from_environment(const Environment& environment) {
  Settings settings;
  const auto hub = hub_home(environment);
  const auto cache = first_path(environment, {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
  if (!cache) return cache.error();
  if (cache->empty() && !hub) return hub.error();
  settings.cache = cache->empty() ? *hub / "hub" : *cache;

  if (std::string endpoint = first_set(environment, {"HF_ENDPOINT"}); !endpoint.empty()) {
    while (endpoint.ends_with('/')) endpoint.pop_back();
    if (!origin_of(endpoint)) {
      return Error{fmt::format("HF_ENDPOINT is '{}', expected an http or https address", endpoint)};
    }
    settings.endpoint = endpoint;
  }
  settings.token = first_set(environment, {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"});
  if (settings.token.empty() &&
      !is_true(first_set(environment, {"HF_HUB_DISABLE_IMPLICIT_TOKEN"}))) {
    const auto path = first_path(environment, {"HF_TOKEN_PATH"});
    if (!path) return path.error();
    if (!path->empty() || hub) {
      auto token = read_token_file(path->empty() ? *hub / "token" : *path);
      if (!token) return token.error();
      settings.token = std::move(*token);
    }
  }
  settings.token = std::string(trimmed(settings.token));
  if (Status status = check_token(settings.token); !status) return status.error();
  const auto certificates =
      first_path(environment, {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"});
  if (!certificates) return certificates.error();
  settings.certificates = *certificates;
  settings.offline = is_true(first_set(environment, {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}));
  return settings;
}

}  // namespace linnet::hub
