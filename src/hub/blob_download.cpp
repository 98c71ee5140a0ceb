#include "hub/blob_download.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "hub/url.hpp"

namespace linnet::hub {
namespace {

std::optional<std::uint64_t> leading_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// "bytes BEGIN-LAST/TOTAL", where TOTAL may be "*".
bool is_range(const std::string& header, std::uint64_t begin, std::uint64_t total) {
  std::string_view text = header;
  if (!skip(text, "bytes ") || leading_number(text) != begin || !skip(text, "-")) return false;
  const auto last = leading_number(text);
  if (!last || *last < begin || *last >= total || !skip(text, "/")) return false;
  return text == "*" || (leading_number(text) == total && text.empty());
}

}  // namespace

BlobDownload::BlobDownload(HttpClient& client, const Settings& settings, const RepoFile& asked,
                           const RemoteFile& remote, PartialFile& partial)
    : client_(client),
      settings_(settings),
      asked_(asked),
      remote_(remote),
      partial_(partial),
      resumed_(partial.size_bytes() > 0) {}

// A 206 must give exactly what was asked for; a 200 is the file from its beginning.
Status BlobDownload::take_position(const HttpAnswer& answer, std::uint64_t asked_from) {
  if (answer.status == 206) {
    if (is_range(answer.header("content-range"), asked_from, remote_.size_bytes)) return {};
    return Error{fmt::format("{}: {} sends '{}', expected bytes from {} of {}", remote_.name,
                             origin_of(answer.url).value_or(""),
                             shown(answer.header("content-range")), asked_from,
                             remote_.size_bytes)};
  }
  const std::string length = answer.header("content-length");
  if (!length.empty() && length != std::to_string(remote_.size_bytes)) {
    return Error{fmt::format("{}: {} sends {} bytes, expected {}", remote_.name,
                             origin_of(answer.url).value_or(""), shown(length),
                             remote_.size_bytes)};
  }
  return asked_from == 0 ? Status() : partial_.restart();
}

Result<HttpAnswer> BlobDownload::request(std::uint64_t end) {
  const std::uint64_t begin = partial_.size_bytes();
  std::optional<ByteRange> range = ByteRange{begin, end};
  if (begin == 0 && end == remote_.size_bytes) range.reset();
  bool is_first = true;
  return client_.get(
      remote_.url, range,
      [&](const HttpAnswer& answer, std::span<const std::byte> bytes) -> Result<bool> {
        if (is_first) {
          is_first = false;
          if (Status status = take_position(answer, begin); !status) return status.error();
        }
        const std::uint64_t room = end - partial_.size_bytes();
        const std::size_t taken = std::min<std::uint64_t>(room, bytes.size());
        received_bytes_ += taken;
        if (Status status = partial_.append(bytes.first(taken)); !status) return status.error();
        return taken < room;
      });
}

Status BlobDownload::fetch_until(std::uint64_t end) {
  std::uint64_t furthest = partial_.size_bytes();
  int failures = 0;
  while (partial_.size_bytes() < end) {
    auto answer = request(end);
    if (!answer) return answer.error();
    if (partial_.size_bytes() >= end) break;
    const bool is_cut = answer->status == 200 || answer->status == 206;
    if (answer->status == 416) {  // what is here cannot be the beginning of that file
      if (Status status = partial_.restart(); !status) return status;
    } else if (!is_cut && !answer->worth_another_try()) {
      return refusal(*answer, settings_, asked_);
    }
    failures = partial_.size_bytes() > furthest ? 1 : failures + 1;
    furthest = std::max(furthest, partial_.size_bytes());
    if (failures >= settings_.attempts) return given_up(*answer);
    const auto time = answer->pause(settings_.first_pause, failures);
    if (Status status = client_.wait(time); !status) return status;
  }
  return {};
}

Error BlobDownload::given_up(const HttpAnswer& answer) const {
  const std::string reason = !answer.failure.empty() ? answer.failure
                             : answer.status / 100 == 2
                                 ? "the answer ended too early"
                                 : refusal(answer, settings_, asked_).message;
  return Error{fmt::format(
      "{}: the download stopped after {} of {} bytes, {} attempts in a row "
      "failed ({}); the next run goes on from there",
      remote_.name, partial_.size_bytes(), remote_.size_bytes, settings_.attempts, reason)};
}

bool BlobDownload::is_right() const {
  return remote_.sha256.empty() || partial_.sha256() == remote_.sha256;
}

Status BlobDownload::finish() {
  if (Status status = fetch_until(remote_.size_bytes); !status) return status;
  if (!is_right() && resumed_) {
    if (Status status = partial_.restart(); !status) return status;
    if (Status status = fetch_until(remote_.size_bytes); !status) return status;
  }
  if (is_right()) return {};
  const std::string found = partial_.sha256();
  partial_.discard();
  return Error{fmt::format("{}: what came has SHA-256 {}, expected {}; it was deleted",
                           remote_.name, found, remote_.sha256)};
}

}  // namespace linnet::hub
