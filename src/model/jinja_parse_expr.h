// The half of the parser that reads expressions; the half for statements builds on it.
//
// Owner: parse_program, for one call. One thread. Bounds: `max_depth` levels of nesting, counted both going down and in the tree made.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/jinja_ast.h"
#include "model/jinja_level.h"
#include "model/jinja_lexer.h"

namespace ondol::jinja {

class ExprParser {
 public:
  // `program` receives symbols and constants.
  ExprParser(std::vector<Token> tokens, int max_depth, Program& program)
      : tokens_(std::move(tokens)), max_depth_(max_depth), program_(program) {}

 protected:
  // One expression; with `with_ternary` off a following "if" is left alone, as in "for x in xs if ...".
  Result<ExprPtr> expression(bool with_ternary = true);
  // Expressions with commas between them are a tuple.
  Result<ExprPtr> tuple_or_expression(bool with_ternary = true);
  // "| a | b(1)" applied to `input` (null in filter blocks). `inline_start`: the first filter has no bar.
  Result<ExprPtr> filters(ExprPtr input, bool inline_start);

  const Token& current() const { return tokens_[at_]; }
  const Token& previous() const { return tokens_[at_ > 0 ? at_ - 1 : 0]; }
  const Token& peek() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& advance() { return tokens_[current().kind == TokenKind::kEnd ? at_ : at_++]; }
  bool skip_operator(std::string_view text);
  bool skip_name(std::string_view text);
  Status expect_operator(std::string_view text);
  Status expect(TokenKind kind, std::string_view what);
  Result<std::string> expect_name(std::string_view what);

  int use_symbol(const std::string& name);
  std::unexpected<Error> error(int line, const std::string& what, Code code = Code::kInvalidArgument) const;
  std::unexpected<Error> unexpected(std::string_view wanted) const;
  std::unexpected<Error> too_deep(int line) const;

  int depth_ = 0;
  int max_depth() const { return max_depth_; }
  Program& program() { return program_; }
  // Symbols in the order of their use, to tell which ones a macro's body names.
  const std::vector<int>& used_symbols() const { return used_symbols_; }

 private:
  using Rule = Result<ExprPtr> (ExprParser::*)();

  Result<ExprPtr> ternary();
  Result<ExprPtr> logical(ExprKind kind, std::string_view word, Rule operand);
  Result<ExprPtr> or_rule() { return logical(ExprKind::kOr, "or", &ExprParser::and_rule); }
  Result<ExprPtr> and_rule() { return logical(ExprKind::kAnd, "and", &ExprParser::not_rule); }
  Result<ExprPtr> not_rule();
  Result<ExprPtr> comparison();
  Result<ExprPtr> sum();
  Result<ExprPtr> concatenation();
  Result<ExprPtr> product();
  Result<ExprPtr> power();
  Result<ExprPtr> unary() { return unary(true); }
  Result<ExprPtr> unary(bool with_filters);
  Result<ExprPtr> primary();
  Result<ExprPtr> parenthesised();
  Result<ExprPtr> list();
  Result<ExprPtr> dict();
  Result<ExprPtr> postfix(ExprPtr expr);
  Result<ExprPtr> subscript(ExprPtr expr);
  Result<ExprPtr> test(ExprPtr expr);
  Result<ExprPtr> filters_and_tests(ExprPtr expr);
  Status arguments(Expr& call);
  Status argument(Expr& call);

  ExprPtr node(ExprKind kind, int line) const;
  ExprPtr constant(Value value, int line) const;
  // Takes `operand` into `parent`; fails if the tree has become too deep.
  Status attach(Expr& parent, ExprPtr operand);
  Result<ExprPtr> chain(ExprKind kind, Rule operand, bool (ExprParser::*next_op)(Op&));
  bool comparison_op(Op& op);
  bool sum_op(Op& op);
  bool product_op(Op& op);
  bool power_op(Op& op);

  const std::vector<Token> tokens_;
  const int max_depth_;
  Program& program_;
  size_t at_ = 0;
  std::vector<int> used_symbols_;
};

}  // namespace ondol::jinja
