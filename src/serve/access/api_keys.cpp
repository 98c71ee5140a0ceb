#include "serve/access/api_keys.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace linnet::serve {
namespace {

constexpr std::string_view kBlank = " \t\r";

// The next word of `line`, which loses it; empty at its end and where a comment begins.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  if (line.starts_with('#')) return {};
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

struct Setting {
  std::string_view name;
  std::int64_t Quota::*field;
};
constexpr std::array kSettings = {
    Setting{"requests-per-minute", &Quota::requests_per_minute},
    Setting{"tokens-per-minute", &Quota::tokens_per_minute},
    Setting{"parallel", &Quota::parallel},
};

bool set_field(std::string_view word, ApiKey& key) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = word.substr(0, equals), value = word.substr(equals + 1);
  if (name == "name") {
    key.name = value;
    return !value.empty();
  }
  const auto setting = std::ranges::find(kSettings, name, &Setting::name);
  if (setting == kSettings.end()) return false;
  std::int64_t number = 0;
  const auto end = std::from_chars(value.data(), value.data() + value.size(), number);
  key.quota.*setting->field = number;
  return end.ec == std::errc{} && end.ptr == value.data() + value.size() && number > 0;
}

// Nothing if the line has no key.
Result<std::optional<ApiKey>> parse_line(std::string_view line, int number) {
  ApiKey key;
  key.secret = take_word(line);
  if (key.secret.empty()) return std::optional<ApiKey>();
  for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
    if (set_field(word, key)) continue;
    return Error{fmt::format(
        "line {}: after the key, expected name=TEXT, requests-per-minute=N, tokens-per-minute=N or "
        "parallel=N",
        number)};
  }
  return std::optional(std::move(key));
}

}  // namespace

Result<std::vector<ApiKey>> parse_api_keys(std::string_view text) {
  std::vector<ApiKey> keys;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    auto key = parse_line(line, number);
    if (!key) return key.error();
    if (*key) keys.push_back(std::move(**key));
  }
  if (keys.empty()) return Error{"expected an API key a line, found none"};
  return keys;
}

ApiKeys::ApiKeys(const std::vector<ApiKey>& keys) { replace(keys); }

ApiKeys::Digest ApiKeys::digest(std::string_view secret) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest.data());
  return digest;
}

std::shared_ptr<ClientAccount> ApiKeys::account_of(const ApiKey& key, const Digest& digest,
                                                   const EntriesByDigest& before) {
  const std::string name =
      key.name.empty() ? fmt::format("key-{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2])
                       : key.name;
  const auto [begin, end] = before.equal_range(digest);
  for (auto it = begin; it != end; ++it) {
    const Entry& entry = *it->second;
    if (entry.quota == key.quota && entry.account->name() == name) return entry.account;
  }
  return std::make_shared<ClientAccount>(next_id_++, name, key.quota);
}

void ApiKeys::replace(const std::vector<ApiKey>& keys) {
  // Sorted, because a file may have many thousands of keys, and all connections wait here.
  EntriesByDigest before;
  for (const Entry& entry : entries_) before.emplace(entry.digest, &entry);
  std::vector<Entry> entries;
  entries.reserve(keys.size());
  for (const ApiKey& key : keys) {
    const Digest of_key = digest(key.secret);
    entries.push_back({of_key, key.quota, account_of(key, of_key, before)});
  }
  entries_ = std::move(entries);
}

std::shared_ptr<ClientAccount> ApiKeys::find(std::string_view secret, std::uint64_t peer) const {
  if (empty()) return std::make_shared<ClientAccount>(peer, "", Quota{});
  const Digest asked = digest(secret);
  std::shared_ptr<ClientAccount> found;
  for (const Entry& entry : entries_) {
    if (CRYPTO_memcmp(entry.digest.data(), asked.data(), asked.size()) == 0) found = entry.account;
  }
  return found;
}

}  // namespace linnet::serve
