#include "serve/access/api_keys.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>

#include "support/processor_time.hpp"

namespace linnet::serve {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

const ClientAccount::Time kStart{seconds(1000)};

TEST(ApiKeys, AFileHasAKeyALineWithQuotas) {
  const auto keys = parse_api_keys(
      "# keys of the team\n"
      "first\n"
      "\n"
      "  sec#ond\tname=bot requests-per-minute=3 tokens-per-minute=500 parallel=2  # of the bot\r\n"
      "third");
  ASSERT_TRUE(keys.ok()) << keys.error().message;
  ASSERT_EQ(keys->size(), 3u);
  EXPECT_EQ((*keys)[0].secret, "first");
  EXPECT_EQ((*keys)[1].secret, "sec#ond");
  EXPECT_EQ((*keys)[1].name, "bot");
  EXPECT_EQ((*keys)[1].quota, (Quota{3, 500, 2}));
  EXPECT_EQ((*keys)[2].secret, "third");
  EXPECT_EQ((*keys)[2].quota, Quota());
}

TEST(ApiKeys, ABadLineIsNamedWithoutItsSecret) {
  for (const std::string line :
       {"secret parallel=0", "secret parallel=-1", "secret parallel=2x",
        "secret parallel=", "secret more-secret", "secret name=", "secret colour=red",
        "secret tokens-per-minute=99999999999999999999"}) {
    const auto keys = parse_api_keys("good\n" + line + "\n");
    ASSERT_FALSE(keys.ok()) << line;
    EXPECT_THAT(keys.error().message, HasSubstr("line 2"));
    EXPECT_THAT(keys.error().message, Not(HasSubstr("secret")));
  }
  EXPECT_FALSE(parse_api_keys("").ok());
  EXPECT_FALSE(parse_api_keys("# none\n").ok());
}

TEST(ApiKeys, FindsWhoUsesAKey) {
  const ApiKeys keys({{"first", "", {}}, {"second", "bot", {}}});
  EXPECT_EQ(keys.find("third", 7), nullptr);
  EXPECT_EQ(keys.find("", 7), nullptr);
  EXPECT_EQ(keys.find("second", 7)->name(), "bot");
  EXPECT_NE(keys.find("first", 7)->id(), keys.find("second", 7)->id());
  EXPECT_EQ(ApiKeys({}).find("anything", 7)->id(), 7u);
}

TEST(ApiKeys, WhatAKeyHasUsedOutlivesAReload) {
  ApiKeys keys({{"first", "", {.requests_per_minute = 1}}, {"second", "", {}}});
  EXPECT_FALSE(keys.find("first", 7)->begin(kStart));
  keys.replace({{"first", "", {.requests_per_minute = 1}}});
  EXPECT_TRUE(keys.find("first", 7)->begin(kStart));
  EXPECT_EQ(keys.find("second", 7), nullptr);
  keys.replace({{"first", "", {.requests_per_minute = 2}}});
  EXPECT_FALSE(keys.find("first", 7)->begin(kStart));
}

// It took 28 s with 130,000 keys, in which no connection was served.
TEST(ApiKeys, ManyKeysAreReloadedAtOnce) {
  std::vector<ApiKey> many;
  for (int i = 0; i < 100'000; ++i) many.push_back({fmt::format("s{}", i), "", {}});
  ApiKeys keys(many);
  const auto account = keys.find("s99999", 7);
  const double start_s = test::processor_time_s();
  keys.replace(many);
  EXPECT_LT(test::processor_time_s() - start_s, 10);
  EXPECT_EQ(keys.find("s99999", 7), account);
}

TEST(ClientAccount, RequestsAMinute) {
  ClientAccount account(1, "", {.requests_per_minute = 2});
  EXPECT_FALSE(account.begin(kStart));
  EXPECT_FALSE(account.begin(kStart));
  const auto refusal = account.begin(kStart);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->retry_after_s, 30);
  EXPECT_THAT(refusal->reason, HasSubstr("2 requests a minute"));
  EXPECT_TRUE(account.begin(kStart + seconds(29)));
  EXPECT_FALSE(account.begin(kStart + seconds(31)));
}

TEST(ClientAccount, TokensAMinuteMayLeaveADebt) {
  ClientAccount account(1, "", {.tokens_per_minute = 60});
  EXPECT_FALSE(account.begin(kStart));
  account.end(180);
  const auto refusal = account.begin(kStart);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->retry_after_s, 121);
  EXPECT_TRUE(account.begin(kStart + seconds(120)));
  EXPECT_FALSE(account.begin(kStart + seconds(122)));
}

TEST(ClientAccount, RequestsAtATime) {
  ClientAccount account(1, "", {.parallel = 1});
  EXPECT_FALSE(account.begin(kStart));
  EXPECT_TRUE(account.begin(kStart));
  account.end(5);
  EXPECT_FALSE(account.begin(kStart));
}

}  // namespace
}  // namespace linnet::serve
