#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace linnet {

/// SipHash-1-3 (Aumasson and Bernstein, https://eprint.iacr.org/2012/351) of a text under a key.
std::uint64_t sip_hash(std::string_view text, const std::array<std::uint64_t, 2>& key);

/// For hash tables of texts that come from files and requests: under a key that each process draws
/// anew, so that nobody can write many that fall into one place. Orders and results must not
/// depend on it.
struct KeyedHash {
  std::size_t operator()(std::string_view text) const { return sip_hash(text, process_key()); }
  /// The key; the same for all of a process.
  static const std::array<std::uint64_t, 2>& process_key();
};

}  // namespace linnet
