#include "serve/http/news_round.hpp"

#include <gtest/gtest.h>

#include "generate/loading/model_file.hpp"
#include "support/paths.hpp"

namespace linnet::serve {
namespace {

TEST(NewsRound, UrgentNewsDoNotWaitForTheOthers) {
  const auto file = std::move(*ModelFile::open(test::kBundledModel));
  ModelMetrics metrics;
  std::string told;
  const auto notice_of = [&](char name, bool is_urgent) {
    const auto on_news = [&told, name] { told += name; };
    return Notice{std::make_shared<const Generation>(*file->tokenizer(), Generation::Options{},
                                                     metrics, on_news),
                  is_urgent};
  };
  boost::asio::io_context io;
  NewsRound round(io);
  round.add({notice_of('a', false), notice_of('b', true)});
  io.run();
  EXPECT_EQ(told, "ba");  // there was no round before, so a waits for nothing but b
  io.restart();
  round.add({notice_of('c', false)});
  round.add({notice_of('d', false)});
  io.run();  // ends when there is nothing left to wait for
  EXPECT_EQ(told, "bacd");
}

}  // namespace
}  // namespace linnet::serve
