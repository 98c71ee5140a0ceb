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
  constexpr std::array kBounds_s = {0.1, 0.5, 1.0};
  Histogram histogram(kBounds_s);
  for (const double seconds : {0.05, 0.1, 0.3, 0.9, 7.0}) histogram.observe(seconds);
  std::string out;
  histogram.print("wait_seconds", "", out);
  EXPECT_EQ(out,
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
  EXPECT_THAT(metrics.print({}),
              HasSubstr("linnet_replies_total{route=\"/v1/completions\",status=\"200\"} 2\n"));
  EXPECT_THAT(metrics.print({}),
              HasSubstr("linnet_errors_total{code=\"rate_limit_exceeded\"} 1\n"));
}

TEST(Metrics, ModelsHaveLabelsWhereThereAreSeveral) {
  const Metrics metrics;
  ModelMetrics first, second;
  first.running = 3;
  second.running = 4;
  second.step_time.observe(0.01);
  const NamedMetrics one[] = {{"a", &first}};
  const NamedMetrics two[] = {{"a", &first}, {R"(a "b\c")", &second}};
  EXPECT_THAT(metrics.print(one), HasSubstr("\nlinnet_running 3\n"));
  const std::string both = metrics.print(two);
  EXPECT_THAT(both, HasSubstr("\n# TYPE linnet_running gauge\n"
                              "linnet_running{model=\"a\"} 3\n"
                              R"(linnet_running{model="a \"b\\c\""} 4)"));
  EXPECT_THAT(both, HasSubstr("\nlinnet_step_seconds_bucket{model=\"a\",le=\"0.001\"} 0\n"));
  EXPECT_THAT(both, HasSubstr("\nlinnet_step_seconds_count{model=\"a\"} 0\n"));
  EXPECT_THAT(both, HasSubstr("\nlinnet_connections 0\n"));
}

// Prometheus refuses a whole page for one wrong line.
void expect_form_of_prometheus(const std::string& text) {
  const std::regex comment("# (HELP|TYPE) (linnet_|llamacpp:)[a-z_]+ .+");
  const std::regex sample(
      R"re(((?:linnet_|llamacpp:)[a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [-+.e0-9]+)re");
  std::set<std::string> described;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch parts;
    if (std::regex_match(line, comment)) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      if (line.starts_with("# HELP")) {
        EXPECT_TRUE(described.insert(name).second) << line;
      }
    } else {
      ASSERT_TRUE(std::regex_match(line, parts, sample)) << line;
      const std::string name =
          std::regex_replace(parts[1].str(), std::regex("_(bucket|sum|count)$"), "");
      EXPECT_TRUE(described.contains(name)) << line;
    }
  }
  EXPECT_GT(described.size(), 15u);
}

TEST(Metrics, EveryLineHasTheFormOfPrometheus) {
  Metrics metrics;
  metrics.count_reply("other", 404);
  ModelMetrics model;
  model.step_time.observe(0.01);
  const NamedMetrics models[] = {{"a", &model}, {"b", &model}};
  expect_form_of_prometheus(metrics.print({models, 1}));
  expect_form_of_prometheus(metrics.print(models));
}

// What watches llama.cpp's server finds its names.
TEST(Metrics, HasTheNamesOfLlamaCpp) {
  ModelMetrics model;
  model.running = 3;
  model.waiting = 2;
  model.prompt_tokens = 50;
  model.computed_prompt_tokens = 7;
  const NamedMetrics models[] = {{"a", &model}};
  const std::string text = Metrics().print(models);
  EXPECT_THAT(text, HasSubstr("\nllamacpp:requests_processing 3\n"));
  EXPECT_THAT(text, HasSubstr("\nllamacpp:requests_deferred 2\n"));
  EXPECT_THAT(text, HasSubstr("\nllamacpp:prompt_tokens_total 7\n"));
}

TEST(Metrics, TheDashboardAsksForWhatIsThere) {
  std::stringstream dashboard;
  dashboard << std::ifstream(test::in_repository("docs/serving/grafana.json")).rdbuf();
  const ModelMetrics model;
  const NamedMetrics models[] = {{"a", &model}};
  const std::string text = dashboard.str(), known = Metrics().print(models);
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
