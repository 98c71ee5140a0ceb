#include "serve/metrics.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "support/paths.hpp"

namespace linnet::serve {
namespace {

using testing::HasSubstr;

TEST(Metrics, BucketsCountWhatLiesBelowTheirBounds) {
  Histogram histogram({0.1, 0.5, 1.0});
  for (const double seconds : {0.05, 0.1, 0.3, 0.9, 7.0}) histogram.observe(seconds);
  std::string out;
  histogram.print("wait_seconds", "Of waiting.", out);
  EXPECT_EQ(out,
            "# HELP linnet_wait_seconds Of waiting.\n"
            "# TYPE linnet_wait_seconds histogram\n"
            "linnet_wait_seconds_bucket{le=\"0.1\"} 2\n"
            "linnet_wait_seconds_bucket{le=\"0.5\"} 3\n"
            "linnet_wait_seconds_bucket{le=\"1\"} 4\n"
            "linnet_wait_seconds_bucket{le=\"+Inf\"} 5\n"
            "linnet_wait_seconds_sum 8.35\n"
            "linnet_wait_seconds_count 5\n");
}

TEST(Metrics, RepliesAndErrorsHaveLabels) {
  Metrics metrics;
  metrics.count_reply("/v1/completions", 200);
  metrics.count_reply("/v1/completions", 200);
  metrics.count_error("rate_limit_exceeded");
  EXPECT_THAT(metrics.print(),
              HasSubstr("linnet_replies_total{route=\"/v1/completions\",status=\"200\"} 2\n"));
  EXPECT_THAT(metrics.print(), HasSubstr("linnet_errors_total{code=\"rate_limit_exceeded\"} 1\n"));
}

// Prometheus refuses a whole page for one wrong line.
TEST(Metrics, EveryLineHasTheFormOfPrometheus) {
  Metrics metrics;
  metrics.count_reply("other", 404);
  metrics.step_time.observe(0.01);
  const std::regex comment("# (HELP|TYPE) linnet_[a-z_]+ .+");
  const std::regex sample(
      R"re((linnet_[a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [-+.e0-9]+)re");
  std::set<std::string> described;
  std::istringstream lines(metrics.print());
  for (std::string line; std::getline(lines, line);) {
    std::smatch parts;
    if (std::regex_match(line, comment)) {
      described.insert(line.substr(7, line.find(' ', 7) - 7));
    } else {
      ASSERT_TRUE(std::regex_match(line, parts, sample)) << line;
      const std::string name =
          std::regex_replace(parts[1].str(), std::regex("_(bucket|sum|count)$"), "");
      EXPECT_TRUE(described.contains(name)) << line;
    }
  }
  EXPECT_GT(described.size(), 15u);
}

TEST(Metrics, TheDashboardAsksForWhatIsThere) {
  std::stringstream dashboard;
  dashboard << std::ifstream(test::in_repository("docs/serving/grafana.json")).rdbuf();
  const std::string text = dashboard.str(), known = Metrics().print();
  const std::regex name("linnet_[a-z_]+");
  const std::sregex_iterator begin(text.begin(), text.end(), name), end;
  EXPECT_GT(std::distance(begin, end), 10);
  for (auto found = begin; found != end; ++found) {
    const std::string asked = std::regex_replace(found->str(), std::regex("_(bucket|sum)$"), "");
    EXPECT_THAT(known, HasSubstr("# TYPE " + asked + " "));
  }
}

}  // namespace
}  // namespace linnet::serve
