// Session files that anybody may have written, with a checksum that is right: whatever the header
// says, it is refused with a sentence, or it can be restored and its tokens are found again.

#include <cstdint>
#include <cstring>
#include <vector>

#include "base/hash.hpp"
#include "generate/session/session_file.hpp"
#include "require.hpp"

namespace {

using namespace linnet;

using fuzz::require;

// Memory of a model with one small layer of each kind.
struct Memory {
  std::unique_ptr<Backend> backend = make_reference_backend();
  SequenceMemory memory;

  Memory() {
    memory.pages = 8;
    memory.slots = 3;
    memory.kv = std::move(*backend->make_kv_store({{{1, 1, 1}}, KvType::kF16, memory.pages}));
    memory.states = std::move(*backend->make_state_store({{1}, memory.slots}));
  }
};

void restore(const SessionView& session) {
  Memory memory;
  SequenceCache cache(*memory.backend, memory.memory, /*reuses=*/true);
  const auto restored = cache.restore(session.image);
  require(restored >= 0 && restored <= std::ssize(session.image.tokens));
  const auto known = cache.hold(session.image.tokens);
  require(known.prefix.tokens() >= restored);
  cache.release(known);
  if (session.image.tokens.empty()) return;
  StoredSequence sequence;
  require(cache.start(session.image.tokens, empty_prefix_hash(),
                      std::ssize(session.image.tokens) - 1, /*running=*/0, sequence));
  require(sequence.computed < std::ssize(session.image.tokens));
  cache.end(sequence, session.image.tokens);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  const auto as_it_is = parse_session(input, "fuzz");
  require(as_it_is || as_it_is.error().message.starts_with("fuzz: "));

  std::vector<std::byte> sealed(input.begin(), input.end());
  Hash64 hash;
  hash.add(sealed);
  const std::uint64_t sum = hash.value();
  sealed.resize(size + sizeof sum);
  std::memcpy(sealed.data() + size, &sum, sizeof sum);
  const auto session = parse_session(sealed, "fuzz");
  if (!session) {
    require(session.error().message.starts_with("fuzz: "));
    return 0;
  }
  Memory memory;
  SessionIdentity expected = session->identity;
  expected.page_bytes = memory.memory.kv->page_bytes();
  expected.slot_bytes = memory.memory.states->slot_bytes();
  if (check_identity(session->identity, expected, "fuzz")) restore(*session);
  return 0;
}
