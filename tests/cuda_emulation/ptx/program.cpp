#include "program.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "../device_memory.hpp"
#include "parser.hpp"

namespace linnet::ptx {
namespace {

// nvcc gives the anonymous namespace of each file a name of its own, GCC that of all.
std::string name_for_gcc(std::string name) {
  const std::size_t at = name.find("_GLOBAL__N__");
  if (at == name.npos) return name;
  const std::size_t digits = name.find_last_not_of("0123456789", at - 1) + 1;
  const auto length = static_cast<std::size_t>(std::stoi(name.substr(digits, at - digits)));
  return name.replace(digits, at - digits + length, "12_GLOBAL__N_1");
}

// The brace that ends the kernel that begins at `at`.
std::size_t end_of_kernel(std::string_view text, std::size_t at) {
  int open = 0;
  for (;;) {
    at = text.find_first_of("{}", at);
    if (at == text.npos) return text.size();
    open += text[at] == '{' ? 1 : -1;
    if (open == 0) return at;
    ++at;
  }
}

}  // namespace

Program::Program(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".ptx") continue;
    std::ifstream file(entry.path());
    std::ostringstream text;
    text << file.rdbuf();
    add(text.str());
  }
  if (texts_.empty()) emulation::give_up(("no PTX in " + folder).c_str());
}

Program Program::of_text(std::string text) {
  Program program;
  program.add(std::move(text));
  return program;
}

void Program::add(std::string whole) {
  texts_.push_back(
      {std::make_unique<std::string>(std::move(whole)), std::make_unique<Variables>()});
  auto& [text, variables] = texts_.back();
  const std::string_view all = *text;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    const std::string_view line = all.substr(at, end - at);
    if (const std::size_t entry = line.find(".entry "); entry != line.npos) {
      const std::size_t last = end_of_kernel(all, at);
      const std::string_view kernel = all.substr(at + entry + 7, last - at - entry - 7);
      kernels_[name_for_gcc(std::string(kernel.substr(0, kernel.find('('))))] = {
          kernel, variables.get(), nullptr};
      at = last + 1;
      continue;
    }
    if (line.starts_with('.')) parse_variable(line, *variables);
    at = end + 1;
  }
}

const Kernel* Program::find(const std::string& name) {
  const auto it = kernels_.find(name);
  if (it == kernels_.end()) return nullptr;
  Source& source = it->second;
  if (!source.kernel) source.kernel = parse_kernel(source.text, *source.variables);
  return source.kernel.get();
}

}  // namespace linnet::ptx
