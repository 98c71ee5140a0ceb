#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "serve/server.hpp"
#include "support/http_client.hpp"
#include "support/paths.hpp"

namespace linnet::test {

/// Has tools: <tool_call>{"name": ..., "arguments": {...}}</tool_call>.
inline const std::string kToolTemplate = in_repository("tests/serve/tools.jinja");
/// Has tools and writes calls in a way that can't be forced; JSON in <tool_call> is read.
inline const std::string kUnforcedTemplate = in_repository("tests/serve/unforced.jinja");
/// Lets the model think where enable_thinking asks for it.
inline const std::string kThinkingTemplate = in_repository("tests/serve/thinking.jinja");

/// The server with the bundled model, or the one at `path` with the encoder of pictures at
/// `mmproj`, and with adapters, on a free port, in this process.
class Serving {
 public:
  using TemplateVariables = nlohmann::ordered_json;
  struct Adapter {
    std::string path;
    float strength;
  };

  explicit Serving(serve::ServerOptions options = {}, std::int64_t kv_tokens = 4096,
                   const std::string& chat_template = "chatml", std::int64_t context = 512,
                   const std::string& path = kBundledModel, const std::string& mmproj = "",
                   const TemplateVariables& template_variables = nullptr,
                   std::int64_t thinking_tokens = -1, const std::vector<Adapter>& adapters = {}) {
    options.port = 0;
    file_ = std::move(*ModelFile::open(path));
    if (!mmproj.empty()) {
      const Status added = file_->add_encoders(mmproj);
      EXPECT_TRUE(added) << added.error().message;
    }
    for (const Adapter& adapter : adapters) {
      const Status added = file_->add_adapter(adapter.path, adapter.strength);
      EXPECT_TRUE(added) << added.error().message;
    }
    auto model =
        serve::describe_model(*file_, "linnet-kjv", chat_template, context, template_variables);
    EXPECT_TRUE(model.ok()) << model.error().message;
    model->thinking_tokens = thinking_tokens;
    auto load = [this, kv_tokens] {
      EngineOptions engine_options;
      engine_options.threads = 1;
      return Engine::load(*file_, engine_options, kv_tokens);
    };
    std::vector<serve::ModelToServe> models;
    models.push_back({std::move(*model), {load}});
    auto server = serve::Server::start(std::move(models), std::move(options));
    EXPECT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(*server);
    EXPECT_TRUE(server_->wait_until_loaded().ok());
  }

  serve::Server& server() { return *server_; }
  const ModelFile& file() const { return *file_; }
  std::uint16_t port() const { return server_->port(); }
  HttpReply get(std::string_view path, std::string_view headers = "") const {
    return http(port(), "GET", path, "", headers);
  }
  HttpReply post(std::string_view path, const nlohmann::json& body,
                 std::string_view headers = "") const {
    return http(port(), "POST", path, body.dump(), headers);
  }
  /// A number of /metrics; -1 where it is not there.
  double metric(const std::string& name) const {
    const std::string text = get("/metrics").body;
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

 private:
  std::unique_ptr<ModelFile> file_;
  std::unique_ptr<serve::Server> server_;
};

}  // namespace linnet::test
