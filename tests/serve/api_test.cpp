#include "serve/api.hpp"

#include <gtest/gtest.h>

#include "support/paths.hpp"

namespace linnet::serve {
namespace {

// As JSON a body takes many times its bytes, and thousands of requests may wait.
TEST(Api, ABodyThatWaitsForItsGrammarIsKeptAsItCame) {
  const auto file = ModelFile::open(test::kBundledModel);
  auto model = describe_model(**file, "m", "", 512);
  ASSERT_TRUE(model.ok());
  std::vector<ModelToServe> given;
  given.push_back({std::move(*model),
                   {[]() -> Result<std::unique_ptr<Engine>> { return Error{"no engine today"}; }}});
  Metrics metrics;
  const ModelSet models(std::move(given), {}, [](const Notices&) {});
  EXPECT_FALSE(models.first().engine->wait_until_loaded());
  Api api(models, metrics);
  const std::string body = R"({"prompt": "a", "grammar": "root ::= \"a\"", "other": [[], []]})";
  ApiRequest request;
  request.method = "POST";
  request.path = "/v1/completions";
  request.body = body;
  request.client = std::make_shared<ClientAccount>(0, "", Quota{});
  EXPECT_FALSE(api.handle_quickly(request));
  EXPECT_FALSE(request.json);
  EXPECT_EQ(request.body, body);
  EXPECT_EQ(api.handle(request).status, 500) << "for want of an engine, behind the grammar";
}

}  // namespace
}  // namespace linnet::serve
