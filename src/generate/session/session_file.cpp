#include "generate/session/session_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>

#include "backend/kv_pages.hpp"
#include "base/checked.hpp"
#include "base/hash.hpp"
#include "base/new_file.hpp"

namespace linnet {
namespace {

constexpr std::array<char, 8> kMagic = {'L', 'I', 'N', 'N', 'E', 'T', 'S', '\n'};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kMostTokens = 1 << 26;
constexpr std::uint64_t kMostTextBytes = std::uint64_t{256} << 20;

// A session is a header, the tokens, after how many of them each state stands, the text, the
// pages, the states, and a Hash64 of all that. Numbers are little-endian.
struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t page_tokens = kPageTokens;
  std::uint64_t model_hash = 0;
  std::uint64_t page_bytes = 0, slot_bytes = 0;
  std::uint64_t tokens = 0, states = 0, text_bytes = 0;
  std::array<char, 64> layout{};
  std::array<char, 16> kv_type{};
};
static_assert(sizeof(Header) == 144);

using Checksum = std::uint64_t;

// From and to an array that is filled up with zeros.
template <std::size_t size>
std::string text_of(const std::array<char, size>& from) {
  return {from.begin(), std::find(from.begin(), from.end(), '\0')};
}
template <std::size_t size>
void put_text(std::string_view text, std::array<char, size>& to) {
  std::copy_n(text.begin(), std::min(text.size(), size - 1), to.begin());
}

// Of the whole file; nothing if they overflow.
std::optional<std::uint64_t> file_bytes(const Header& header) {
  const std::array parts = {std::pair{header.tokens, std::uint64_t{sizeof(TokenId)}},
                            std::pair{header.states, std::uint64_t{sizeof(std::int64_t)}},
                            std::pair{header.text_bytes, std::uint64_t{1}},
                            std::pair{pages_for(header.tokens), header.page_bytes},
                            std::pair{header.states, header.slot_bytes}};
  std::optional<std::uint64_t> total = sizeof(Header) + sizeof(Checksum);
  for (const auto& [count, bytes] : parts) {
    const auto part = checked_multiply(count, bytes);
    if (!part || !total) return std::nullopt;
    total = checked_add(*total, *part);
  }
  return total;
}

Error damaged(std::string_view name, std::string_view how) {
  return Error{fmt::format("{}: the session is damaged: {}", name, how)};
}

// Takes parts off the front of bytes that are known to be enough.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> take(std::uint64_t count) {
    const auto taken = bytes_.first(static_cast<std::size_t>(count));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  template <class T>
  void take_into(std::span<T> to) {
    const auto bytes = take(to.size_bytes());
    if (!bytes.empty()) std::memcpy(to.data(), bytes.data(), bytes.size());
  }

 private:
  std::span<const std::byte> bytes_;
};

Result<Header> read_header(std::span<const std::byte> bytes, std::string_view name) {
  Header header;
  if (bytes.size() < sizeof header.magic ||
      std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return Error{fmt::format("{}: is not a session of linnet", name)};
  }
  if (bytes.size() < sizeof header + sizeof(Checksum)) return damaged(name, "it is cut");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version != kVersion || header.page_tokens != kPageTokens) {
    return Error{
        fmt::format("{}: the session has version {} with pages of {} tokens, expected {} "
                    "with {}",
                    name, header.version, header.page_tokens, kVersion, kPageTokens)};
  }
  if (header.tokens > kMostTokens || header.states > header.tokens ||
      header.text_bytes > kMostTextBytes) {
    return damaged(name, fmt::format("it says it has {} tokens, {} states and a text of {} bytes",
                                     header.tokens, header.states, header.text_bytes));
  }
  const auto expected = file_bytes(header);
  if (expected != bytes.size()) {
    return damaged(
        name, expected ? fmt::format("it should have {} bytes and has {}", *expected, bytes.size())
                       : std::string("the sizes in its header are too large"));
  }
  return header;
}

SessionIdentity identity_of(const Header& header) {
  return {header.model_hash, text_of(header.layout), text_of(header.kv_type),
          static_cast<std::int64_t>(header.page_bytes),
          static_cast<std::int64_t>(header.slot_bytes)};
}

Status check_sum(std::span<const std::byte> bytes, std::string_view name) {
  const auto content = bytes.first(bytes.size() - sizeof(Checksum));
  Checksum stored;
  std::memcpy(&stored, bytes.data() + content.size(), sizeof stored);
  Hash64 hash;
  hash.add(content);
  if (hash.value() == stored) return {};
  return damaged(name, "its checksum does not match");
}

// A file that is hashed while it is written.
class HashedFile {
 public:
  explicit HashedFile(const std::filesystem::path& path) : file_(path) {}

  template <class T>
  Status write(std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    hash_.add(bytes);
    return file_.write(bytes);
  }
  Status finish() {
    const Checksum sum = hash_.value();
    if (Status status = file_.write(std::as_bytes(std::span(&sum, 1))); !status) return status;
    return file_.finish();
  }

 private:
  NewFile file_;
  Hash64 hash_;
};

Status write_memory(HashedFile& file, SequenceCache& cache, const SequenceCache::Known& known,
                    const Header& header) {
  std::vector<std::byte> buffer(static_cast<std::size_t>(header.page_bytes));
  std::vector<std::int32_t> pages = known.prefix.pages;
  if (known.prefix.tail) pages.push_back(*known.prefix.tail);
  for (const std::int32_t page : pages) {
    cache.kv().export_page(page, buffer);
    if (Status status = file.write(std::span<const std::byte>(buffer)); !status) return status;
  }
  buffer.resize(static_cast<std::size_t>(header.slot_bytes));
  for (const StatePool::Checkpoint& checkpoint : known.checkpoints) {
    cache.states()->export_slot(checkpoint.slot, buffer);
    if (Status status = file.write(std::span<const std::byte>(buffer)); !status) return status;
  }
  return {};
}

Status write_all(const std::filesystem::path& path, const SessionIdentity& identity,
                 SequenceCache& cache, const SequenceCache::Known& known,
                 std::span<const TokenId> tokens, std::string_view text) {
  Header header;
  header.model_hash = identity.model_hash;
  header.page_bytes = static_cast<std::uint64_t>(identity.page_bytes);
  header.slot_bytes = static_cast<std::uint64_t>(identity.slot_bytes);
  header.tokens = tokens.size();
  header.states = known.checkpoints.size();
  header.text_bytes = text.size();
  put_text(identity.layout, header.layout);
  put_text(identity.kv_type, header.kv_type);
  std::vector<std::int64_t> state_tokens;
  for (const auto& checkpoint : known.checkpoints) state_tokens.push_back(checkpoint.tokens);

  HashedFile file(path);
  if (Status s = file.write(std::span<const Header>(&header, 1)); !s) return s;
  if (Status s = file.write(tokens); !s) return s;
  if (Status s = file.write(std::span<const std::int64_t>(state_tokens)); !s) return s;
  if (Status s = file.write(std::span<const char>(text)); !s) return s;
  if (Status s = write_memory(file, cache, known, header); !s) return s;
  if (Status s = cache.backend_status(); !s) return s;
  return file.finish();
}

}  // namespace

bool is_session_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;  // no pipe is waited for
  std::array<char, kMagic.size()> beginning{};
  std::ifstream(path, std::ios::binary).read(beginning.data(), std::ssize(beginning));
  return beginning == kMagic;
}

Result<SessionIdentity> read_session_identity(std::span<const std::byte> bytes,
                                              std::string_view name) {
  const auto header = read_header(bytes, name);
  if (!header) return header.error();
  return identity_of(*header);
}

Result<SessionView> parse_session(std::span<const std::byte> bytes, std::string_view name) {
  const auto header = read_header(bytes, name);
  if (!header) return header.error();
  if (Status status = check_sum(bytes, name); !status) return status.error();
  SessionView session;
  session.identity = identity_of(*header);
  SequenceImage& image = session.image;
  image.tokens.resize(static_cast<std::size_t>(header->tokens));
  image.state_tokens.resize(static_cast<std::size_t>(header->states));
  Reader reader(bytes.subspan(sizeof(Header)));
  reader.take_into(std::span(image.tokens));
  reader.take_into(std::span(image.state_tokens));
  const auto text = reader.take(header->text_bytes);
  session.text = {reinterpret_cast<const char*>(text.data()), text.size()};
  image.pages = reader.take(pages_for(header->tokens) * header->page_bytes);
  image.states = reader.take(header->states * header->slot_bytes);
  std::int64_t before = 0;
  for (const std::int64_t tokens : image.state_tokens) {
    if (tokens <= before || tokens > std::ssize(image.tokens)) {
      return damaged(name, "its states do not belong to its tokens");
    }
    before = tokens;
  }
  return session;
}

Status check_identity(const SessionIdentity& found, const SessionIdentity& expected,
                      std::string_view name) {
  if (found.model_hash != expected.model_hash) {
    return Error{fmt::format("{}: the session belongs to another model", name)};
  }
  if (found.kv_type != expected.kv_type) {
    return Error{
        fmt::format("{}: the session has a KV cache of type {}, but this one is of type {}", name,
                    found.kv_type, expected.kv_type)};
  }
  if (found.layout != expected.layout) {
    return Error{
        fmt::format("{}: the session was made by another backend: its memory is laid out "
                    "as \"{}\", expected \"{}\"",
                    name, found.layout, expected.layout)};
  }
  if (found.page_bytes == expected.page_bytes && found.slot_bytes == expected.slot_bytes) return {};
  return Error{fmt::format(
      "{}: the session has pages of {} bytes and states of {}, expected {} and "
      "{}",
      name, found.page_bytes, found.slot_bytes, expected.page_bytes, expected.slot_bytes)};
}

Result<std::int64_t> write_session(const std::filesystem::path& path,
                                   const SessionIdentity& identity, SequenceCache& cache,
                                   std::span<const TokenId> tokens, std::uint64_t root,
                                   std::string_view text) {
  const auto known = cache.hold(tokens, root);
  tokens = tokens.first(static_cast<std::size_t>(known.prefix.tokens()));
  const Status written = write_all(path, identity, cache, known, tokens, text);
  cache.release(known);
  if (!written) return written.error();
  return std::ssize(tokens);
}

}  // namespace linnet
