// Calls: arguments, macros, methods and globals.

#include "model/jinja_interp.h"
#include "model/jinja_level.h"
#include "model/jinja_ops.h"

namespace ondol::jinja {

// The arguments of a call, filter or test: every operand but the first, and the named ones.
Status Interpreter::collect(const Expr& expr, Arguments& arguments) {
  for (size_t i = 1; i < expr.operands.size(); ++i) {
    ONDOL_TRY(Value value, eval(*expr.operands[i]));
    arguments.positional.push_back(std::move(value));
  }
  if (expr.call == nullptr) return {};
  for (const auto& [name, operand] : expr.call->named) {
    ONDOL_TRY(Value value, eval(*operand));
    arguments.named.emplace_back(name, std::move(value));
  }
  if (expr.call->splat != nullptr) {
    ONDOL_TRY(const Value value, eval(*expr.call->splat));
    line_ = expr.line;
    ONDOL_TRY(const Value list, iterate(heap_, value));
    ONDOL_TRY_STATUS(heap_.step(static_cast<int64_t>(list.sequence().items.size())));
    for (const Value& item : list.sequence().items) arguments.positional.push_back(item);
  }
  if (expr.call->double_splat != nullptr) {
    ONDOL_TRY(const Value value, eval(*expr.call->double_splat));
    line_ = expr.line;
    if (!value.is(Kind::kDict)) return fail(Code::kInvalidArgument, "\"**\" needs a dict, not " + std::string(type_name(value.kind())));
    for (const auto& [name, member] : value.dict().entries) {
      ONDOL_TRY_STATUS(heap_.step());
      if (!name.is(Kind::kString)) return fail(Code::kInvalidArgument, "\"**\" needs keys that are strings");
      arguments.named.emplace_back(name, member);
    }
  }
  return {};
}

// `extra` holds what a call block adds.
Result<Value> Interpreter::eval_call(const Expr& expr, Arguments extra) {
  const Expr& callee = *expr.operands[0];
  if (callee.kind == ExprKind::kAttribute) {
    // A method is called at once, without making an object of it first.
    ONDOL_TRY(const Value self, eval(*callee.operands[0]));
    line_ = callee.line;
    if (has_method(self.kind(), callee.value.bytes())) {
      ONDOL_TRY_STATUS(collect(expr, extra));
      line_ = expr.line;
      return call_method(heap_, self, callee.value, extra);
    }
    ONDOL_TRY(const Value function, get_attribute(self, callee.value));
    ONDOL_TRY_STATUS(collect(expr, extra));
    line_ = expr.line;
    return call(function, extra);
  }
  ONDOL_TRY(const Value function, eval(callee));
  ONDOL_TRY_STATUS(collect(expr, extra));
  line_ = expr.line;
  return call(function, extra);
}

Result<Value> Interpreter::call(const Value& callee, const Arguments& arguments) {
  switch (callee.kind()) {
    case Kind::kFunction: return call_global(heap_, static_cast<Global>(callee.as_int()), arguments, now_unix_s_);
    case Kind::kMacro: return call_macro(static_cast<const Macro&>(*callee.object()), arguments);
    case Kind::kMethod: {
      const auto& method = static_cast<const Method&>(*callee.object());
      if (method.self.is(Kind::kLoop)) return call_loop(static_cast<Loop&>(*method.self.object()), method.name.bytes(), arguments);
      return call_method(heap_, method.self, method.name, arguments);
    }
    case Kind::kUndefined: return fail(Code::kInvalidArgument, callee.undefined_message() + ", so it cannot be called");
    default: return fail(Code::kInvalidArgument, "a value of type " + std::string(type_name(callee.kind())) + " cannot be called");
  }
}

Result<Value> Interpreter::call_macro(const Macro& macro, const Arguments& arguments) {
  const Level level(depth_);
  if (depth_ > heap_.limits().max_depth) return too_deep();
  ONDOL_TRY(Ref<Scope> scope, new_scope(macro.scope));
  const Ref<Scope> outer = std::exchange(scope_, scope);  // defaults may name earlier parameters
  ONDOL_TRY_STATUS(bind_macro(*macro.definition, arguments, *scope));
  scope_ = outer;
  return capture(macro.definition->body, std::move(scope));
}

Status Interpreter::bind_macro(const MacroDefinition& macro, const Arguments& arguments, Scope& scope) {
  // Every parameter is compared with every named argument.
  ONDOL_TRY_STATUS(heap_.step(static_cast<int64_t>(macro.parameters.size() * arguments.named.size())));
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const Parameter& parameter = macro.parameters[i];
    const Value* given = i < arguments.positional.size() ? &arguments.positional[i] : nullptr;
    for (const auto& [name, value] : arguments.named) {
      if (name.bytes() != parameter.name.bytes()) continue;
      if (given != nullptr) {
        return fail(Code::kInvalidArgument, "the macro " + quoted(macro.name.bytes()) + " got two values for " + quoted(name.bytes()));
      }
      given = &value;
    }
    if (given != nullptr) {
      ONDOL_TRY_STATUS(scope.set(parameter.symbol, *given));
    } else if (parameter.fallback != nullptr) {
      ONDOL_TRY(Value value, eval(*parameter.fallback));
      ONDOL_TRY_STATUS(scope.set(parameter.symbol, std::move(value)));
    } else {
      ONDOL_TRY_STATUS(scope.set(parameter.symbol, Value::undefined(parameter.name)));
    }
  }
  return bind_macro_rest(macro, arguments, scope);
}

// What no parameter takes: varargs, kwargs and caller, if the body names them.
Status Interpreter::bind_macro_rest(const MacroDefinition& macro, const Arguments& arguments, Scope& scope) {
  std::vector<Value> varargs;
  for (size_t i = macro.parameters.size(); i < arguments.positional.size(); ++i) varargs.push_back(arguments.positional[i]);
  if (!varargs.empty() && !macro.uses_varargs) {
    return fail(Code::kInvalidArgument, "the macro " + quoted(macro.name.bytes()) + " takes at most " +
                                            std::to_string(macro.parameters.size()) + " arguments, got " +
                                            std::to_string(arguments.positional.size()));
  }
  ONDOL_TRY(const Value kwargs, heap_.dict());
  Value caller = Value::undefined(program_.symbols[static_cast<size_t>(program_.caller)]);
  for (const auto& [name, value] : arguments.named) {
    bool taken = false;
    for (const Parameter& parameter : macro.parameters) taken = taken || parameter.name.bytes() == name.bytes();
    if (taken) continue;
    if (macro.uses_caller && name.bytes() == "caller") {
      caller = value;
    } else if (macro.uses_kwargs) {
      ONDOL_TRY_STATUS(kwargs.dict().set(name, value));
    } else {
      return fail(Code::kInvalidArgument, "the macro " + quoted(macro.name.bytes()) + " has no parameter " + quoted(name.bytes()));
    }
  }
  if (macro.uses_caller) ONDOL_TRY_STATUS(scope.set(program_.caller, caller));
  if (macro.uses_kwargs) ONDOL_TRY_STATUS(scope.set(program_.kwargs, kwargs));
  if (!macro.uses_varargs) return {};
  ONDOL_TRY(const Value rest, heap_.list(std::move(varargs), Kind::kTuple));
  return scope.set(program_.varargs, rest);
}

}  // namespace ondol::jinja
