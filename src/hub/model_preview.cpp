#include "hub/model_preview.hpp"

#include <fmt/format.h>

#include <map>

#include "gguf/gguf_file.hpp"
#include "hub/url.hpp"

namespace linnet::hub {
namespace {

const gguf::Value* find(const gguf::Header& header, std::string_view key) {
  for (const gguf::KeyValue& item : header.metadata) {
    if (item.key == key) return &item.value;
  }
  return nullptr;
}

std::string text(const gguf::Header& header, std::string_view key) {
  const gguf::Value* value = find(header, key);
  const auto* found = value ? std::get_if<std::string_view>(&value->data) : nullptr;
  return found ? shown(*found) : std::string();
}

std::int64_t integer(const gguf::Header& header, std::string_view key) {
  const gguf::Value* value = find(header, key);
  const auto* found = value ? std::get_if<std::int64_t>(&value->data) : nullptr;
  return found ? *found : 0;
}

std::string tensor_types(const gguf::Header& header) {
  std::map<std::string_view, int> counts;
  for (const gguf::Tensor& tensor : header.tensors) ++counts[tensor.format->name];
  std::string result;
  for (const auto& [name, count] : counts) {
    result += fmt::format("{}{} {}", result.empty() ? "" : ", ", count, name);
  }
  return result;
}

}  // namespace

Result<ModelPreview> preview_model(std::span<const std::byte> beginning, std::uint64_t file_bytes,
                                   const std::string& name, std::uint64_t size_bytes, int parts) {
  auto header = gguf::parse_header(beginning, file_bytes, name);
  if (!header) return header.error();
  ModelPreview preview;
  preview.name = text(*header, "general.name");
  preview.architecture = text(*header, "general.architecture");
  preview.size_label = text(*header, "general.size_label");
  preview.context_length = integer(*header, preview.architecture + ".context_length");
  preview.tensor_types = tensor_types(*header);
  preview.size_bytes = size_bytes;
  if (parts == 1) {
    // Each tensor lies inside the file, but they may overlap: the sum can be wrong, not overflow
    // in any file that fits a disk, so it is computed without a sign.
    std::uint64_t parameters = 0;
    for (const gguf::Tensor& tensor : header->tensors) {
      parameters += static_cast<std::uint64_t>(tensor.elements());
    }
    preview.parameters = static_cast<std::int64_t>(parameters);
  }
  return preview;
}

}  // namespace linnet::hub
