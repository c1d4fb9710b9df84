#include "model/jinja_parser.h"

#include <algorithm>

#include "model/jinja_parse_expr.h"

namespace ondol::jinja {

namespace {

class Parser : ExprParser {
 public:
  Parser(std::vector<Token> tokens, int max_depth, Program& program) : ExprParser(std::move(tokens), max_depth, program) {}

  Result<Body> run() {
    ONDOL_TRY(Body body, statements({}));
    if (current().kind == TokenKind::kEnd) return body;
    return error(current().line, "\"{% " + current().text + " %}\" closes no open block");
  }

 private:
  using Ends = std::initializer_list<std::string_view>;

  // Until a block tag whose name is one of `ends` (its name is then current), or the end of the template if there are none.
  Result<Body> statements(Ends ends) {
    const Level level(depth_);
    if (depth_ > max_depth()) return too_deep(current().line);
    Body body;
    const int begin_line = previous().line;
    while (current().kind != TokenKind::kEnd) {
      Stmt stmt{.line = current().line};
      if (current().kind == TokenKind::kText) {
        stmt.text = advance().text;
      } else if (current().kind == TokenKind::kPrintBegin) {
        advance();
        stmt.kind = StmtKind::kPrint;
        ONDOL_TRY(ExprPtr expr, tuple_or_expression());
        stmt.exprs.push_back(std::move(expr));
        ONDOL_TRY_STATUS(expect(TokenKind::kPrintEnd, "\"}}\""));
      } else {
        ONDOL_TRY_STATUS(expect(TokenKind::kBlockBegin, "\"{%\""));
        const auto ends_here = [&](std::string_view end) { return current().is_name(end); };
        if (std::any_of(ends.begin(), ends.end(), ends_here)) return body;
        if (ends.size() == 0 && current().text.starts_with("end")) return body;
        ONDOL_TRY_STATUS(statement(stmt));
        ONDOL_TRY_STATUS(expect(TokenKind::kBlockEnd, "\"%}\""));
      }
      body.push_back(std::move(stmt));
    }
    if (ends.size() == 0) return body;
    return error(begin_line, "a block that begins here has no \"{% " + std::string(*(ends.end() - 1)) + " %}\"");
  }

  // The body of a block and its closing tag's name.
  Result<Body> block(std::string_view end) {
    ONDOL_TRY_STATUS(expect(TokenKind::kBlockEnd, "\"%}\""));
    ONDOL_TRY(Body body, statements({end}));
    advance();
    return body;
  }

  Status statement(Stmt& stmt) {
    using Handler = Status (Parser::*)(Stmt&);
    static constexpr std::pair<std::string_view, Handler> kHandlers[] = {
        {"if", &Parser::if_statement},       {"for", &Parser::for_statement},
        {"set", &Parser::set_statement},     {"macro", &Parser::macro_statement},
        {"call", &Parser::call_statement},   {"filter", &Parser::filter_statement},
        {"with", &Parser::with_statement},   {"generation", &Parser::generation},
        {"break", &Parser::break_statement}, {"continue", &Parser::continue_statement}};
    const Token token = current();
    ONDOL_TRY(const std::string name, expect_name("a statement's name"));
    for (const auto& [keyword, handler] : kHandlers) {
      if (name == keyword) return (this->*handler)(stmt);
    }
    if (name.starts_with("end") || name == "else" || name == "elif") {
      return error(token.line, "\"{% " + name + " %}\" does not fit the block that is open");
    }
    return error(token.line, "the statement " + quoted(name) + " is not supported", Code::kUnimplemented);
  }

  Status if_statement(Stmt& stmt) {
    stmt.kind = StmtKind::kIf;
    std::string end = "elif";
    while (end == "elif") {
      ONDOL_TRY(ExprPtr condition, tuple_or_expression(false));
      stmt.exprs.push_back(std::move(condition));
      ONDOL_TRY_STATUS(expect(TokenKind::kBlockEnd, "\"%}\""));
      ONDOL_TRY(Body body, statements({"elif", "else", "endif"}));
      stmt.bodies.push_back(std::move(body));
      end = advance().text;
    }
    if (end == "endif") return {};
    ONDOL_TRY(Body otherwise, block("endif"));
    stmt.bodies.push_back(std::move(otherwise));
    return {};
  }

  Status for_statement(Stmt& stmt) {
    stmt.kind = StmtKind::kFor;
    ONDOL_TRY(stmt.target, target(false));
    if (!skip_name("in")) return unexpected("\"in\"");
    ONDOL_TRY(ExprPtr values, tuple_or_expression(false));
    stmt.exprs.push_back(std::move(values));
    ExprPtr filter;
    if (skip_name("if")) {
      ONDOL_TRY(filter, expression());
    }
    stmt.exprs.push_back(std::move(filter));
    if (current().is_name("recursive")) return error(current().line, "\"recursive\" loops are not supported", Code::kUnimplemented);
    ONDOL_TRY_STATUS(expect(TokenKind::kBlockEnd, "\"%}\""));
    ++loops_;
    ONDOL_TRY(Body body, statements({"else", "endfor"}));
    --loops_;
    stmt.bodies.push_back(std::move(body));
    Body otherwise;
    if (advance().text == "else") {
      ONDOL_TRY(otherwise, block("endfor"));
    }
    stmt.bodies.push_back(std::move(otherwise));
    return {};
  }

  Status set_statement(Stmt& stmt) {
    ONDOL_TRY(stmt.target, target(true));
    if (skip_operator("=")) {
      stmt.kind = StmtKind::kSet;
      ONDOL_TRY(ExprPtr value, tuple_or_expression());
      stmt.exprs.push_back(std::move(value));
      return {};
    }
    stmt.kind = StmtKind::kSetBlock;
    ONDOL_TRY(ExprPtr filter, filters(nullptr, false));
    stmt.exprs.push_back(std::move(filter));
    ONDOL_TRY(Body body, outside_loops("endset"));
    stmt.bodies.push_back(std::move(body));
    return {};
  }

  // A block that a break inside cannot leave.
  Result<Body> outside_loops(std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    ONDOL_TRY(Body body, block(end));
    loops_ = loops;
    return body;
  }

  Status macro_body(MacroDefinition& macro, std::string_view end) {
    const size_t first_use = used_symbols().size();
    ONDOL_TRY(macro.body, outside_loops(end));
    for (size_t i = first_use; i < used_symbols().size(); ++i) {
      const std::string& name = program().symbols[static_cast<size_t>(used_symbols()[i])].bytes();
      macro.uses_caller = macro.uses_caller || name == "caller";
      macro.uses_varargs = macro.uses_varargs || name == "varargs";
      macro.uses_kwargs = macro.uses_kwargs || name == "kwargs";
    }
    for (const Parameter& parameter : macro.parameters) {
      if (parameter.name.bytes() == "caller") macro.uses_caller = false;  // the parameter, not the call block
    }
    return {};
  }

  Status macro_statement(Stmt& stmt) {
    stmt.kind = StmtKind::kMacro;
    stmt.macro = std::make_unique<MacroDefinition>();
    ONDOL_TRY(std::string name, expect_name("the macro's name"));
    stmt.macro->symbol = program().intern(name);
    stmt.macro->name = program().constant(std::move(name));
    ONDOL_TRY_STATUS(parameters(*stmt.macro));
    return macro_body(*stmt.macro, "endmacro");
  }

  Status call_statement(Stmt& stmt) {
    stmt.kind = StmtKind::kCallBlock;
    stmt.macro = std::make_unique<MacroDefinition>();
    stmt.macro->name = program().constant("caller");
    if (current().is_operator("(")) ONDOL_TRY_STATUS(parameters(*stmt.macro));
    ONDOL_TRY(ExprPtr call, expression());
    if (call->kind != ExprKind::kCall) return error(stmt.line, "\"{% call %}\" needs a call of a macro");
    stmt.exprs.push_back(std::move(call));
    return macro_body(*stmt.macro, "endcall");
  }

  Status parameters(MacroDefinition& macro) {
    ONDOL_TRY_STATUS(expect_operator("("));
    while (!skip_operator(")")) {
      Parameter parameter;
      ONDOL_TRY(std::string name, expect_name("a parameter's name"));
      parameter.symbol = program().intern(name);
      parameter.name = program().constant(std::move(name));
      if (skip_operator("=")) {
        ONDOL_TRY(parameter.fallback, expression());
      } else if (!macro.parameters.empty() && macro.parameters.back().fallback != nullptr) {
        return error(current().line, "a parameter without a default follows one with a default");
      }
      macro.parameters.push_back(std::move(parameter));
      if (!current().is_operator(")")) ONDOL_TRY_STATUS(expect_operator(","));
    }
    return {};
  }

  Status filter_statement(Stmt& stmt) {
    stmt.kind = StmtKind::kFilterBlock;
    ONDOL_TRY(ExprPtr filter, filters(nullptr, true));
    stmt.exprs.push_back(std::move(filter));
    ONDOL_TRY(Body body, outside_loops("endfilter"));
    stmt.bodies.push_back(std::move(body));
    return {};
  }

  Status with_statement(Stmt& stmt) {
    stmt.kind = StmtKind::kWith;
    while (current().kind != TokenKind::kBlockEnd) {
      if (!stmt.targets.empty()) ONDOL_TRY_STATUS(expect_operator(","));
      ONDOL_TRY(Target name, target_part(false));
      ONDOL_TRY_STATUS(expect_operator("="));
      ONDOL_TRY(ExprPtr value, expression());
      stmt.targets.push_back(std::move(name));
      stmt.exprs.push_back(std::move(value));
    }
    ONDOL_TRY(Body body, block("endwith"));
    stmt.bodies.push_back(std::move(body));
    return {};
  }

  // Marks what the model wrote, for training masks; the text itself is rendered as it is.
  Status generation(Stmt& stmt) {
    stmt.kind = StmtKind::kScope;
    ONDOL_TRY(Body body, block("endgeneration"));
    stmt.bodies.push_back(std::move(body));
    return {};
  }

  Status break_statement(Stmt& stmt) {
    stmt.kind = StmtKind::kBreak;
    if (loops_ == 0) return error(stmt.line, "\"break\" outside of a loop");
    return {};
  }

  Status continue_statement(Stmt& stmt) {
    stmt.kind = StmtKind::kContinue;
    if (loops_ == 0) return error(stmt.line, "\"continue\" outside of a loop");
    return {};
  }

  // "a", "a, b", "(a, b), c", and with `with_namespace` also "ns.a".
  Result<Target> target(bool with_namespace) {
    ONDOL_TRY(Target first, target_part(with_namespace));
    if (!current().is_operator(",")) return first;
    Target tuple{.line = first.line};
    tuple.parts.push_back(std::move(first));
    while (skip_operator(",")) {
      if (current().is_operator("=") || current().is_operator(")") || current().is_name("in")) break;
      ONDOL_TRY(Target part, target_part(with_namespace));
      tuple.parts.push_back(std::move(part));
    }
    return tuple;
  }

  Result<Target> target_part(bool with_namespace) {
    const Level level(depth_);
    if (depth_ > max_depth()) return too_deep(current().line);
    Target result{.line = current().line};
    if (skip_operator("(")) {
      ONDOL_TRY(result, target(with_namespace));
      ONDOL_TRY_STATUS(expect_operator(")"));
      return result;
    }
    static constexpr std::string_view kReserved[] = {"true", "false", "none", "True", "False", "None"};
    if (std::find(std::begin(kReserved), std::end(kReserved), current().text) != std::end(kReserved)) {
      return error(result.line, "cannot assign to " + quoted(current().text));
    }
    ONDOL_TRY(std::string name, expect_name("a variable's name"));
    result.symbol = program().intern(name);
    if (with_namespace && skip_operator(".")) {
      ONDOL_TRY(std::string attribute, expect_name("a namespace attribute's name"));
      result.attribute = program().constant(std::move(attribute));
    }
    return result;
  }

  int loops_ = 0;  // open around the current statement
};

}  // namespace

Result<std::unique_ptr<const Program>> parse_program(std::string_view source, const TemplateLimits& limits) {
  if (source.size() > limits.max_source_bytes) {
    return fail(Code::kResourceExhausted, "the chat template has " + std::to_string(source.size()) +
                                              " bytes, more than max_source_bytes = " + std::to_string(limits.max_source_bytes));
  }
  ONDOL_TRY(std::vector<Token> tokens, tokenize(source));
  auto program = std::make_unique<Program>();
  program->caller = program->intern("caller");
  program->varargs = program->intern("varargs");
  program->kwargs = program->intern("kwargs");
  ONDOL_TRY(program->body, Parser(std::move(tokens), limits.max_depth, *program).run());
  return program;
}

}  // namespace ondol::jinja
