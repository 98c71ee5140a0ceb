#include "hub/remote_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>

#include "hub/cache.hpp"
#include "hub/url.hpp"

namespace linnet::hub {
namespace {

constexpr std::size_t kMostListBytes = 16 << 20;
constexpr int kMostDepth = 64;

// Without the quotes and the mark of a weak one.
std::string plain_etag(std::string etag) {
  if (etag.starts_with("W/")) etag.erase(0, 2);
  std::erase(etag, '"');
  return etag;
}

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<RemoteFile> described(const HttpAnswer& answer, const Settings& settings,
                             const RepoFile& asked) {
  RemoteFile file;
  file.name = asked.name;
  file.commit = answer.header("x-repo-commit");
  const std::string linked_etag = plain_etag(answer.header("x-linked-etag"));
  file.etag = linked_etag.empty() ? plain_etag(answer.header("etag")) : linked_etag;
  if (is_sha256(file.etag)) file.sha256 = file.etag;  // what the blob is named, it must be
  const std::string linked_size = answer.header("x-linked-size");
  const bool is_elsewhere = answer.status >= 300;  // then its length is that of the redirect
  const auto size =
      number(linked_size.empty() && !is_elsewhere ? answer.header("content-length") : linked_size);
  if (!is_commit(file.commit) || !is_etag(file.etag) || !size) {
    return Error{fmt::format(
        "{}: the answer lacks a commit, an ETag or a size, so this is not a Hugging Face Hub",
        shown_address(answer.url))};
  }
  if (is_commit(asked.revision) && file.commit != asked.revision) {
    return Error{fmt::format("{}: the answer is for commit {}, expected {}",
                             shown_address(answer.url), file.commit, asked.revision)};
  }
  file.size_bytes = *size;
  RepoFile exact = asked;
  exact.revision = file.commit;
  file.url = exact.resolve_url(settings.endpoint);
  return file;
}

// Parses JSON from the network: no exceptions, no deep nesting.
nlohmann::json parse_shallow(const std::string& text) {
  bool too_deep = false;
  const auto callback = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep |= depth > kMostDepth;
    return !too_deep;
  };
  auto json = nlohmann::json::parse(text, callback, /*allow_exceptions=*/false);
  return too_deep ? nlohmann::json() : json;
}

// Asks again while the Hub is busy. Where no connection comes about, another try would only delay
// the use of what is in the cache.
Result<HttpAnswer> ask(const HttpClient& client, const Settings& settings,
                       const std::function<Result<HttpAnswer>()>& request) {
  auto answer = request();
  for (int i = 1; i < settings.attempts && answer; ++i) {
    if (!answer->failure.empty() || !answer->worth_another_try()) break;
    const auto time = answer->pause(settings.first_pause, i);
    if (Status status = client.wait(time); !status) return status.error();
    answer = request();
  }
  return answer;
}

// Why the Hub was not reached; empty where it was.
std::string failure_of(const HttpAnswer& answer, const Settings& settings, const RepoFile& file) {
  if (!answer.failure.empty()) return answer.failure;
  return answer.worth_another_try() ? refusal(answer, settings, file).message : std::string();
}

std::string page(const Settings& settings, const RepoFile& file) {
  return shown_address(settings.endpoint + "/" + file.repo);
}

Error no_access(const HttpAnswer& answer, const Settings& settings, const RepoFile& file) {
  const std::string code = answer.header("x-error-code");
  if (code == "GatedRepo") {
    return Error{
        fmt::format("{}: the Hub gives it out only to people who were let in ({}): ask at "
                    "{} and put your token into HF_TOKEN",
                    file.repo, answer.status, page(settings, file))};
  }
  if (settings.token.empty()) {
    return Error{
        fmt::format("{}: there is no such repo, or it is private ({}): check the name, or "
                    "put your token into HF_TOKEN",
                    file.repo, answer.status)};
  }
  return Error{
      fmt::format("{}: the Hub refuses it to this token ({}): check the name, and whether "
                  "the token is valid and may read the repo",
                  file.repo, answer.status)};
}

Error not_found(const HttpAnswer& answer, const RepoFile& file) {
  const std::string code = answer.header("x-error-code");
  if (code == "RepoNotFound") return Error{fmt::format("{}: there is no such repo", file.repo)};
  if (code == "RevisionNotFound") {
    return Error{fmt::format("{}: the repo has no revision {}", file.repo, file.revision)};
  }
  if (file.name.empty()) {
    return Error{
        fmt::format("{}: there is no such repo, or no revision {}", file.repo, file.revision)};
  }
  return Error{fmt::format("{}: the repo has no file {} in revision {}", file.repo, file.name,
                           file.revision)};
}

// Adds what the repo does have to the Error about what it has not, where that can be learnt.
Error with_suggestions(Error error, HttpClient& client, const Settings& settings,
                       const RepoFile& file) {
  const auto listing = list_gguf_files(client, settings, file);
  if (!listing || !listing->names) return error;
  if (listing->names->empty()) return Error{error.message + "; it has no GGUF files at all"};
  return Error{error.message + "; its GGUF files are " + shown_names(*listing->names)};
}

}  // namespace

Error refusal(const HttpAnswer& answer, const Settings& settings, const RepoFile& file) {
  const bool is_hub = origin_of(answer.url) == origin_of(settings.endpoint);
  if (is_hub && (answer.status == 401 || answer.status == 403)) {
    return no_access(answer, settings, file);
  }
  if (is_hub && answer.status == 404) return not_found(answer, file);
  const std::string reason = shown(answer.header("x-error-message"));
  return Error{fmt::format("{}/{}: {} answers with status {}{}{}", file.repo, file.name,
                           origin_of(answer.url).value_or(""), answer.status,
                           reason.empty() ? "" : ": ", reason)};
}

Result<LookUp> look_up(HttpClient& client, const Settings& settings, const RepoFile& file) {
  const std::string url = file.resolve_url(settings.endpoint);
  const auto answer = ask(client, settings, [&] { return client.head(url); });
  if (!answer) return answer.error();
  if (std::string failure = failure_of(*answer, settings, file); !failure.empty()) {
    return LookUp{std::nullopt, std::move(failure)};
  }
  if (answer->status >= 400) {
    const Error error = refusal(*answer, settings, file);
    const bool no_such_file =
        answer->status == 404 && answer->header("x-error-code") == "EntryNotFound";
    return no_such_file ? with_suggestions(error, client, settings, file) : error;
  }
  auto remote = described(*answer, settings, file);
  if (!remote) return remote.error();
  return LookUp{std::move(*remote), {}};
}

Result<Listing> list_gguf_files(HttpClient& client, const Settings& settings,
                                const RepoFile& file) {
  const std::string url = fmt::format("{}/api/models/{}/revision/{}", settings.endpoint, file.repo,
                                      percent_encoded(file.revision, /*keep_slashes=*/false));
  std::string text;
  const auto take = [&](const HttpAnswer&, std::span<const std::byte> bytes) -> Result<bool> {
    if (text.size() + bytes.size() > kMostListBytes) {
      return Error{fmt::format("{}: the list of files is longer than {} MiB", file.repo,
                               kMostListBytes >> 20)};
    }
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return true;
  };
  const auto answer = ask(client, settings, [&] { return client.get(url, std::nullopt, take); });
  if (!answer) return answer.error();
  if (std::string failure = failure_of(*answer, settings, file); !failure.empty()) {
    return Listing{std::nullopt, std::move(failure)};
  }
  if (answer->status != 200) return refusal(*answer, settings, file);
  const nlohmann::json json = parse_shallow(text);
  if (!json.is_object() || !json.contains("siblings") || !json["siblings"].is_array()) {
    return Error{fmt::format("{}: the Hub's list of files cannot be understood", file.repo)};
  }
  std::vector<std::string> names;
  for (const nlohmann::json& sibling : json["siblings"]) {
    if (!sibling.is_object() || !sibling.contains("rfilename")) continue;
    const nlohmann::json& name = sibling["rfilename"];
    if (name.is_string() && names_model(name.get<std::string>())) {
      names.push_back(name.get<std::string>());
    }
  }
  return Listing{std::move(names), {}};
}

}  // namespace linnet::hub
