// The bytes of a session as somebody else may have written them, checksum and all.

#include "generate/session/session_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/hash.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;

// Where the header's fields lie.
constexpr std::size_t kVersion = 8, kPageBytes = 24, kTokens = 40, kStates = 48, kTextBytes = 56;
constexpr std::size_t kHeaderBytes = 144;

using Bytes = std::vector<std::byte>;

template <class T>
void put(Bytes& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

// A session of `tokens` tokens with pages of 10 bytes, states of 4 and no text, without checksum.
Bytes session(std::uint64_t tokens, const std::vector<std::int64_t>& states) {
  const std::uint64_t pages = (tokens + 31) / 32;
  Bytes bytes(kHeaderBytes + tokens * 4 + states.size() * (8 + 4) + pages * 10);
  std::memcpy(bytes.data(), "LINNETS\n", 8);
  put(bytes, kVersion, std::uint32_t{1});
  put(bytes, kVersion + 4, std::uint32_t{32});
  put(bytes, kPageBytes, std::uint64_t{10});
  put(bytes, kPageBytes + 8, std::uint64_t{4});
  put(bytes, kTokens, tokens);
  put(bytes, kStates, static_cast<std::uint64_t>(states.size()));
  std::ranges::copy(std::as_bytes(std::span(states)),
                    bytes.begin() + static_cast<std::ptrdiff_t>(kHeaderBytes + tokens * 4));
  return bytes;
}

Bytes sealed(Bytes bytes) {
  Hash64 hash;
  hash.add(bytes);
  bytes.resize(bytes.size() + 8);
  put(bytes, bytes.size() - 8, hash.value());
  return bytes;
}

std::string refusal(const Bytes& bytes) {
  const auto view = parse_session(bytes, "s");
  return view ? "" : view.error().message;
}

TEST(SessionFile, IsReadAsItIsWritten) {
  const Bytes bytes = sealed(session(40, {32, 40}));
  const auto view = parse_session(bytes, "s");
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->image.tokens.size(), 40u);
  EXPECT_THAT(view->image.state_tokens, testing::ElementsAre(32, 40));
  EXPECT_EQ(view->image.pages.size(), 20u);
  EXPECT_EQ(view->image.states.size(), 8u);
  EXPECT_EQ(view->identity.page_bytes, 10);
}

TEST(SessionFile, OtherFilesAreNone) {
  EXPECT_EQ(refusal({}), "s: is not a session of linnet");
  EXPECT_EQ(refusal(Bytes(1000)), "s: is not a session of linnet");
}

TEST(SessionFile, OtherVersionsAreNamed) {
  Bytes bytes = session(5, {});
  put(bytes, kVersion, std::uint32_t{7});
  EXPECT_EQ(refusal(sealed(bytes)),
            "s: the session has version 7 with pages of 32 tokens, expected 1 with 32");
}

TEST(SessionFile, SizesThatDoNotFitTheFileAreRefused) {
  for (const std::size_t field : {kPageBytes, kPageBytes + 8, kTokens, kStates, kTextBytes}) {
    for (const std::uint64_t value :
         {std::uint64_t{1} << 20, std::uint64_t{1} << 40, std::uint64_t{1} << 61,
          std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max()}) {
      Bytes bytes = session(40, {40});
      put(bytes, field, value);
      EXPECT_THAT(refusal(sealed(bytes)), HasSubstr("s: the session is damaged: ")) << field;
    }
  }
}

// A hole of a sparse file costs nobody anything to make, and a checksum over it hours.
TEST(SessionFile, WhatItBelongsToIsReadBeforeTheRest) {
  const auto identity = read_session_identity(session(40, {40}), "s");
  ASSERT_FALSE(identity) << "without a checksum it is eight bytes too short";
  Bytes bytes = session(40, {40});
  bytes.resize(bytes.size() + 8);
  EXPECT_EQ(refusal(bytes), "s: the session is damaged: its checksum does not match");
  EXPECT_EQ(read_session_identity(bytes, "s")->page_bytes, 10);
}

TEST(SessionFile, MoreThanAnyTextHasIsRefused) {
  for (const std::size_t field : {kTokens, kStates, kTextBytes}) {
    Bytes bytes = session(0, {});
    put(bytes, kPageBytes, std::uint64_t{0});
    put(bytes, field, std::uint64_t{1} << 32);
    EXPECT_THAT(refusal(sealed(bytes)), HasSubstr("damaged: it says it has ")) << field;
  }
}

TEST(SessionFile, ACutOneIsRefused) {
  Bytes bytes = sealed(session(40, {40}));
  bytes.pop_back();
  EXPECT_THAT(refusal(bytes), HasSubstr("it should have"));
  bytes.resize(100);
  EXPECT_EQ(refusal(bytes), "s: the session is damaged: it is cut");
}

TEST(SessionFile, ChangedBytesAreNoticed) {
  Bytes bytes = sealed(session(40, {40}));
  bytes[kHeaderBytes + 3] ^= std::byte{1};
  EXPECT_EQ(refusal(bytes), "s: the session is damaged: its checksum does not match");
}

TEST(SessionFile, StatesBelongToTokens) {
  for (const std::vector<std::int64_t>& states :
       std::vector<std::vector<std::int64_t>>{{0}, {-1}, {41}, {8, 8}, {9, 8}}) {
    EXPECT_THAT(refusal(sealed(session(40, states))), HasSubstr("its states do not belong"));
  }
}

}  // namespace
}  // namespace linnet
