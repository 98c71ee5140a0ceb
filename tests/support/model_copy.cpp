#include "support/model_copy.hpp"

#include <algorithm>

#include "gguf/gguf_file.hpp"

namespace linnet::test {

ModelCopy& ModelCopy::drop(const std::string& key) {
  return replace(key, [](gguf::Writer&, std::string_view) {});
}

ModelCopy& ModelCopy::replace(const std::string& key, Change change) {
  changes_[key] = std::move(change);
  return *this;
}

ModelCopy& ModelCopy::set(const std::string& key, gguf::ValueType type, std::int64_t value) {
  return replace(key, [=](gguf::Writer& w, std::string_view k) { w.add_integer(k, type, value); });
}

ModelCopy& ModelCopy::set_number(const std::string& key, double value) {
  return replace(key, [=](gguf::Writer& w, std::string_view k) {
    w.add_number(k, gguf::ValueType::kFloat32, value);
  });
}

ModelCopy& ModelCopy::set_text(const std::string& key, const std::string& value) {
  return replace(key, [=](gguf::Writer& w, std::string_view k) { w.add_string(k, value); });
}

ModelCopy& ModelCopy::drop_tensor(const std::string& name) {
  dropped_.insert(name);
  return *this;
}

ModelCopy& ModelCopy::reshape(const std::string& name, std::vector<std::int64_t> shape) {
  shapes_[name] = std::move(shape);
  return *this;
}

ModelCopy& ModelCopy::fill(const std::string& name, float value, std::size_t first,
                           std::size_t count) {
  fills_[name] = {value, first, count};
  return *this;
}

Status ModelCopy::write(const std::filesystem::path& to, const std::filesystem::path& from) const {
  const auto file = gguf::File::open(from);
  if (!file) return file.error();
  gguf::Writer writer;
  for (const auto& [key, value] : file->metadata()) {
    if (!changes_.contains(std::string(key))) writer.add_value(key, value);
  }
  for (const auto& [key, change] : changes_) change(writer, key);
  std::list<std::vector<std::byte>> copies;
  std::vector<std::span<const std::byte>> bytes;
  for (const gguf::Tensor& tensor : file->tensors()) {
    const std::string name(tensor.name);
    if (dropped_.contains(name)) continue;
    const auto shape = shapes_.find(name);
    writer.add_tensor(name, *tensor.format,
                      shape != shapes_.end()
                          ? std::span<const std::int64_t>(shape->second)
                          : std::span(tensor.shape).first(std::size_t(tensor.dimensions)));
    bytes.push_back(filled(tensor, copies));
  }
  return writer.write(
      to, [&](std::size_t i, const gguf::Writer::Sink& sink) { return sink(bytes[i]); });
}

std::span<const std::byte> ModelCopy::filled(const gguf::Tensor& tensor,
                                             std::list<std::vector<std::byte>>& copies) const {
  const auto fill = fills_.find(std::string(tensor.name));
  if (fill == fills_.end()) return tensor.bytes;
  auto& copy = copies.emplace_back(tensor.bytes.begin(), tensor.bytes.end());
  auto* const values = reinterpret_cast<float*>(copy.data());
  std::fill_n(values + fill->second.first, fill->second.count, fill->second.value);
  return copy;
}

}  // namespace linnet::test
