#include "parser.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "../device_memory.hpp"
#include "operations.hpp"
#include "warp.hpp"

namespace linnet::ptx {
namespace {

using emulation::give_up;

[[noreturn]] void refuse(std::string_view what, std::string_view text) {
  give_up((std::string("PTX: ") + std::string(what) + ": " + std::string(text)).c_str());
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

// The part before the first of `ends`, which is taken from the text with it.
std::string_view take_until(std::string_view& text, std::string_view ends) {
  const std::size_t end = std::min(text.find_first_of(ends), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return trim(part);
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X") || text.starts_with("0f") ||
      text.starts_with("0F") || text.starts_with("0d") || text.starts_with("0D")) {
    base = 16;  // of floats the bits
    text.remove_prefix(2);
  }
  if (text.ends_with('U')) text.remove_suffix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
  return negative ? 0 - value : value;
}

std::size_t bytes_of(std::string_view type) {
  if (type == "pred") return 0;
  const std::string_view bits = type.substr(std::min<std::size_t>(1, type.size()));
  const auto count = number_of(bits);
  if (!count || *count % 8 != 0) refuse("a type", type);
  return *count / 8;
}

// ".align 8 .b8 name[96]" and the like.
struct Declaration {
  std::string_view name, rest;
  std::size_t align = 1, element_bytes = 1, count = 1;
  bool is_open = false;  // "name[]"

  std::size_t bytes() const { return element_bytes * count; }
};
Declaration declaration(std::string_view text) {
  Declaration d;
  text = trim(text);
  bool has_align = false;
  while (text.starts_with('.')) {
    std::string_view word = take_until(text, " \t");
    word.remove_prefix(1);
    text = trim(text);
    if (word == "align") {
      d.align = *number_of(take_until(text, " \t"));
      has_align = true;
      text = trim(text);
    } else if (word != "visible" && word != "extern" && word != "shared" && word != "global" &&
               word != "local" && word != "param" && word != "const" && word != "weak") {
      d.element_bytes = bytes_of(word);
      if (!has_align) d.align = d.element_bytes;
    }
  }
  const std::size_t end = text.find_first_of("[ =");
  d.name = trim(text.substr(0, end));
  if (end != text.npos && text[end] == '[') {
    text.remove_prefix(end + 1);
    const std::string_view count = take_until(text, "]");
    d.is_open = count.empty();
    d.count = d.is_open ? 0 : *number_of(count);
  }
  d.rest = text;
  return d;
}

std::size_t align(std::size_t at, std::size_t to) { return (at + to - 1) / to * to; }

}  // namespace

void parse_variable(std::string_view line, Variables& variables) {
  const bool shared = line.find(".shared") != line.npos;
  if (!shared && !line.starts_with(".global")) return;
  Declaration d = declaration(line.substr(0, line.find(';')));
  if (shared) {
    variables.shared[std::string(d.name)] = d.bytes();
    return;
  }
  std::vector<std::byte> contents;
  take_until(d.rest, "{");
  while (!trim(d.rest).empty() && contents.size() < d.bytes()) {
    const auto value = number_of(take_until(d.rest, ",}"));
    if (!value) refuse("a variable", line);
    const auto* bytes = reinterpret_cast<const std::byte*>(&*value);
    contents.insert(contents.end(), bytes, bytes + d.element_bytes);
  }
  contents.resize(d.bytes());
  variables.global[std::string(d.name)] = std::move(contents);
}

class Parser {
 public:
  Parser(std::string_view text, const Variables& variables) : text_(text), variables_(variables) {}

  std::unique_ptr<Kernel> parse() {
    kernel_->name = take_until(text_, "( \t\n");
    kernel_->variables = &variables_;
    parse_parameters(take_until(text_, ")"));
    parse_limits(take_until(text_, "{"));
    while (!(text_ = trim(text_)).empty()) parse_statement();
    for (Instruction& instruction : kernel_->instructions) {
      if (instruction.flow == Flow::kBranch)
        instruction.target = labels_.at(targets_.at(&instruction - kernel_->instructions.data()));
    }
    kernel_->shared_bytes = align(kernel_->shared_bytes, 16);
    return std::move(kernel_);
  }

 private:
  void parse_parameters(std::string_view text) {
    while (!trim(text).empty()) {
      const Declaration d = declaration(take_until(text, ","));
      const std::size_t offset = align(kernel_->parameter_bytes, std::max<std::size_t>(d.align, 8));
      kernel_->parameters.push_back({offset, d.bytes()});
      kernel_->parameter_bytes = offset + d.bytes();
      symbols_[d.name] = {Value::Kind::kParameters, offset, {}, 0};
    }
  }

  void parse_limits(std::string_view text) {
    const std::size_t at = text.find(".maxntid");
    if (at == text.npos) return;
    text.remove_prefix(at + 8);
    text = trim(text);
    kernel_->most_threads = 1;
    for (std::string_view sizes = take_until(text, "\n."); !sizes.empty();) {
      kernel_->most_threads *= static_cast<unsigned>(*number_of(take_until(sizes, ",")));
    }
  }

  void parse_statement() {
    if (text_.starts_with("//")) {
      take_until(text_, "\n");
    } else if (text_.starts_with('{') || text_.starts_with('}')) {
      text_.remove_prefix(1);
    } else if (text_.starts_with('$') ||
               text_.substr(0, text_.find_first_of(" \t\n;")).ends_with(':')) {
      labels_[take_until(text_, ":")] = static_cast<std::uint32_t>(kernel_->instructions.size());
    } else if (text_.starts_with(".pragma")) {
      take_until(text_, ";");
    } else if (text_.starts_with('.')) {
      parse_declaration(take_until(text_, ";"));
    } else {
      parse_instruction(take_until(text_, ";"));
    }
  }

  void parse_declaration(std::string_view text) {
    if (text.starts_with(".reg")) {
      text.remove_prefix(4);
      text = trim(text).substr(1);
      const std::size_t bytes = bytes_of(take_until(text, " \t"));
      while (!trim(text).empty()) {
        std::string_view name = take_until(text, ",");
        register_bytes_[name.substr(0, name.find('<'))] = static_cast<std::uint8_t>(bytes);
      }
      return;
    }
    const Declaration d = declaration(text);
    if (text.starts_with(".shared")) {
      symbols_[d.name] = shared(d.bytes(), d.align);
    } else if (text.starts_with(".local")) {
      kernel_->local_bytes = align(kernel_->local_bytes, d.align);
      symbols_[d.name] = {Value::Kind::kLocal, kernel_->local_bytes, {}, 0};
      kernel_->local_bytes = align(kernel_->local_bytes + d.bytes(), 16);
    } else {
      refuse("a declaration", text);
    }
  }

  Value shared(std::size_t bytes, std::size_t alignment) {
    const std::size_t at = align(kernel_->shared_bytes, alignment);
    kernel_->shared_bytes = at + bytes;
    return {Value::Kind::kNumber, kSharedBase + at, {}, 0};
  }

  void parse_instruction(std::string_view text) {
    Instruction instruction;
    instruction.text = text;
    if (text.starts_with('@')) {
      text.remove_prefix(1);
      instruction.is_guarded = true;
      instruction.guard_is_negated = text.starts_with('!');
      if (instruction.guard_is_negated) text.remove_prefix(1);
      instruction.guard = operand(take_until(text, " \t"));
      text = trim(text);
    }
    const std::string_view name = take_until(text, " \t");
    const NamedOperation operation = find_operation(name);
    if (!operation.run) refuse("an instruction", instruction.text);
    instruction.run = operation.run;
    instruction.flow = operation.flow;
    if (instruction.flow == Flow::kBranch) {
      targets_[kernel_->instructions.size()] = trim(text);
    } else {
      while (!(text = trim(text)).empty()) parse_operand(text, instruction);
    }
    kernel_->instructions.push_back(std::move(instruction));
  }

  // One of those between commas: "%r1", "{%r1, %r2}", "[%rd1+16]", "%r1|%p1"
  void parse_operand(std::string_view& text, Instruction& to) {
    std::string_view parts;
    if (text.starts_with('{')) {
      text.remove_prefix(1);
      parts = take_until(text, "}");
      take_until(text, ",");
    } else {
      parts = take_until(text, ",");
    }
    int count = 0;
    for (; !parts.empty(); ++count) to.operands.push_back(operand(take_until(parts, ",|")));
    to.counts.push_back(count);
  }

  Operand operand(std::string_view text) {
    if (text.starts_with('[')) return address(text.substr(1, text.size() - 2));
    if (const auto it = operands_.find(text); it != operands_.end()) return it->second;
    return operands_[text] = new_operand(text);
  }

  Operand address(std::string_view text) {
    std::string_view rest = text;
    Operand result = operand(take_until(rest, "+"));
    if (!trim(rest).empty()) {
      const auto offset = number_of(trim(rest));
      if (!offset) refuse("an address", text);
      result.offset = static_cast<std::int64_t>(*offset);
    }
    return result;
  }

  Operand new_operand(std::string_view text) {
    if (const auto number = number_of(text)) return value({Value::Kind::kNumber, *number, {}, 0});
    if (const auto it = symbols_.find(text); it != symbols_.end()) return value(it->second);
    if (const auto it = variables_.shared.find(text); it != variables_.shared.end()) {
      if (it->second == 0) return value({Value::Kind::kDynamicShared, 0, {}, 0});
      return value(shared(it->second, 16));
    }
    if (const auto it = variables_.global.find(text); it != variables_.global.end()) {
      return value(
          {Value::Kind::kNumber, reinterpret_cast<std::uint64_t>(it->second.data()), {}, 0});
    }
    if (text.find('.') != text.npos) {
      return value({Value::Kind::kSpecial, 0, std::string(text), 0});
    }
    const std::string_view prefix = text.substr(0, text.find_last_not_of("0123456789") + 1);
    auto it = register_bytes_.find(text);
    if (it == register_bytes_.end()) it = register_bytes_.find(prefix);
    if (it == register_bytes_.end()) refuse("an operand", text);
    const std::uint8_t bytes = it->second;
    const Operand result{take_space(bytes == 0 ? 8 : bytes * kLanes), bytes, false, 0};
    return result;
  }

  Operand value(Value value) {
    value.at = take_space((8 + 4 + 2) * kLanes);
    kernel_->values.push_back(value);
    return {value.at, 8, true, 0};
  }

  std::uint32_t take_space(std::size_t bytes) {
    return static_cast<std::uint32_t>(
        std::exchange(kernel_->register_bytes, kernel_->register_bytes + bytes));
  }

  std::string_view text_;
  const Variables& variables_;
  std::unique_ptr<Kernel> kernel_ = std::make_unique<Kernel>();
  std::map<std::string_view, Value> symbols_;
  std::map<std::string_view, std::uint8_t> register_bytes_;  // by name, or what it begins with
  std::map<std::string_view, Operand> operands_;
  std::map<std::string_view, std::uint32_t> labels_;
  std::map<std::size_t, std::string_view> targets_;  // of the branch that is that instruction
};

std::unique_ptr<Kernel> parse_kernel(std::string_view text, const Variables& variables) {
  return Parser(text, variables).parse();
}

}  // namespace linnet::ptx
