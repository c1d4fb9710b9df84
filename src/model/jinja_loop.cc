// The for statement and its `loop` variable.

#include "model/jinja_interp.h"
#include "model/jinja_level.h"
#include "model/jinja_ops.h"

namespace ondol::jinja {

Result<Interpreter::Flow> Interpreter::execute_for(const Stmt& stmt) {
  ONDOL_TRY(const Value values, eval(*stmt.exprs[0]));
  line_ = stmt.line;
  ONDOL_TRY(Value source, iterate(heap_, values));
  ONDOL_TRY(Loop * made, heap_.make<Loop>(0, stmt, scope_, std::move(source)));
  const Ref<Loop> loop(made);
  const Level level(depth_);
  if (depth_ > heap_.limits().max_depth) return too_deep();
  ONDOL_TRY(const bool finished, execute_items(stmt, *loop));
  if (!finished) return execute(stmt.bodies[1]);
  return Flow::kNext;
}

// Returns whether the body was run to its end at least once: otherwise Jinja takes the else branch, also after a break or continue in
// every turn.
Result<bool> Interpreter::execute_items(const Stmt& stmt, Loop& loop) {
  static constexpr std::string_view kLoop = "loop";
  const auto loop_symbol = program_.symbol_of.find(kLoop);
  const Ref<Scope> outer = scope_;
  bool finished = false;
  for (loop.index = 0;; ++loop.index) {
    ONDOL_TRY(const bool more, loop_has(loop, loop.index));
    if (!more) break;
    ONDOL_TRY_STATUS(heap_.step());
    ONDOL_TRY(scope_, new_scope(outer));
    ONDOL_TRY_STATUS(assign(stmt.target, loop_item(loop, loop.index)));
    if (loop_symbol != program_.symbol_of.end()) ONDOL_TRY_STATUS(scope_->set(loop_symbol->second, Value(Kind::kLoop, &loop)));
    ONDOL_TRY(const Flow flow, execute(stmt.bodies[0]));
    if (flow == Flow::kBreak) break;
    finished = finished || flow == Flow::kNext;
  }
  scope_ = outer;
  return finished;
}

// Whether the loop has an item `index`; looks for it if it is not known yet.
Result<bool> Interpreter::loop_has(Loop& loop, size_t index) {
  const Expr* condition = loop.statement->exprs[1].get();
  const auto& items = loop.source.sequence().items;
  if (condition == nullptr) return index < items.size();
  while (loop.kept.size() <= index && loop.next < items.size()) {
    const Value candidate = items[loop.next++];
    ONDOL_TRY(Ref<Scope> scope, new_scope(loop.outer));
    Ref<Scope> current = std::exchange(scope_, std::move(scope));
    ONDOL_TRY_STATUS(assign(loop.statement->target, candidate));
    ONDOL_TRY(const Value holds, eval(*condition));
    scope_ = std::move(current);
    if (!truthy(holds)) continue;
    ONDOL_TRY_STATUS(heap_.charge(loop, sizeof(Value)));
    loop.kept.push_back(candidate);
  }
  return index < loop.kept.size();
}

const Value& Interpreter::loop_item(const Loop& loop, size_t index) const {
  return loop.statement->exprs[1] == nullptr ? loop.source.sequence().items[index] : loop.kept[index];
}

Result<Value> Interpreter::loop_attribute(Loop& loop, const Value& value, const Value& name) {
  const std::string& wanted = name.bytes();
  const auto index = static_cast<int64_t>(loop.index);
  if (wanted == "index") return Value::integer(index + 1);
  if (wanted == "index0") return Value::integer(index);
  if (wanted == "first") return Value::boolean(index == 0);
  if (wanted == "depth") return Value::integer(1);
  if (wanted == "depth0") return Value::integer(0);
  if (wanted == "last" || wanted == "nextitem") {
    ONDOL_TRY(const bool more, loop_has(loop, loop.index + 1));
    if (wanted == "last") return Value::boolean(!more);
    return more ? loop_item(loop, loop.index + 1) : Value::undefined(name, Kind::kLoop);
  }
  if (wanted == "previtem") {
    return index > 0 ? loop_item(loop, loop.index - 1) : Value::undefined(name, Kind::kLoop);
  }
  if (wanted == "length" || wanted == "revindex" || wanted == "revindex0") {
    size_t length = loop.source.sequence().items.size();
    if (loop.statement->exprs[1] != nullptr) {
      ONDOL_TRY_STATUS(loop_has(loop, length));
      length = loop.kept.size();
    }
    const auto count = static_cast<int64_t>(length);
    return Value::integer(wanted == "length" ? count : wanted == "revindex" ? count - index : count - index - 1);
  }
  if (wanted == "cycle" || wanted == "changed") {
    ONDOL_TRY(Method * method, heap_.make<Method>(0, value, name));
    return Value(Kind::kMethod, method);
  }
  return Value::undefined(name, Kind::kLoop);
}

Result<Value> Interpreter::call_loop(Loop& loop, std::string_view method, const Arguments& arguments) {
  if (method == "cycle") {
    if (arguments.positional.empty()) return fail(Code::kInvalidArgument, "loop.cycle needs the values to cycle through");
    return arguments.positional[loop.index % arguments.positional.size()];
  }
  ONDOL_TRY(Value now, heap_.list(arguments.positional, Kind::kTuple));
  ONDOL_TRY(const bool same, equal(heap_, loop.changed, now));
  loop.changed = std::move(now);
  return Value::boolean(!same);
}

}  // namespace ondol::jinja
