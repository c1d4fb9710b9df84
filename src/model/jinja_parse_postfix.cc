// What may follow an operand: subscripts, calls, filters and tests.

#include "model/jinja_parse_expr.h"

namespace ondol::jinja {

Result<ExprPtr> ExprParser::postfix(ExprPtr expr) {
  while (true) {
    if (current().is_operator(".") || current().is_operator("[")) {
      ONDOL_TRY(expr, subscript(std::move(expr)));
    } else if (current().is_operator("(")) {
      ExprPtr call = node(ExprKind::kCall, current().line);
      ONDOL_TRY_STATUS(attach(*call, std::move(expr)));
      ONDOL_TRY_STATUS(arguments(*call));
      expr = std::move(call);
    } else {
      return expr;
    }
  }
}

Result<ExprPtr> ExprParser::subscript(ExprPtr expr) {
  const int line = current().line;
  if (skip_operator(".")) {
    if (current().kind == TokenKind::kInteger) {
      ExprPtr item = node(ExprKind::kItem, line);
      ONDOL_TRY_STATUS(attach(*item, std::move(expr)));
      ONDOL_TRY_STATUS(attach(*item, constant(Value::integer(advance().integer), line)));
      return item;
    }
    ExprPtr attribute = node(ExprKind::kAttribute, line);
    ONDOL_TRY(std::string name, expect_name("an attribute's name or number"));
    attribute->value = program_.constant(std::move(name));
    ONDOL_TRY_STATUS(attach(*attribute, std::move(expr)));
    return attribute;
  }
  ONDOL_TRY_STATUS(expect_operator("["));
  ExprPtr item = node(ExprKind::kItem, line);
  ONDOL_TRY_STATUS(attach(*item, std::move(expr)));
  ExprPtr bound;
  if (!current().is_operator(":")) {
    ONDOL_TRY(bound, tuple_or_expression());
    if (skip_operator("]")) {
      ONDOL_TRY_STATUS(attach(*item, std::move(bound)));
      return item;
    }
  }
  item->kind = ExprKind::kSlice;
  ONDOL_TRY_STATUS(attach(*item, std::move(bound)));
  for (int i = 0; i < 2; ++i) {
    bound = nullptr;
    if (i == 0 || current().is_operator(":")) {
      ONDOL_TRY_STATUS(expect_operator(":"));
      if (!current().is_operator(":") && !current().is_operator("]")) {
        ONDOL_TRY(bound, expression());
      }
    }
    ONDOL_TRY_STATUS(attach(*item, std::move(bound)));
  }
  ONDOL_TRY_STATUS(expect_operator("]"));
  return item;
}

// "( a, b, name=c, *d, **e )", into the operands and call parts of `call`.
Status ExprParser::arguments(Expr& call) {
  ONDOL_TRY_STATUS(expect_operator("("));
  while (!skip_operator(")")) {
    ONDOL_TRY_STATUS(argument(call));
    if (!current().is_operator(")")) ONDOL_TRY_STATUS(expect_operator(","));
  }
  return {};
}

Status ExprParser::argument(Expr& call) {
  const int line = current().line;
  const bool named = current().kind == TokenKind::kName && peek().is_operator("=");
  const bool splat = !named && current().is_operator("*");
  const bool double_splat = !named && current().is_operator("**");
  if (!named && !splat && !double_splat) {
    if (call.call != nullptr) return error(line, "a positional argument follows a named one");
    ONDOL_TRY(ExprPtr value, expression());
    return attach(call, std::move(value));
  }
  if (call.call == nullptr) call.call = std::make_unique<CallParts>();
  if ((splat && call.call->splat != nullptr) || call.call->double_splat != nullptr) return error(line, "arguments in a wrong order");
  std::string name;
  if (named) name = advance().text;
  advance();  // the "=", "*" or "**"
  ONDOL_TRY(ExprPtr value, expression());
  call.depth = std::max(call.depth, value->depth + 1);
  if (call.depth > max_depth_) return too_deep(line);
  if (named) {
    call.call->named.emplace_back(program_.constant(std::move(name)), std::move(value));
  } else {
    (splat ? call.call->splat : call.call->double_splat) = std::move(value);
  }
  return {};
}

Result<ExprPtr> ExprParser::filters_and_tests(ExprPtr expr) {
  while (true) {
    if (current().is_operator("|")) {
      ONDOL_TRY(expr, filters(std::move(expr), false));
    } else if (current().is_name("is")) {
      ONDOL_TRY(expr, test(std::move(expr)));
    } else if (current().is_operator("(")) {
      ONDOL_TRY(expr, postfix(std::move(expr)));
    } else {
      return expr;
    }
  }
}

Result<ExprPtr> ExprParser::filters(ExprPtr input, bool inline_start) {
  while (inline_start || skip_operator("|")) {
    inline_start = false;
    const int line = current().line;
    ONDOL_TRY(std::string name, expect_name("a filter's name"));
    ExprPtr filter = node(ExprKind::kFilter, line);
    filter->filter = find_filter(name);
    if (filter->filter == nullptr) return error(line, "the filter " + quoted(name) + " is not supported", Code::kUnimplemented);
    filter->value = program_.constant(std::move(name));
    ONDOL_TRY_STATUS(attach(*filter, std::move(input)));
    if (current().is_operator("(")) ONDOL_TRY_STATUS(arguments(*filter));
    input = std::move(filter);
  }
  return input;
}

Result<ExprPtr> ExprParser::test(ExprPtr expr) {
  const int line = advance().line;
  const bool negated = skip_name("not");
  ONDOL_TRY(std::string name, expect_name("a test's name"));
  ExprPtr result = node(ExprKind::kTest, line);
  result->test = find_test(name);
  if (result->test == nullptr) return error(line, "the test " + quoted(name) + " is not supported", Code::kUnimplemented);
  result->value = program_.constant(std::move(name));
  ONDOL_TRY_STATUS(attach(*result, std::move(expr)));
  const Token& next = current();
  const bool word_ends = next.is_name("else") || next.is_name("or") || next.is_name("and") || next.is_name("if") || next.is_name("is");
  if (next.is_operator("(")) {
    ONDOL_TRY_STATUS(arguments(*result));
  } else if ((next.kind == TokenKind::kName && !word_ends) || next.kind == TokenKind::kString || next.kind == TokenKind::kInteger ||
             next.kind == TokenKind::kFloat || next.is_operator("[") || next.is_operator("{")) {
    // The one argument of a test needs no parentheses: "x is divisibleby 3".
    ONDOL_TRY(ExprPtr argument, primary());
    ONDOL_TRY(argument, postfix(std::move(argument)));
    ONDOL_TRY_STATUS(attach(*result, std::move(argument)));
  }
  if (!negated) return result;
  ExprPtr negation = node(ExprKind::kNot, line);
  ONDOL_TRY_STATUS(attach(*negation, std::move(result)));
  return negation;
}

}  // namespace ondol::jinja
