#include "serve/requests/adapter_choice.hpp"

#include "gguf/lora.hpp"

namespace linnet::serve {
namespace {

constexpr std::size_t kMostListed = 1024;

void read_list(Fields& fields, std::vector<float>& strengths) {
  const auto last = std::ssize(strengths) - 1;
  fields.each_object("lora", kMostListed, [&](Fields& adapter) {
    if (strengths.empty()) return adapter.fail("id", "the model has no adapters");
    adapter.require("id", "the number of an adapter");
    adapter.require("scale", "a factor on it");
    const auto id = adapter.integer("id", 0, last);
    const auto scale = adapter.number("scale", -gguf::kLargestStrength, gguf::kLargestStrength);
    if (id && scale) strengths[static_cast<std::size_t>(*id)] = static_cast<float>(*scale);
  });
}

}  // namespace

ApiResult<std::vector<float>> read_adapters(const Json& body, const ServedModel& model,
                                            const ServedAdapter* named) {
  std::vector<float> strengths(model.adapters.size());
  if (body.is_object()) {
    Fields fields(body);
    read_list(fields, strengths);
    if (fields.error()) return *fields.error();
    if (fields.has("lora")) return strengths;
  }
  if (!named) return std::vector<float>();
  // One that is off until it is asked for is wanted whole.
  const float usual = named->strength;
  strengths[static_cast<std::size_t>(named - model.adapters.data())] = usual == 0.0f ? 1.0f : usual;
  return strengths;
}

}  // namespace linnet::serve
