// Runs a parsed chat template once.
//
// Owner: ChatTemplate::render, for one call. One thread. Bounds: TemplateLimits; every node evaluated and every byte made is paid from the
// heap, recursion is counted by `depth_` whatever its cause (expressions, blocks, macros).
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/jinja_ast.h"
#include "model/jinja_builtins.h"
#include "model/jinja_value.h"

namespace ondol::jinja {

// Variables compared in about the time that one node takes to evaluate.
constexpr int64_t kScannedPerStep = 32;

// The variables of one block. Few of them, so a scan beats a map.
struct Scope : Object {
  Ref<Scope> parent;
  std::vector<std::pair<int, Value>> variables;  // by symbol

  explicit Scope(Ref<Scope> outer) : parent(std::move(outer)) {}
  // Here or further out; adds the number of variables looked at to `scanned`.
  const Value* find(int symbol, int64_t& scanned) const;
  Status set(int symbol, Value value);
  void clear() override {
    variables.clear();
    parent = Ref<Scope>();
  }
};

struct Macro : Object {
  const MacroDefinition* definition;
  Ref<Scope> scope;  // where it was defined; its body sees the variables there

  Macro(const MacroDefinition& what, Ref<Scope> where) : definition(&what), scope(std::move(where)) {}
  void clear() override { scope = Ref<Scope>(); }
};

// The `loop` variable. A loop with a condition finds its items one at a time, as Python's generators do: the condition may depend on
// what the body has set meanwhile.
struct Loop : Object {
  const Stmt* statement;
  Ref<Scope> outer;
  Value source;             // a list or tuple
  size_t next = 0;          // of the source
  std::vector<Value> kept;  // what passed the condition, if there is one
  size_t index = 0;         // of the current item
  Value changed;            // arguments of the last loop.changed()

  Loop(const Stmt& what, Ref<Scope> where, Value values) : statement(&what), outer(std::move(where)), source(std::move(values)) {}
  void clear() override {
    kept.clear();
    source = changed = Value();
    outer = Ref<Scope>();
  }
};

class Interpreter {
 public:
  Interpreter(const Program& program, const TemplateLimits& limits, int64_t now_unix_s)
      : program_(program), heap_(limits), now_unix_s_(now_unix_s) {}

  Result<std::string> run(const boost::json::object& context);

 private:
  enum class Flow { kNext, kBreak, kContinue };

  // Statements (jinja_exec.cc, jinja_loop.cc).
  Status load(const boost::json::object& context);
  Result<Flow> execute(const Body& body);
  Result<Flow> execute(const Stmt& stmt);
  Result<Flow> execute_if(const Stmt& stmt);
  Result<Flow> execute_for(const Stmt& stmt);
  Result<bool> execute_items(const Stmt& stmt, Loop& loop);
  Result<Flow> execute_in_scope(const Stmt& stmt);
  Status execute_call_block(const Stmt& stmt);
  Status print(const Value& value);
  Status emit(std::string_view text);
  // What `body` writes, in a scope of its own.
  Result<Value> capture(const Body& body, Ref<Scope> scope);
  Result<Value> filtered_block(const Stmt& stmt);
  Status assign(const Target& target, Value value);
  Result<Ref<Scope>> new_scope(Ref<Scope> parent);

  // Loops.
  Result<bool> loop_has(Loop& loop, size_t index);
  const Value& loop_item(const Loop& loop, size_t index) const;
  Result<Value> loop_attribute(Loop& loop, const Value& value, const Value& name);
  Result<Value> call_loop(Loop& loop, std::string_view method, const Arguments& arguments);

  // Expressions (jinja_eval.cc).
  Result<Value> eval(const Expr& expr);
  Result<Value> eval_node(const Expr& expr);
  Result<Value> lookup(int symbol);
  Result<Value> eval_sequence(const Expr& expr, Kind kind);
  Result<Value> eval_dict(const Expr& expr);
  Result<Value> eval_chain(const Expr& expr);
  Result<Value> eval_concat(const Expr& expr);
  Result<Value> eval_compare(const Expr& expr);
  Result<Value> eval_logical(const Expr& expr);
  Result<Value> eval_ternary(const Expr& expr);
  Result<Value> eval_slice(const Expr& expr);
  Result<Value> eval_item(const Expr& expr);
  Result<Value> eval_attribute(const Expr& expr);
  Result<Value> eval_filter(const Expr& expr);
  Result<Value> eval_test(const Expr& expr);
  Result<Value> eval_call(const Expr& expr, Arguments extra);
  Result<Value> get_attribute(const Value& value, const Value& name);
  Status collect(const Expr& expr, Arguments& arguments);
  Result<Value> call(const Value& callee, const Arguments& arguments);
  Result<Value> call_macro(const Macro& macro, const Arguments& arguments);
  Status bind_macro(const MacroDefinition& macro, const Arguments& arguments, Scope& scope);
  Status bind_macro_rest(const MacroDefinition& macro, const Arguments& arguments, Scope& scope);

  std::unexpected<Error> too_deep() const;

  const Program& program_;
  Heap heap_;  // before everything that holds values
  const int64_t now_unix_s_;
  Ref<Scope> scope_;
  std::string output_;
  Value block_input_;  // of a filter block, until its first filter takes it
  int captures_ = 0;   // open: their text counts as values alive
  int depth_ = 0;
  int line_ = 1;  // of the operation under way, for errors
};

}  // namespace ondol::jinja
