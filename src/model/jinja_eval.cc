// Expressions.

#include "model/jinja_interp.h"
#include "model/jinja_level.h"
#include "model/jinja_ops.h"
#include "model/jinja_print.h"

namespace ondol::jinja {

Result<Value> Interpreter::eval(const Expr& expr) {
  ONDOL_TRY_STATUS(heap_.step());
  if (expr.kind == ExprKind::kConst) return expr.value;
  if (expr.kind == ExprKind::kName) return lookup(expr.symbol);
  const Level level(depth_);
  if (depth_ > heap_.limits().max_depth) {
    line_ = expr.line;
    return too_deep();
  }
  return eval_node(expr);
}

Result<Value> Interpreter::eval_node(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kConst:
    case ExprKind::kName: break;
    case ExprKind::kTuple: return eval_sequence(expr, Kind::kTuple);
    case ExprKind::kList: return eval_sequence(expr, Kind::kList);
    case ExprKind::kDict: return eval_dict(expr);
    case ExprKind::kChain: return eval_chain(expr);
    case ExprKind::kConcat: return eval_concat(expr);
    case ExprKind::kCompare: return eval_compare(expr);
    case ExprKind::kAnd:
    case ExprKind::kOr:
    case ExprKind::kNot: return eval_logical(expr);
    case ExprKind::kNegate:
    case ExprKind::kPlus: {
      ONDOL_TRY(const Value operand, eval(*expr.operands[0]));
      line_ = expr.line;
      ONDOL_TRY(Value negative, negate(operand));
      if (expr.kind == ExprKind::kNegate) return negative;
      return operand.is(Kind::kBool) ? Value::integer(operand.as_int()) : operand;
    }
    case ExprKind::kTernary: return eval_ternary(expr);
    case ExprKind::kAttribute: return eval_attribute(expr);
    case ExprKind::kItem: return eval_item(expr);
    case ExprKind::kSlice: return eval_slice(expr);
    case ExprKind::kCall: return eval_call(expr, {});
    case ExprKind::kFilter: return eval_filter(expr);
    case ExprKind::kTest: return eval_test(expr);
  }
  return Value::none();
}

Result<Value> Interpreter::lookup(int symbol) {
  int64_t scanned = 0;
  const Value* found = scope_->find(symbol, scanned);
  ONDOL_TRY_STATUS(heap_.step(scanned / kScannedPerStep));
  if (found != nullptr) return *found;
  const Value& name = program_.symbols[static_cast<size_t>(symbol)];
  Global global{};
  if (find_global(name.bytes(), global)) return Value::function(static_cast<int64_t>(global));
  return Value::undefined(name);
}

Result<Value> Interpreter::eval_sequence(const Expr& expr, Kind kind) {
  std::vector<Value> items;
  items.reserve(expr.operands.size());
  for (const ExprPtr& operand : expr.operands) {
    ONDOL_TRY(Value item, eval(*operand));
    items.push_back(std::move(item));
  }
  return heap_.list(std::move(items), kind);
}

Result<Value> Interpreter::eval_dict(const Expr& expr) {
  ONDOL_TRY(Value result, heap_.dict());
  for (size_t i = 0; i + 1 < expr.operands.size(); i += 2) {
    ONDOL_TRY(const Value key, eval(*expr.operands[i]));
    ONDOL_TRY(Value value, eval(*expr.operands[i + 1]));
    line_ = expr.line;
    if (!hashable(key)) return fail(Code::kInvalidArgument, "a value of type " + std::string(type_name(key.kind())) + " cannot be a key");
    ONDOL_TRY_STATUS(result.dict().set(key, std::move(value)));
  }
  return result;
}

Result<Value> Interpreter::eval_chain(const Expr& expr) {
  ONDOL_TRY(Value left, eval(*expr.operands[0]));
  for (size_t i = 0; i < expr.ops.size();) {
    // A run of strings being added is built in one go: copying the sum at every "+" would be quadratic.
    if (left.is(Kind::kString) && expr.ops[i] == Op::kAdd) {
      Builder sum(heap_);
      ONDOL_TRY_STATUS(sum.add(left.bytes()));
      Value right;
      for (; i < expr.ops.size() && expr.ops[i] == Op::kAdd; ++i) {
        ONDOL_TRY(right, eval(*expr.operands[i + 1]));
        if (!right.is(Kind::kString)) break;
        ONDOL_TRY_STATUS(sum.add(right.bytes()));
      }
      ONDOL_TRY(left, sum.finish());
      if (i == expr.ops.size() || expr.ops[i] != Op::kAdd) continue;
      line_ = expr.line;
      ONDOL_TRY(left, arithmetic(heap_, Op::kAdd, left, right));
      ++i;
      continue;
    }
    ONDOL_TRY(const Value right, eval(*expr.operands[i + 1]));
    line_ = expr.line;
    ONDOL_TRY(left, arithmetic(heap_, expr.ops[i], left, right));
    ++i;
  }
  return left;
}

Result<Value> Interpreter::eval_concat(const Expr& expr) {
  Builder out(heap_);
  for (const ExprPtr& operand : expr.operands) {
    ONDOL_TRY(const Value piece, eval(*operand));
    line_ = expr.line;
    ONDOL_TRY_STATUS(append_text(heap_, out, piece));
  }
  return out.finish();
}

Result<Value> Interpreter::eval_compare(const Expr& expr) {
  ONDOL_TRY(Value left, eval(*expr.operands[0]));
  for (size_t i = 0; i < expr.ops.size(); ++i) {
    ONDOL_TRY(Value right, eval(*expr.operands[i + 1]));
    line_ = expr.line;
    ONDOL_TRY(const bool holds, compare(heap_, expr.ops[i], left, right));
    if (!holds) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

// "and" and "or" give the operand that decided, as in Python.
Result<Value> Interpreter::eval_logical(const Expr& expr) {
  Value value;
  for (const ExprPtr& operand : expr.operands) {
    ONDOL_TRY(value, eval(*operand));
    if (expr.kind == ExprKind::kNot) return Value::boolean(!truthy(value));
    if (truthy(value) == (expr.kind == ExprKind::kOr)) break;
  }
  return value;
}

Result<Value> Interpreter::eval_ternary(const Expr& expr) {
  ONDOL_TRY(const Value condition, eval(*expr.operands[0]));
  if (truthy(condition)) return eval(*expr.operands[1]);
  if (expr.operands.size() > 2) return eval(*expr.operands[2]);
  return Value();
}

Result<Value> Interpreter::get_attribute(const Value& value, const Value& name) {
  if (value.is(Kind::kLoop)) return loop_attribute(static_cast<Loop&>(*value.object()), value, name);
  return attribute(heap_, value, name);
}

Result<Value> Interpreter::eval_attribute(const Expr& expr) {
  ONDOL_TRY(const Value value, eval(*expr.operands[0]));
  line_ = expr.line;
  return get_attribute(value, expr.value);
}

Result<Value> Interpreter::eval_item(const Expr& expr) {
  ONDOL_TRY(const Value value, eval(*expr.operands[0]));
  ONDOL_TRY(const Value key, eval(*expr.operands[1]));
  line_ = expr.line;
  if (value.is(Kind::kLoop) && key.is(Kind::kString)) return get_attribute(value, key);
  return item(heap_, value, key);
}

Result<Value> Interpreter::eval_slice(const Expr& expr) {
  ONDOL_TRY(const Value value, eval(*expr.operands[0]));
  Value bounds[3] = {Value::none(), Value::none(), Value::none()};
  for (size_t i = 0; i < 3; ++i) {
    if (expr.operands[i + 1] == nullptr) continue;
    ONDOL_TRY(bounds[i], eval(*expr.operands[i + 1]));
  }
  line_ = expr.line;
  return slice(heap_, value, bounds[0], bounds[1], bounds[2]);
}

Result<Value> Interpreter::eval_filter(const Expr& expr) {
  Value input;
  if (expr.operands[0] == nullptr) {
    input = std::exchange(block_input_, Value());
  } else {
    ONDOL_TRY(input, eval(*expr.operands[0]));
  }
  Arguments arguments;
  ONDOL_TRY_STATUS(collect(expr, arguments));
  line_ = expr.line;
  return expr.filter(heap_, input, arguments);
}

Result<Value> Interpreter::eval_test(const Expr& expr) {
  ONDOL_TRY(const Value input, eval(*expr.operands[0]));
  Arguments arguments;
  ONDOL_TRY_STATUS(collect(expr, arguments));
  line_ = expr.line;
  ONDOL_TRY(const bool holds, expr.test(heap_, input, arguments));
  return Value::boolean(holds);
}

}  // namespace ondol::jinja
