#include "support/fake_hub.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>

#include "hub/sha256.hpp"

namespace linnet::test {

FakeHub::FakeHub()
    : storage_(std::make_unique<HttpServer>([this](const auto& r) { return store(r); })),
      hub_(std::make_unique<HttpServer>([this](const auto& r) { return answer(r); })) {}

void FakeHub::synchronize() {
  hub_->synchronize();
  storage_->synchronize();
}

void FakeHub::add_fault(Fault fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back(std::move(fault));
}

ServerAnswer FakeHub::refuse(int status, const std::string& code) {
  return {.status = status, .headers = {{"X-Error-Code", code}}, .body = "no"};
}

ServerAnswer FakeHub::answer(const ServerRequest& request) {
  if (busy_answers > 0 && busy_answers-- > 0) return refuse(503, "");
  if (status) return refuse(status, error_code);
  if (!needed_token.empty() &&
      request.header("authorization") != fmt::format("Bearer {}", needed_token)) {
    return refuse(401, error_code.empty() ? "RepoNotFound" : error_code);
  }
  if (request.path == "/api/models/o/m/revision/main") return list();
  if (request.path.starts_with("/moved/m/resolve/")) {  // a renamed repo
    return {.status = 307,
            .headers = {{"Location", fmt::format("/o/m{}", request.path.substr(8))}}};
  }
  for (const std::string& prefix :
       {std::string("/o/m/resolve/main/"), std::string("/o/m/resolve/refs%2Fpr%2F1/"),
        fmt::format("/o/m/resolve/{}/", kCommit)}) {
    if (request.path.starts_with(prefix)) return resolve(request.path.substr(prefix.size()));
  }
  if (request.path.starts_with("/o/m/")) return refuse(404, "RevisionNotFound");
  return refuse(404, "RepoNotFound");
}

ServerAnswer FakeHub::list() const {
  std::vector<std::string> siblings;
  for (const auto& [name, content] : files) {
    siblings.push_back(fmt::format(R"({{"rfilename":"{}"}})", name));
  }
  return {.status = 200,
          .headers = {{"Content-Type", "application/json"}},
          .body = fmt::format(R"({{"siblings":[{}]}})", fmt::join(siblings, ","))};
}

ServerAnswer FakeHub::resolve(const std::string& name) {
  const auto file = files.find(name);
  if (file == files.end()) return refuse(404, "EntryNotFound");
  const auto wrong = wrong_sha256.find(name);
  const std::string hash = wrong == wrong_sha256.end() ? sha256_of(file->second) : wrong->second;
  return {.status = 302,
          .headers = {{"Location", storage_->url() + "/blob/" + name},
                      {"X-Repo-Commit", kCommit},
                      {"X-Linked-Size", std::to_string(file->second.size())},
                      {"X-Linked-ETag", fmt::format("\"{}\"", hash)},
                      {"ETag", "\"of-the-pointer\""}},
          .body = "see there"};
}

Fault FakeHub::next_fault() {
  const std::lock_guard lock(mutex_);
  if (faults_.empty()) return {};
  Fault fault = faults_.front();
  faults_.erase(faults_.begin());
  return fault;
}

ServerAnswer FakeHub::store(const ServerRequest& request) {
  const Fault fault = next_fault();
  const std::string& bytes = files.at(request.path.substr(6));
  if (fault.status) return {.status = fault.status, .headers = {}, .body = "no"};
  ServerAnswer answer{.status = 200, .headers = {}, .body = bytes};
  const std::string range = request.header("range");
  if (!range.empty() && !fault.ignore_range) {
    const auto dash = range.find('-');
    const std::size_t begin = std::stoull(range.substr(6, dash - 6));
    const std::size_t last =
        std::min<std::size_t>(std::stoull(range.substr(dash + 1)), bytes.size() - 1);
    answer.status = 206;
    answer.body = bytes.substr(begin, last + 1 - begin);
    answer.headers["Content-Range"] = fmt::format("bytes {}-{}/{}", begin, last, bytes.size());
    if (!fault.content_range.empty()) answer.headers["Content-Range"] = fault.content_range;
  }
  answer.cut_after = fault.cut_after;
  answer.hang_after = fault.hang_after;
  return answer;
}

std::string sha256_of(const std::string& text) {
  hub::Sha256 hash;
  hash.add(std::as_bytes(std::span(text)));
  return hash.hex();
}

std::string noise(std::size_t size, std::uint32_t seed) {
  std::string text(size, '\0');
  for (char& c : text) {
    seed = seed * 1664525u + 1013904223u;
    c = static_cast<char>(seed >> 24);
  }
  return text;
}

}  // namespace linnet::test
