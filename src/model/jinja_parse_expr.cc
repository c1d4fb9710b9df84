#include "model/jinja_parse_expr.h"

#include <algorithm>

namespace ondol::jinja {

ExprPtr ExprParser::node(ExprKind kind, int line) const {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->line = line;
  return expr;
}

ExprPtr ExprParser::constant(Value value, int line) const {
  ExprPtr expr = node(ExprKind::kConst, line);
  expr->value = std::move(value);
  return expr;
}

Status ExprParser::attach(Expr& parent, ExprPtr operand) {
  if (operand != nullptr) {
    parent.depth = std::max(parent.depth, operand->depth + 1);
    if (parent.depth > max_depth_) return too_deep(parent.line);
  }
  parent.operands.push_back(std::move(operand));
  return {};
}

bool ExprParser::skip_operator(std::string_view text) {
  if (!current().is_operator(text)) return false;
  advance();
  return true;
}

bool ExprParser::skip_name(std::string_view text) {
  if (!current().is_name(text)) return false;
  advance();
  return true;
}

Status ExprParser::expect_operator(std::string_view text) {
  if (!skip_operator(text)) return unexpected("\"" + std::string(text) + "\"");
  return {};
}

Status ExprParser::expect(TokenKind kind, std::string_view what) {
  if (current().kind != kind) return unexpected(what);
  advance();
  return {};
}

Result<std::string> ExprParser::expect_name(std::string_view what) {
  if (current().kind != TokenKind::kName) return unexpected(what);
  return advance().text;
}

int ExprParser::use_symbol(const std::string& name) {
  used_symbols_.push_back(program_.intern(name));
  return used_symbols_.back();
}

std::unexpected<Error> ExprParser::error(int line, const std::string& what, Code code) const {
  return fail(code, "chat template line " + std::to_string(line) + ": " + what);
}

std::unexpected<Error> ExprParser::unexpected(std::string_view wanted) const {
  const Token& token = current();
  std::string found;
  switch (token.kind) {
    case TokenKind::kText: found = "text"; break;
    case TokenKind::kPrintBegin: found = "\"{{\""; break;
    case TokenKind::kPrintEnd: found = "\"}}\""; break;
    case TokenKind::kBlockBegin: found = "\"{%\""; break;
    case TokenKind::kBlockEnd: found = "\"%}\""; break;
    case TokenKind::kString: found = "the string " + quoted(token.text, 40); break;
    case TokenKind::kEnd: found = "the end of the template"; break;
    default: found = quoted(token.text, 40); break;
  }
  return error(token.line, "expected " + std::string(wanted) + ", found " + found);
}

std::unexpected<Error> ExprParser::too_deep(int line) const {
  return error(line, "nested deeper than max_depth = " + std::to_string(max_depth_), Code::kResourceExhausted);
}

Result<ExprPtr> ExprParser::expression(bool with_ternary) {
  const Level level(depth_);
  if (depth_ > max_depth_) return too_deep(current().line);
  return with_ternary ? ternary() : or_rule();
}

Result<ExprPtr> ExprParser::tuple_or_expression(bool with_ternary) {
  const int line = current().line;
  ONDOL_TRY(ExprPtr first, expression(with_ternary));
  if (!current().is_operator(",")) return first;
  ExprPtr tuple = node(ExprKind::kTuple, line);
  ONDOL_TRY_STATUS(attach(*tuple, std::move(first)));
  while (skip_operator(",")) {
    const TokenKind kind = current().kind;
    if (kind == TokenKind::kPrintEnd || kind == TokenKind::kBlockEnd || current().is_operator(")")) break;
    ONDOL_TRY(ExprPtr item, expression(with_ternary));
    ONDOL_TRY_STATUS(attach(*tuple, std::move(item)));
  }
  return tuple;
}

Result<ExprPtr> ExprParser::ternary() {
  const int line = current().line;
  ONDOL_TRY(ExprPtr expr, or_rule());
  while (skip_name("if")) {
    ExprPtr choice = node(ExprKind::kTernary, line);
    ONDOL_TRY(ExprPtr condition, or_rule());
    ONDOL_TRY_STATUS(attach(*choice, std::move(condition)));
    ONDOL_TRY_STATUS(attach(*choice, std::move(expr)));
    if (skip_name("else")) {
      ONDOL_TRY(ExprPtr otherwise, expression());
      ONDOL_TRY_STATUS(attach(*choice, std::move(otherwise)));
    }
    expr = std::move(choice);
  }
  return expr;
}

Result<ExprPtr> ExprParser::logical(ExprKind kind, std::string_view word, Rule operand) {
  const int line = current().line;
  ONDOL_TRY(ExprPtr first, (this->*operand)());
  if (!current().is_name(word)) return first;
  ExprPtr expr = node(kind, line);
  ONDOL_TRY_STATUS(attach(*expr, std::move(first)));
  while (skip_name(word)) {
    ONDOL_TRY(ExprPtr next, (this->*operand)());
    ONDOL_TRY_STATUS(attach(*expr, std::move(next)));
  }
  return expr;
}

Result<ExprPtr> ExprParser::not_rule() {
  if (!current().is_name("not")) return comparison();
  const Level level(depth_);
  if (depth_ > max_depth_) return too_deep(current().line);
  ExprPtr expr = node(ExprKind::kNot, advance().line);
  ONDOL_TRY(ExprPtr operand, not_rule());
  ONDOL_TRY_STATUS(attach(*expr, std::move(operand)));
  return expr;
}

// Operators of one level of precedence, from the left. One node however long, so that a long sum is not a deep tree.
Result<ExprPtr> ExprParser::chain(ExprKind kind, Rule operand, bool (ExprParser::*next_op)(Op&)) {
  const int line = current().line;
  ONDOL_TRY(ExprPtr first, (this->*operand)());
  Op op = Op::kAdd;
  if (!(this->*next_op)(op)) return first;
  ExprPtr expr = node(kind, line);
  ONDOL_TRY_STATUS(attach(*expr, std::move(first)));
  do {
    ONDOL_TRY(ExprPtr next, (this->*operand)());
    expr->ops.push_back(op);
    ONDOL_TRY_STATUS(attach(*expr, std::move(next)));
  } while ((this->*next_op)(op));
  return expr;
}

bool ExprParser::comparison_op(Op& op) {
  static constexpr std::pair<std::string_view, Op> kOps[] = {{"==", Op::kEq}, {"!=", Op::kNe}, {"<", Op::kLt},
                                                             {"<=", Op::kLe}, {">", Op::kGt},  {">=", Op::kGe}};
  for (const auto& [text, candidate] : kOps) {
    op = candidate;
    if (skip_operator(text)) return true;
  }
  op = Op::kIn;
  if (skip_name("in")) return true;
  op = Op::kNotIn;
  if (!current().is_name("not") || !peek().is_name("in")) return false;
  advance();
  advance();
  return true;
}

bool ExprParser::sum_op(Op& op) {
  op = current().is_operator("-") ? Op::kSub : Op::kAdd;
  return skip_operator("+") || skip_operator("-");
}

bool ExprParser::product_op(Op& op) {
  static constexpr std::pair<std::string_view, Op> kOps[] = {{"*", Op::kMul}, {"/", Op::kDiv}, {"//", Op::kFloorDiv}, {"%", Op::kMod}};
  for (const auto& [text, candidate] : kOps) {
    op = candidate;
    if (skip_operator(text)) return true;
  }
  return false;
}

bool ExprParser::power_op(Op& op) {
  op = Op::kPow;
  return skip_operator("**");
}

Result<ExprPtr> ExprParser::comparison() { return chain(ExprKind::kCompare, &ExprParser::sum, &ExprParser::comparison_op); }
Result<ExprPtr> ExprParser::sum() { return chain(ExprKind::kChain, &ExprParser::concatenation, &ExprParser::sum_op); }
Result<ExprPtr> ExprParser::product() { return chain(ExprKind::kChain, &ExprParser::power, &ExprParser::product_op); }
Result<ExprPtr> ExprParser::power() { return chain(ExprKind::kChain, &ExprParser::unary, &ExprParser::power_op); }

Result<ExprPtr> ExprParser::concatenation() {
  const int line = current().line;
  ONDOL_TRY(ExprPtr first, product());
  if (!current().is_operator("~")) return first;
  ExprPtr expr = node(ExprKind::kConcat, line);
  ONDOL_TRY_STATUS(attach(*expr, std::move(first)));
  while (skip_operator("~")) {
    ONDOL_TRY(ExprPtr next, product());
    ONDOL_TRY_STATUS(attach(*expr, std::move(next)));
  }
  return expr;
}

// A sign binds tighter than a filter but looser than a subscript: -x.y|abs is (-(x.y))|abs.
Result<ExprPtr> ExprParser::unary(bool with_filters) {
  const Level level(depth_);
  if (depth_ > max_depth_) return too_deep(current().line);
  ExprPtr expr;
  if (current().is_operator("-") || current().is_operator("+")) {
    const Token& sign = advance();
    expr = node(sign.text == "-" ? ExprKind::kNegate : ExprKind::kPlus, sign.line);
    ONDOL_TRY(ExprPtr operand, unary(false));
    ONDOL_TRY_STATUS(attach(*expr, std::move(operand)));
  } else {
    ONDOL_TRY(expr, primary());
  }
  ONDOL_TRY(expr, postfix(std::move(expr)));
  if (!with_filters) return expr;
  return filters_and_tests(std::move(expr));
}

Result<ExprPtr> ExprParser::primary() {
  const Token& token = current();
  const int line = token.line;
  switch (token.kind) {
    case TokenKind::kName: {
      const std::string name = advance().text;
      if (name == "true" || name == "True") return constant(Value::boolean(true), line);
      if (name == "false" || name == "False") return constant(Value::boolean(false), line);
      if (name == "none" || name == "None") return constant(Value::none(), line);
      ExprPtr expr = node(ExprKind::kName, line);
      expr->symbol = use_symbol(name);
      return expr;
    }
    case TokenKind::kString: {
      std::string text;
      while (current().kind == TokenKind::kString) text += advance().text;
      return constant(program_.constant(std::move(text)), line);
    }
    case TokenKind::kInteger: return constant(Value::integer(advance().integer), line);
    case TokenKind::kFloat: return constant(Value::number(advance().number), line);
    default: break;
  }
  if (token.is_operator("(")) return parenthesised();
  if (token.is_operator("[")) return list();
  if (token.is_operator("{")) return dict();
  return unexpected("an expression");
}

Result<ExprPtr> ExprParser::parenthesised() {
  const int line = advance().line;
  if (skip_operator(")")) return node(ExprKind::kTuple, line);
  ONDOL_TRY(ExprPtr expr, tuple_or_expression());
  ONDOL_TRY_STATUS(expect_operator(")"));
  return expr;
}

Result<ExprPtr> ExprParser::list() {
  ExprPtr expr = node(ExprKind::kList, advance().line);
  while (!skip_operator("]")) {
    ONDOL_TRY(ExprPtr item, expression());
    ONDOL_TRY_STATUS(attach(*expr, std::move(item)));
    if (!current().is_operator("]")) ONDOL_TRY_STATUS(expect_operator(","));
  }
  return expr;
}

Result<ExprPtr> ExprParser::dict() {
  ExprPtr expr = node(ExprKind::kDict, advance().line);
  while (!skip_operator("}")) {
    ONDOL_TRY(ExprPtr key, expression());
    ONDOL_TRY_STATUS(attach(*expr, std::move(key)));
    ONDOL_TRY_STATUS(expect_operator(":"));
    ONDOL_TRY(ExprPtr value, expression());
    ONDOL_TRY_STATUS(attach(*expr, std::move(value)));
    if (!current().is_operator("}")) ONDOL_TRY_STATUS(expect_operator(","));
  }
  return expr;
}

}  // namespace ondol::jinja
