#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/budget.hpp"
#include "chat/jinja/lexer.hpp"

namespace linnet::jinja {

/// The tokens of a template, one after another.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& following() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  int line() const { return current().line; }

  bool at(Token::Kind kind) const { return current().kind == kind; }
  bool at_operator(std::string_view sign) const {
    return at(Token::Kind::kOperator) && current().text == sign;
  }
  bool at_name(std::string_view name) const {
    return at(Token::Kind::kName) && current().text == name;
  }
  bool at_any_name(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names) {
      if (at_name(name)) return true;
    }
    return false;
  }

  Token next() {
    Token token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool skip_operator(std::string_view sign) { return at_operator(sign) && (next(), true); }
  bool skip_name(std::string_view name) { return at_name(name) && (next(), true); }

  void expect_operator(std::string_view sign) {
    if (!skip_operator(sign)) fail_expected(fmt::format("'{}'", sign));
  }
  void expect_name(std::string_view name) {
    if (!skip_name(name)) fail_expected(fmt::format("'{}'", name));
  }
  void expect(Token::Kind kind, std::string_view what) {
    if (!at(kind)) fail_expected(what);
    next();
  }
  std::string expect_any_name() {
    if (!at(Token::Kind::kName)) fail_expected("a name");
    return next().text;
  }

  [[noreturn]] void fail_expected(std::string_view what) const {
    fail("line {}: expected {}, found {}", line(), what, describe());
  }
  [[noreturn]] void fail_here(std::string_view message) const {
    fail("line {}: {}", line(), message);
  }
  std::string describe() const;

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace linnet::jinja
