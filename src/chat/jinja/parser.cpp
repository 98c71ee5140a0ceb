#include "chat/jinja/parser.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace linnet::jinja {
namespace {

using Kind = Token::Kind;

class Parser {
 public:
  explicit Parser(std::string_view source)
      : tokens_(tokenize(source)), expressions_(tokens_, context_) {}

  Body parse() {
    Body body = parse_body({});
    if (!tokens_.at(Kind::kEnd)) tokens_.fail_expected("the end of the template");
    if (!context_.unknown.empty()) throw Failure{context_.unknown};
    return body;
  }

 private:
  using Names = std::initializer_list<std::string_view>;
  using Read = StatementPtr (Parser::*)();
  struct Tag {
    std::string_view name;
    Read read;
  };
  static const std::array<Tag, 10> kTags;

  // Statements up to a tag with one of the names, which is left to the caller.
  Body parse_body(Names ends) {
    Body body;
    while (!tokens_.at(Kind::kEnd)) {
      const auto [kind, text, line] = tokens_.next();
      if (kind == Kind::kText) {
        body.statements.push_back(std::make_unique<TextOutput>(line, text));
      } else if (kind == Kind::kVariableBegin) {
        body.statements.push_back(std::make_unique<Print>(line, expressions_.parse_tuple()));
        tokens_.expect(Kind::kVariableEnd, "'}}'");
      } else {
        if (tokens_.at_any_name(ends)) return body;
        body.statements.push_back(parse_statement());
        tokens_.expect(Kind::kBlockEnd, "'%}'");
      }
    }
    if (ends.size() > 0) tokens_.fail_expected(fmt::format("'{{% {} %}}'", *ends.begin()));
    return body;
  }

  // The inside of a tag that has an end: `{% tag %}` was read up to its end.
  Body parse_inside(Names ends) {
    if (++context_.depth > kMaxParseDepth) {
      tokens_.fail_here(fmt::format("tags are nested more than {} deep", kMaxParseDepth));
    }
    tokens_.skip_operator(":");
    tokens_.expect(Kind::kBlockEnd, "'%}'");
    Body body = parse_body(ends);
    --context_.depth;
    return body;
  }

  StatementPtr parse_statement() {
    if (!tokens_.at(Kind::kName)) tokens_.fail_expected("the name of a tag");
    const auto tag = std::ranges::find(kTags, tokens_.current().text, &Tag::name);
    if (tag == kTags.end()) {
      tokens_.fail_here(fmt::format("unknown or unsupported tag '{}'", tokens_.current().text));
    }
    return (this->*tag->read)();
  }

  StatementPtr parse_if() {
    const int line = tokens_.next().line;
    const bool outer = std::exchange(context_.lenient, true);
    std::vector<If::Branch> branches;
    Body otherwise;
    do {
      ExpressionPtr condition = expressions_.parse_tuple(/*plain=*/true);
      branches.emplace_back(std::move(condition), parse_inside({"endif", "elif", "else"}));
    } while (tokens_.skip_name("elif"));
    if (tokens_.skip_name("else")) otherwise = parse_inside({"endif"});
    tokens_.expect_name("endif");
    context_.lenient = outer;
    return std::make_unique<If>(line, std::move(branches), std::move(otherwise));
  }

  StatementPtr parse_for() {
    const int line = tokens_.next().line;
    const bool outer = std::exchange(context_.lenient, false);
    For::Parts parts;
    parts.target = parse_targets("in");
    tokens_.expect_name("in");
    parts.items = expressions_.parse_tuple(/*plain=*/true, "recursive");
    if (tokens_.skip_name("if")) parts.condition = expressions_.parse_expression();
    parts.is_recursive = tokens_.skip_name("recursive");
    ++context_.loops;
    parts.body = parse_inside({"endfor", "else"});
    --context_.loops;
    if (tokens_.skip_name("else")) parts.otherwise = parse_inside({"endfor"});
    tokens_.expect_name("endfor");
    context_.lenient = outer;
    return std::make_unique<For>(line, std::move(parts));
  }

  StatementPtr parse_loop_control() {
    const auto [kind, name, line] = tokens_.next();
    if (context_.loops == 0) fail("line {}: '{}' outside of a loop", line, name);
    return std::make_unique<LoopControl>(line, name == "break" ? Flow::kBreak : Flow::kContinue);
  }

  StatementPtr parse_set() {
    const int line = tokens_.next().line;
    Target target = parse_targets({});
    if (tokens_.skip_operator("=")) {
      return std::make_unique<Set>(line, std::move(target), expressions_.parse_tuple());
    }
    std::unique_ptr<FilterCall> filters;
    if (tokens_.skip_operator("|")) filters = expressions_.parse_filters();
    const bool outer = std::exchange(context_.lenient, false);
    Body body = parse_inside({"endset"});
    context_.lenient = outer;
    tokens_.next();
    return std::make_unique<SetBlock>(line, std::move(target), std::move(filters), std::move(body));
  }

  StatementPtr parse_filter() {
    const int line = tokens_.next().line;
    auto filters = expressions_.parse_filters();
    const bool outer = std::exchange(context_.lenient, false);
    Body body = parse_inside({"endfilter"});
    context_.lenient = outer;
    tokens_.next();
    return std::make_unique<FilterBlock>(line, std::move(filters), std::move(body));
  }

  StatementPtr parse_with() {
    const int line = tokens_.next().line;
    std::vector<With::Binding> bindings;
    while (!tokens_.at(Kind::kBlockEnd)) {
      if (!bindings.empty()) tokens_.expect_operator(",");
      Target target = parse_target();
      tokens_.expect_operator("=");
      bindings.emplace_back(std::move(target), expressions_.parse_expression());
    }
    Body body = parse_inside({"endwith"});
    tokens_.next();
    return std::make_unique<With>(line, std::move(bindings), std::move(body));
  }

  // Hugging Face's mark around what the model writes: a scope, and otherwise nothing.
  StatementPtr parse_generation() {
    const int line = tokens_.next().line;
    const int loops = std::exchange(context_.loops, 0);
    Body body = parse_inside({"endgeneration"});
    context_.loops = loops;
    tokens_.next();
    return std::make_unique<With>(line, std::vector<With::Binding>{}, std::move(body));
  }

  StatementPtr parse_macro() {
    const int line = tokens_.next().line;
    MacroDefinition definition;
    definition.name = parse_new_name();
    parse_signature(definition);
    parse_macro_body(definition, "endmacro");
    return std::make_unique<Macro>(line, std::move(definition));
  }

  StatementPtr parse_call() {
    const int line = tokens_.next().line;
    MacroDefinition caller;
    caller.name = "caller";
    if (tokens_.at_operator("(")) parse_signature(caller);
    auto call = expressions_.parse_call_only();
    if (!call) fail("line {}: expected a call", line);
    parse_macro_body(caller, "endcall");
    return std::make_unique<CallBlock>(line, std::move(call), std::move(caller));
  }

  void parse_signature(MacroDefinition& definition) {
    tokens_.expect_operator("(");
    std::set<std::string> names;
    bool had_default = false;
    while (!tokens_.at_operator(")")) {
      if (!definition.parameters.empty()) tokens_.expect_operator(",");
      MacroDefinition::Parameter parameter{parse_new_name(), nullptr};
      if (!names.insert(parameter.name).second) {
        tokens_.fail_here(fmt::format("two parameters are named '{}'", parameter.name));
      }
      if (tokens_.skip_operator("=")) parameter.otherwise = expressions_.parse_expression();
      if (had_default && !parameter.otherwise) {
        tokens_.fail_here("non-default argument follows default argument");
      }
      had_default = parameter.otherwise != nullptr;
      definition.parameters.push_back(std::move(parameter));
    }
    tokens_.next();
  }

  // A macro sees no loop and no condition around it.
  void parse_macro_body(MacroDefinition& definition, std::string_view end) {
    const int loops = std::exchange(context_.loops, 0);
    const bool lenient = std::exchange(context_.lenient, false);
    context_.macros.push_back(&definition);
    definition.body = parse_inside({end});
    context_.macros.pop_back();
    context_.loops = loops;
    context_.lenient = lenient;
    tokens_.next();
  }

  std::string parse_new_name() {
    static const std::set<std::string_view> kConstants = {"true",  "True", "false",
                                                          "False", "none", "None"};
    std::string name = tokens_.expect_any_name();
    if (kConstants.contains(name)) {
      tokens_.fail_here(fmt::format("can't assign to '{}'", name));
    }
    return name;
  }

  // A name, a member of a namespace, or targets in parentheses.
  Target parse_target() {
    if (tokens_.skip_operator("(")) {
      if (++context_.depth > kMaxParseDepth) tokens_.fail_here("targets are nested too deep");
      Target inside = parse_targets({});
      --context_.depth;
      tokens_.expect_operator(")");
      return inside;
    }
    std::string name = parse_new_name();
    if (!tokens_.skip_operator(".")) return Target{std::move(name)};
    return Target{Target::Member{std::move(name), tokens_.expect_any_name()}};
  }

  // Targets with commas between them, up to the name `end` if it is not empty.
  Target parse_targets(std::string_view end) {
    std::vector<Target> targets;
    targets.push_back(parse_target());
    bool is_tuple = false;
    while (tokens_.skip_operator(",")) {
      is_tuple = true;
      const bool ends = !tokens_.at(Kind::kName) && !tokens_.at_operator("(");
      if (ends || (!end.empty() && tokens_.at_name(end))) break;
      targets.push_back(parse_target());
    }
    if (!is_tuple) return std::move(targets[0]);
    return Target{std::move(targets)};
  }

  TokenStream tokens_;
  ParseContext context_;
  ExpressionParser expressions_;
};

const std::array<Parser::Tag, 10> Parser::kTags = {{
    {"break", &Parser::parse_loop_control},
    {"call", &Parser::parse_call},
    {"continue", &Parser::parse_loop_control},
    {"filter", &Parser::parse_filter},
    {"for", &Parser::parse_for},
    {"generation", &Parser::parse_generation},
    {"if", &Parser::parse_if},
    {"macro", &Parser::parse_macro},
    {"set", &Parser::parse_set},
    {"with", &Parser::parse_with},
}};

}  // namespace

Body parse_template(std::string_view source) { return Parser(source).parse(); }

}  // namespace linnet::jinja
