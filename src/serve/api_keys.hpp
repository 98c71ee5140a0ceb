#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::serve {

/// The keys that clients may use. They are kept as SHA-256 digests, and compared in a time that
/// does not depend on what is compared.
class ApiKeys {
 public:
  explicit ApiKeys(const std::vector<std::string>& keys);

  bool empty() const { return digests_.empty(); }
  /// True if `key` is one of them, or if there are none.
  bool allow(std::string_view key) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest digest(std::string_view key);

  std::vector<Digest> digests_;
};

}  // namespace linnet::serve
