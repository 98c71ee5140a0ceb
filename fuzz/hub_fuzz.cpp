// What a Hub answers, or who pretends to be one: raw answers, one behind the other with a zero byte
// in between, to the questions that the first byte chooses. They are understood or refused with a
// sentence that is safe to print, and nothing gets a name that is not what its hash says. The other
// inputs are names and addresses.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/printable.hpp"
#include "hub/cache.hpp"
#include "hub/download.hpp"
#include "hub/http_client.hpp"
#include "hub/remote_file.hpp"
#include "hub/sha256.hpp"
#include "hub/url.hpp"
#include "require.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;

using linnet::fuzz::require;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    parts.emplace_back(text.substr(0, text.find('\0')));
    text.remove_prefix(std::min(parts.back().size() + 1, text.size()));
  }
  return parts;
}

// Gives each connection the next of some answers, whatever it asks for. It is the proxy of this
// process, so that nothing leaves the machine wherever an answer leads.
class AnswerServer {
 public:
  AnswerServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    require(bind(listener_, any, size) == 0 && listen(listener_, 16) == 0);
    require(getsockname(listener_, any, &size) == 0);
    const std::string url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    for (const char* const name : {"http_proxy", "https_proxy", "all_proxy"}) {
      setenv(name, url.c_str(), /*overwrite=*/1);
    }
    for (const char* const name : {"no_proxy", "NO_PROXY"}) unsetenv(name);
    std::thread([this] { serve(); }).detach();
  }

  void set_answers(std::vector<std::string> answers) {
    const std::lock_guard lock(mutex_);
    answers_ = std::move(answers);
    next_ = 0;
  }

 private:
  std::string next_answer() {
    const std::lock_guard lock(mutex_);
    return next_ < answers_.size() ? answers_[next_++] : std::string();
  }

  void serve() {
    while (true) {
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      std::string asked;
      char bytes[4096];
      while (asked.find("\r\n\r\n") == asked.npos) {
        const ssize_t count = recv(connection, bytes, sizeof bytes, 0);
        if (count <= 0) break;
        asked.append(bytes, static_cast<std::size_t>(count));
      }
      const std::string answer = next_answer();
      send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
      shutdown(connection, SHUT_WR);
      while (recv(connection, bytes, sizeof bytes, 0) > 0) {
      }
      close(connection);
    }
  }

  const int listener_;
  std::mutex mutex_;
  std::vector<std::string> answers_;
  std::size_t next_ = 0;
};

void check_shown(const std::string& message) {
  require(!message.empty() && printable(message) == message);
}

const fs::path& cache_folder() {
  static const fs::path folder = "/dev/shm/linnet-fuzz-" + std::to_string(getpid()) + "-hub";
  return folder;
}

// A server may ask for a minute's patience, which no input is worth.
Settings settings_for(std::string_view input) {
  Settings settings;
  settings.endpoint = "http://hub.test";
  settings.cache = cache_folder();
  settings.token = "hf_secret";
  settings.attempts = input.find("etry-") == input.npos ? 3 : 1;
  settings.first_pause = std::chrono::milliseconds(0);
  settings.stall_timeout = std::chrono::seconds(2);
  return settings;
}

void ask_for_file(const Settings& settings, const RepoFile& file) {
  HttpClient client({.home = settings.endpoint, .token = settings.token});
  const auto found = look_up(client, settings, file);
  if (!found) return check_shown(found.error().message);
  if (!found->file) return check_shown(found->failure);
  require(is_commit(found->file->commit) && is_etag(found->file->etag));
  require(found->file->sha256.empty() || found->file->sha256 == found->file->etag);
  require(found->file->url.starts_with(settings.endpoint + "/"));
}

void ask_for_list(const Settings& settings, const RepoFile& file) {
  HttpClient client({.home = settings.endpoint, .token = settings.token});
  const auto listing = list_gguf_files(client, settings, file);
  if (!listing) return check_shown(listing.error().message);
  if (!listing->names) return check_shown(listing->failure);
  for (const std::string& name : *listing->names) require(names_model(name));
  const std::string shown = shown_names(*listing->names);
  require(printable(shown) == shown);
}

// No blob that is called like a hash has another.
void check_blobs(const fs::path& blobs) {
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(blobs, absent)) {
    const std::string name = entry.path().filename();
    if (name.size() != 64) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    Sha256 hash;
    hash.add(std::as_bytes(std::span(bytes)));
    require(hash.hex() == name);
  }
}

void fetch_file(const Settings& settings, const RepoFile& file) {
  Events events;
  events.preview = [](const ModelPreview& preview) -> Status {
    for (const std::string& text :
         {preview.name, preview.architecture, preview.size_label, preview.tensor_types}) {
      require(printable(text) == text);
    }
    return {};
  };
  events.note = check_shown;
  const auto path = fetch(file, settings, events);
  if (!path) check_shown(path.error().message);
  if (path) require(path->string().starts_with(cache_folder().string()));
  check_blobs(Cache(settings.cache, file.repo).blobs());
  fs::remove_all(cache_folder());
}

void read_names(const std::vector<std::string>& texts) {
  const std::string& first = texts.front();
  const std::string& second = texts.back();
  const auto to = redirected(first, second);
  if (to) require(origin_of(*to).has_value());
  if (!to) check_shown(to.error().message);
  const std::string shown = shown_address(first);
  require(printable(shown) == shown);
  const RepoFile file{first, second, texts[texts.size() / 2]};
  if (const Status status = file.check(); !status) return check_shown(status.error().message);
  require(origin_of(file.resolve_url("http://hub.test")) == origin_of("http://hub.test"));
  require(part_count(file.name) >= 1 && part_count(first_part(file.name)) == part_count(file.name));
  const fs::path root = "/cache";
  const Cache cache(root, file.repo);
  const std::string folder = (root / Cache::folder_name(file.repo)).string() + "/";
  for (const fs::path& path : {cache.blobs(), cache.snapshot(file.revision, file.name)}) {
    require(path.lexically_normal().string().starts_with(folder));
  }
}

void read_settings(const std::vector<std::string>& texts) {
  const auto settings = Settings::from_environment([&](const char* name) -> const char* {
    for (const std::string& text : texts) {
      const std::string_view key = name;
      if (key == "HF_TOKEN_PATH" || !text.starts_with(key)) continue;
      if (text.size() > key.size() && text[key.size()] == '=') return text.c_str() + key.size() + 1;
    }
    return nullptr;
  });
  if (!settings) return;
  require(origin_of(settings->endpoint).has_value() && !settings->cache.empty());
  for (const char c : settings->token) require(c > ' ' && c < 0x7f);
}

}  // namespace
}  // namespace linnet::hub

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet::hub;
  static AnswerServer& server = *new AnswerServer;
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::vector<std::string> texts = split(input);
  const Settings settings = settings_for(input);
  const RepoFile file{"owner/repo", "model.gguf"};
  switch (data[0] % 5) {
    case 0:
      server.set_answers(texts);
      ask_for_file(settings, file);
      break;
    case 1:
      server.set_answers(texts);
      ask_for_list(settings, file);
      break;
    case 2:
      server.set_answers(texts);
      fetch_file(settings, file);
      break;
    case 3:
      read_names(texts);
      break;
    default:
      read_settings(texts);
  }
  return 0;
}
