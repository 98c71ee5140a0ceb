#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "generate/cache/sequence_cache.hpp"

namespace linnet {

/// What a session belongs to. Its bytes mean something only if all of this is the same.
struct SessionIdentity {
  std::uint64_t model_hash = 0;
  std::string layout;   ///< Backend::memory_layout(), at most 63 bytes
  std::string kv_type;  ///< at most 15 bytes
  std::int64_t page_bytes = 0;
  std::int64_t slot_bytes = 0;
};

/// A session as it lies in a file, of which it holds views.
struct SessionView {
  SessionIdentity identity;
  SequenceImage image;
  std::string_view text;  ///< of whoever saved it
};

/// Whether a file begins as sessions do.
bool is_session_file(const std::filesystem::path& path);

/// What a session belongs to, without a look at what is after its header: a file whose bytes are
/// of no use need not be read.
Result<SessionIdentity> read_session_identity(std::span<const std::byte> bytes,
                                              std::string_view name);

/// Reads `bytes`, which nobody vouches for: all sizes are checked against each other and the
/// checksum against the bytes; nothing is allocated beyond their number. `name` is the file's, for
/// errors.
Result<SessionView> parse_session(std::span<const std::byte> bytes, std::string_view name);

/// An Error that says what a session belongs to, if it is not `expected`.
Status check_identity(const SessionIdentity& found, const SessionIdentity& expected,
                      std::string_view name);

/// Writes what `cache` knows of a beginning of `tokens` after `root`, an empty_prefix_hash(), and
/// `text`; the file gets its name when it is complete. Returns the number of tokens.
Result<std::int64_t> write_session(const std::filesystem::path& path,
                                   const SessionIdentity& identity, SequenceCache& cache,
                                   std::span<const TokenId> tokens, std::uint64_t root,
                                   std::string_view text);

}  // namespace linnet
