// `linnet rerank` as a user runs it.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "support/model_copy.hpp"
#include "support/put_file.hpp"
#include "support/reranker_file.hpp"
#include "support/run_program.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::run_program;
using testing::HasSubstr;
using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

class Rerank : public testing::Test {
 protected:
  void SetUp() override {
    const Status written = test::write_reranker(folder_ / "reranker.gguf");
    ASSERT_TRUE(written) << written.error().message;
  }
  Ended run(const Arguments& more, const std::string& input = "") const {
    Arguments arguments = {"rerank", "--gguf", (folder_ / "reranker.gguf").string(), "--query",
                           "what is a linnet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.input = input});
  }
  const test::TemporaryFolder folder_;
};

TEST_F(Rerank, ALineForEachDocumentTheBestFirst) {
  const Ended ended = run({}, "a bird\nhello\nplanes fly\n");
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  std::istringstream lines(ended.out);
  std::vector<double> scores;
  std::multiset<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t tab = line.find('\t');
    ASSERT_NE(tab, std::string::npos) << line;
    scores.push_back(std::stod(line));
    names.insert(line.substr(tab + 1));
  }
  EXPECT_EQ(names, (std::multiset<std::string>{"a bird", "hello", "planes fly"}));
  EXPECT_TRUE(std::ranges::is_sorted(scores, std::greater()));
}

TEST_F(Rerank, FilesAndTextsAreTheSameDocuments) {
  test::write_file(folder_ / "bird.txt", "a linnet\nis a bird");
  const std::string file = (folder_ / "bird.txt").string();
  const Ended ended = run({"--json", "--document", "a linnet\nis a bird", file});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const Json results = Json::parse(ended.out)["results"];
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0]["index"], 0);
  EXPECT_EQ(results[1]["index"], 1);
  EXPECT_EQ(results[1]["document"], file);
  EXPECT_EQ(results[0]["relevance_score"], results[1]["relevance_score"]);
  EXPECT_EQ(results[0]["prompt_tokens"], results[1]["prompt_tokens"]);
  EXPECT_THAT(run({"--document", "a linnet\nis a bird"}).out, HasSubstr("\ta linnet is a bird\n"));
}

TEST_F(Rerank, ADocumentBeyondTheContextIsAnError) {
  std::string words;
  for (int i = 0; i < 200; ++i) words += "a ";
  const Ended ended = run({"--document", "a", "--document", words});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, HasSubstr("document 2: the prompt has 2"));
}

TEST_F(Rerank, OtherModelsAreRefused) {
  const Ended ended = run_program(
      {"rerank", "--gguf", test::kBundledModel.string(), "--query", "a", "--document", "b"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("is not for reranking: it has no classification head"));
}

TEST_F(Rerank, AFileThatIsMissingIsNamed) {
  const Ended ended = run({"nosuch.txt"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("nosuch.txt"));
}

}  // namespace
}  // namespace linnet
