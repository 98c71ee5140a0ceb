#include "serve/api_keys.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace linnet::serve {

ApiKeys::ApiKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) digests_.push_back(digest(key));
}

ApiKeys::Digest ApiKeys::digest(std::string_view key) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  return digest;
}

bool ApiKeys::allow(std::string_view key) const {
  if (empty()) return true;
  const Digest asked = digest(key);
  bool allowed = false;
  for (const Digest& digest : digests_) {
    allowed |= CRYPTO_memcmp(digest.data(), asked.data(), asked.size()) == 0;
  }
  return allowed;
}

}  // namespace linnet::serve
