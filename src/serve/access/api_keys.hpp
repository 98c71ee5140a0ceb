#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "serve/access/client_account.hpp"

namespace linnet::serve {

struct ApiKey {
  std::string secret;
  std::string name;  ///< for logs; empty: a few digits of the key's hash
  Quota quota;
};

/// Keys of a file: one a line, `SECRET [name=TEXT] [requests-per-minute=N] [tokens-per-minute=N]
/// [parallel=N]`; what follows a # is a comment. An Error names the line, and never a secret.
Result<std::vector<ApiKey>> parse_api_keys(std::string_view text);

/// The keys that clients may use. They are kept as SHA-256 digests, and compared in a time that
/// does not depend on what is compared. Belongs to the I/O thread.
class ApiKeys {
 public:
  explicit ApiKeys(const std::vector<ApiKey>& keys);

  /// A key that stays with the same quota keeps what it has used.
  void replace(const std::vector<ApiKey>& keys);

  bool empty() const { return entries_.empty(); }
  /// Who uses `secret`, null if it is no key. If there are no keys, whoever has the id `peer`.
  std::shared_ptr<ClientAccount> find(std::string_view secret, std::uint64_t peer) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Entry {
    Digest digest;
    Quota quota;
    std::shared_ptr<ClientAccount> account;
  };
  using EntriesByDigest = std::multimap<Digest, const Entry*>;
  static Digest digest(std::string_view secret);
  std::shared_ptr<ClientAccount> account_of(const ApiKey& key, const Digest& digest,
                                            const EntriesByDigest& before);

  std::vector<Entry> entries_;
  std::uint64_t next_id_ = 1;
};

}  // namespace linnet::serve
