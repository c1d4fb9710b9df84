// Statements, and the way into a render.

#include <boost/json/object.hpp>

#include "model/jinja_from_json.h"
#include "model/jinja_interp.h"
#include "model/jinja_level.h"
#include "model/jinja_ops.h"
#include "model/jinja_print.h"

namespace ondol::jinja {

const Value* Scope::find(int symbol, int64_t& scanned) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get()) {
    scanned += static_cast<int64_t>(scope->variables.size());
    for (const auto& [name, value] : scope->variables) {
      if (name == symbol) return &value;
    }
  }
  return nullptr;
}

Status Scope::set(int symbol, Value value) {
  ONDOL_TRY_STATUS(heap->step(static_cast<int64_t>(variables.size()) / kScannedPerStep));
  for (auto& [name, current] : variables) {
    if (name != symbol) continue;
    current = std::move(value);
    return {};
  }
  ONDOL_TRY_STATUS(heap->charge(*this, sizeof(variables[0])));
  variables.emplace_back(symbol, std::move(value));
  return {};
}

Result<std::string> Interpreter::run(const boost::json::object& context) {
  Status status = load(context);
  if (status) {
    auto flow = execute(program_.body);
    if (flow) return std::move(output_);
    status = std::unexpected(std::move(flow).error());
  }
  return fail(status.error(), "chat template line " + std::to_string(line_));
}

Status Interpreter::load(const boost::json::object& context) {
  ONDOL_TRY(scope_, new_scope({}));
  for (const auto& [name, json] : context) {
    const auto symbol = program_.symbol_of.find(std::string_view(name.data(), name.size()));
    if (symbol == program_.symbol_of.end()) continue;
    ONDOL_TRY(Value value, from_json(heap_, json));
    ONDOL_TRY_STATUS(scope_->set(symbol->second, std::move(value)));
  }
  return {};
}

std::unexpected<Error> Interpreter::too_deep() const {
  return fail(Code::kResourceExhausted,
              "expressions, blocks and macros nest deeper than max_depth = " + std::to_string(heap_.limits().max_depth));
}

Result<Ref<Scope>> Interpreter::new_scope(Ref<Scope> parent) {
  ONDOL_TRY(Scope * scope, heap_.make<Scope>(0, std::move(parent)));
  return Ref<Scope>(scope);
}

Result<Interpreter::Flow> Interpreter::execute(const Body& body) {
  const Level level(depth_);
  if (depth_ > heap_.limits().max_depth) return too_deep();
  for (const Stmt& stmt : body) {
    ONDOL_TRY(const Flow flow, execute(stmt));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute(const Stmt& stmt) {
  line_ = stmt.line;
  ONDOL_TRY_STATUS(heap_.step());
  switch (stmt.kind) {
    case StmtKind::kText: ONDOL_TRY_STATUS(emit(stmt.text)); break;
    case StmtKind::kPrint: {
      ONDOL_TRY(const Value value, eval(*stmt.exprs[0]));
      ONDOL_TRY_STATUS(print(value));
      break;
    }
    case StmtKind::kIf: return execute_if(stmt);
    case StmtKind::kFor: return execute_for(stmt);
    case StmtKind::kSet: {
      ONDOL_TRY(Value value, eval(*stmt.exprs[0]));
      ONDOL_TRY_STATUS(assign(stmt.target, std::move(value)));
      break;
    }
    case StmtKind::kSetBlock: {
      ONDOL_TRY(Value value, filtered_block(stmt));
      ONDOL_TRY_STATUS(assign(stmt.target, std::move(value)));
      break;
    }
    case StmtKind::kMacro: {
      ONDOL_TRY(Macro * macro, heap_.make<Macro>(0, *stmt.macro, scope_));
      ONDOL_TRY_STATUS(scope_->set(stmt.macro->symbol, Value(Kind::kMacro, macro)));
      break;
    }
    case StmtKind::kCallBlock: ONDOL_TRY_STATUS(execute_call_block(stmt)); break;
    case StmtKind::kFilterBlock: {
      ONDOL_TRY(const Value value, filtered_block(stmt));
      ONDOL_TRY_STATUS(print(value));
      break;
    }
    case StmtKind::kWith:
    case StmtKind::kScope: return execute_in_scope(stmt);
    case StmtKind::kBreak: return Flow::kBreak;
    case StmtKind::kContinue: return Flow::kContinue;
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute_if(const Stmt& stmt) {
  for (size_t i = 0; i < stmt.exprs.size(); ++i) {
    ONDOL_TRY(const Value condition, eval(*stmt.exprs[i]));
    if (truthy(condition)) return execute(stmt.bodies[i]);
  }
  if (stmt.bodies.size() > stmt.exprs.size()) return execute(stmt.bodies.back());
  return Flow::kNext;
}

// The body of a `with` (its values belong to the surrounding scope) or another block with a scope of its own.
Result<Interpreter::Flow> Interpreter::execute_in_scope(const Stmt& stmt) {
  ONDOL_TRY(Ref<Scope> scope, new_scope(scope_));
  std::vector<Value> values;
  for (const ExprPtr& expr : stmt.exprs) {
    ONDOL_TRY(Value value, eval(*expr));
    values.push_back(std::move(value));
  }
  Ref<Scope> outer = std::exchange(scope_, std::move(scope));
  for (size_t i = 0; i < values.size(); ++i) ONDOL_TRY_STATUS(assign(stmt.targets[i], std::move(values[i])));
  auto flow = execute(stmt.bodies[0]);
  scope_ = std::move(outer);
  return flow;
}

Status Interpreter::execute_call_block(const Stmt& stmt) {
  ONDOL_TRY(Macro * body, heap_.make<Macro>(0, *stmt.macro, scope_));
  Arguments extra;
  extra.named.emplace_back(stmt.macro->name, Value(Kind::kMacro, body));
  ONDOL_TRY(const Value value, eval_call(*stmt.exprs[0], std::move(extra)));
  return print(value);
}

Status Interpreter::print(const Value& value) {
  if (value.is(Kind::kString)) return emit(value.bytes());
  if (value.is_undefined()) return {};
  ONDOL_TRY(const Value text, to_text(heap_, value));
  return emit(text.bytes());
}

Status Interpreter::emit(std::string_view text) {
  const size_t limit = heap_.limits().max_output_bytes;
  if (text.size() > limit - output_.size()) {
    return fail(Code::kResourceExhausted, "the template writes more than max_output_bytes = " + std::to_string(limit));
  }
  if (captures_ > 0) ONDOL_TRY_STATUS(heap_.take(text.size()));
  ONDOL_TRY_STATUS(heap_.step_bytes(text.size()));
  output_ += text;
  return {};
}

Result<Value> Interpreter::capture(const Body& body, Ref<Scope> scope) {
  Ref<Scope> outer_scope = std::exchange(scope_, std::move(scope));
  std::string outer_output = std::exchange(output_, {});
  ++captures_;
  ONDOL_TRY_STATUS(execute(body));  // an error ends the render, so there is nothing to put back
  --captures_;
  scope_ = std::move(outer_scope);
  std::string text = std::exchange(output_, std::move(outer_output));
  heap_.give(text.size());
  return heap_.text(std::move(text));
}

Result<Value> Interpreter::filtered_block(const Stmt& stmt) {
  ONDOL_TRY(Ref<Scope> scope, new_scope(scope_));
  ONDOL_TRY(Value text, capture(stmt.bodies[0], std::move(scope)));
  if (stmt.exprs[0] == nullptr) return text;
  block_input_ = std::move(text);
  return eval(*stmt.exprs[0]);
}

Status Interpreter::assign(const Target& target, Value value) {
  line_ = target.line;
  if (target.symbol >= 0 && target.attribute.is_undefined()) return scope_->set(target.symbol, std::move(value));
  if (target.symbol >= 0) {
    ONDOL_TRY(const Value space, lookup(target.symbol));
    if (!space.is(Kind::kNamespace)) {
      return fail(Code::kInvalidArgument, "cannot set the attribute " + quoted(target.attribute.bytes()) + " of a value of type " +
                                              std::string(type_name(space.kind())) + "; only a namespace() has attributes that can be set");
    }
    return space.dict().set(target.attribute, std::move(value));
  }
  ONDOL_TRY(const Value list, iterate(heap_, value));
  const std::vector<Value> items = list.sequence().items;
  if (items.size() != target.parts.size()) {
    return fail(Code::kInvalidArgument,
                "cannot unpack " + std::to_string(items.size()) + " values into " + std::to_string(target.parts.size()) + " names");
  }
  for (size_t i = 0; i < items.size(); ++i) ONDOL_TRY_STATUS(assign(target.parts[i], items[i]));
  return {};
}

}  // namespace ondol::jinja
