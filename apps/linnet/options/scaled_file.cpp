#include "linnet/options/scaled_file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

#include "base/printable.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {
namespace {

using gguf::kLargestStrength;

// The path and the number behind it, if there is one.
std::pair<std::string, std::optional<float>> split(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {text, std::nullopt};
  const char* const end = text.data() + text.size();
  float number = 0.0f;
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, number);
  if (stop != end || error == std::errc::invalid_argument) return {text, std::nullopt};
  if (error == std::errc::result_out_of_range) number = 2.0f * kLargestStrength;  // or nearly 0
  return {text.substr(0, colon), number};
}

std::string check_scaled_file(const std::string& text) {
  const auto [path, strength] = split(text);
  const float value = strength.value_or(1.0f);
  const bool is_sound = !path.empty() && value >= -kLargestStrength && value <= kLargestStrength;
  if (is_sound) return {};  // not so where it is no number
  return fmt::format("{}: expected FILE or FILE:SCALE with a number from {} to {}", text,
                     -kLargestStrength, kLargestStrength);
}

}  // namespace

ScaledFile parse_scaled_file(const std::string& text) {
  auto [path, strength] = split(text);
  return {std::move(path), strength.value_or(1.0f)};
}

CLI::Option* add_scaled_files(CLI::App& app, const std::string& name,
                              std::vector<std::string>& texts, const std::string& description) {
  return app.add_option(name, texts, description + "; repeatable")
      ->type_name("FILE[:SCALE]")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->check(check_scaled_file);
}

void note_unused(const gguf::Lora& adapter) {
  const std::size_t norms = adapter.file().tensors().size() - 2 * adapter.matrices();
  if (norms == 0) return;
  note("adapter: {} holds norms ({}), which are not used\n",
       printable(adapter.file().path().string()), norms);
}

void note_unused(const gguf::ControlVector& vector) {
  const std::size_t directions = vector.file().tensors().size() - vector.directions().size();
  if (directions == 0) return;
  note("vector:  {} has directions of layers that the model lacks ({}), which are not used\n",
       printable(vector.file().path().string()), directions);
}

}  // namespace linnet::app
