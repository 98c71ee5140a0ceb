#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gguf/gguf_writer.hpp"
#include "require.hpp"
#include "serve/api.hpp"
#include "support/paths.hpp"

namespace linnet::serve::fuzz {

using linnet::fuzz::require;

/// Writes the golden tower of Pixtral with weights of zero, for a model of `width` columns: nothing
/// runs, but pictures are decoded and cut.
inline void write_encoder(const std::filesystem::path& path, std::int64_t width) {
  std::ifstream in(test::in_repository("tests/data/vision/towers/pixtral.json"));
  const auto tower = nlohmann::ordered_json::parse(in);
  gguf::Writer writer;
  for (const auto& [key, item] : tower["metadata"].items()) {
    const auto& value = item["value"];
    if (value.is_string()) {
      writer.add_string(key, value.get<std::string>());
    } else if (value.is_boolean()) {
      writer.add_bool(key, value);
    } else if (value.is_array()) {
      writer.add_numbers(key, gguf::ValueType::kFloat32, value.get<std::vector<double>>());
    } else if (value.is_number_float()) {
      writer.add_number(key, gguf::ValueType::kFloat32, value);
    } else {
      writer.add_integer(key, gguf::ValueType::kUint32, value);
    }
  }
  std::vector<std::size_t> bytes;
  for (const auto& tensor : tower["tensors"]) {
    const std::string name = tensor["name"];
    auto shape = tensor["shape"].get<std::vector<std::int64_t>>();
    if (name == "mm.2.weight") shape[1] = width;
    if (name == "mm.2.bias" || name == "v.token_embd.img_break") shape[0] = width;
    writer.add_tensor(name, *find_format(TensorType::kF32), shape);
    bytes.push_back(sizeof(float));
    for (const std::int64_t extent : shape) bytes.back() *= static_cast<std::size_t>(extent);
  }
  const auto zeros = [&](std::size_t index, const gguf::Writer::Sink& sink) {
    return sink(std::vector<std::byte>(bytes[index]));
  };
  require(writer.write(path, zeros).ok());
}

/// The bundled model as the API sees it, for its tokenizer and a template, and no engine: requests
/// that are right are answered with 500.
struct Served {
  explicit Served(const std::string& chat_template, bool reads_pictures = false) {
    auto opened = ModelFile::open(test::kBundledModel);
    require(opened.ok());
    file = std::move(*opened);
    if (reads_pictures) {
      const std::string path = "/dev/shm/linnet-fuzz-" + std::to_string(getpid()) + "-mmproj.gguf";
      write_encoder(path, file->spec().width);
      require(file->add_encoders(path).ok());
      std::filesystem::remove(path);
    }
    auto described = describe_model(*file, "model", chat_template, 512);
    require(described.ok());
    std::vector<ModelToServe> given;
    given.push_back({std::move(*described),
                     {[]() -> Result<std::unique_ptr<Engine>> { return Error{"none"}; }}});
    models = std::make_unique<ModelSet>(std::move(given), EngineLimits{}, [](const Notices&) {});
    require(!models->first().engine->wait_until_loaded());  // from here on, it has failed
    api = std::make_unique<Api>(*models, metrics);
  }

  std::unique_ptr<ModelFile> file;
  Metrics metrics;
  std::unique_ptr<ModelSet> models;
  std::unique_ptr<Api> api;
  std::shared_ptr<ClientAccount> client = std::make_shared<ClientAccount>(0, "", Quota{});
};

}  // namespace linnet::serve::fuzz
