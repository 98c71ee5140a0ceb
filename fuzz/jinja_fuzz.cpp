#include <cstddef>
#include <cstdint>
#include <string_view>

#include "chat/jinja/template.hpp"

// Any bytes as a template, over a small conversation: errors are fine, all else is not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet::jinja;
  static const auto kMessages = parse_json(
      R"([{"role": "user", "content": "Hi <|end|>"}, {"role": "assistant", "content": null,
          "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, 2.5, true]}}}]}])");
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto compiled = Template::parse(source);
  if (!compiled) return 0;
  const Variable variables[] = {{"messages", &*kMessages}};
  RenderOptions options;
  options.limits = {
      .steps = 20'000, .memory_bytes = 1u << 24, .text_bytes = 1u << 20, .depth = 500};
  const auto text = compiled->render(variables, options);
  if (text && text->size() > options.limits.text_bytes) __builtin_trap();
  return 0;
}
