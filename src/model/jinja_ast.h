// A parsed chat template: statements and expressions, ready to be run by many renders at once.
//
// Owner: the Program owns every node, and the texts that constants refer to. Immutable after parsing; any thread may read it.
// Bounds: made from at most max_source_bytes of source; nested at most max_depth deep, so recursion over it is bounded.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/jinja_builtins.h"
#include "model/jinja_value.h"

namespace ondol::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class Op : uint8_t { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow, kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };

enum class ExprKind : uint8_t {
  kConst,      // value
  kName,       // symbol
  kTuple,      // operands
  kList,       // operands
  kDict,       // operands: key, value, key, value
  kChain,      // operands[0] ops[0] operands[1] ops[1] ..., evaluated from the left: arithmetic
  kConcat,     // operands as text, joined
  kCompare,    // as kChain, every neighbouring pair has to hold
  kAnd,        // operands
  kOr,         // operands
  kNot,        // operands[0]
  kNegate,     // operands[0]
  kPlus,       // operands[0]
  kTernary,    // operands: condition, then[, else]
  kAttribute,  // operands[0] . value
  kItem,       // operands[0] [ operands[1] ]
  kSlice,      // operands[0] [ operands[1] : operands[2] : operands[3] ], absent bounds are null
  kCall,       // operands[0] ( operands[1..], named )
  kFilter,     // operands[0] | filter ( operands[1..], named ); operands[0] is null in a filter block
  kTest,       // operands[0] is test ( operands[1..], named )
};

// What calls have and other expressions lack.
struct CallParts {
  std::vector<std::pair<Value, ExprPtr>> named;
  ExprPtr splat;         // *sequence
  ExprPtr double_splat;  // **mapping
};

struct Expr {
  ExprKind kind = ExprKind::kConst;
  int line = 0;
  int depth = 1;    // of the tree below and with this node
  int symbol = -1;  // kName
  Value value;      // kConst; the name of an attribute, filter or test
  FilterFn filter = nullptr;
  TestFn test = nullptr;
  std::vector<Op> ops;
  std::vector<ExprPtr> operands;
  std::unique_ptr<CallParts> call;
};

struct Stmt;
using Body = std::vector<Stmt>;

// What an assignment writes to: a name, an attribute of a namespace, or a tuple of targets.
struct Target {
  int line = 0;
  int symbol = -1;                 // -1: a tuple
  Value attribute = {};            // undefined: the name itself
  std::vector<Target> parts = {};  // of a tuple
};

struct Parameter {
  int symbol = -1;
  Value name;
  ExprPtr fallback;  // null: none
};

// A macro, or the body of a call block (then without a name).
struct MacroDefinition;

enum class StmtKind : uint8_t {
  kText,         // text
  kPrint,        // exprs[0]
  kIf,           // exprs[i] guards bodies[i]; one more body is the else
  kFor,          // target, exprs[0] the values, exprs[1] the filter (or null), bodies[0], bodies[1] the else (may be empty)
  kSet,          // target, exprs[0]
  kSetBlock,     // target, bodies[0], exprs[0] a chain of filters (or null)
  kMacro,        // macro
  kCallBlock,    // exprs[0] the call, macro the body
  kFilterBlock,  // exprs[0] a chain of filters, bodies[0]
  kWith,         // targets of `with`, exprs their values, bodies[0]
  kScope,        // bodies[0] in a scope of its own
  kBreak,
  kContinue,
};

struct Stmt {
  StmtKind kind = StmtKind::kText;
  int line = 0;
  std::string text = {};
  Target target = {};
  std::vector<Target> targets = {};
  std::vector<ExprPtr> exprs = {};
  std::vector<Body> bodies = {};
  std::unique_ptr<MacroDefinition> macro = {};
};

struct MacroDefinition {
  int symbol = -1;  // -1: the body of a call block
  Value name;
  std::vector<Parameter> parameters;
  Body body;
  // Whether the body names these, and so accepts what they would hold.
  bool uses_caller = false;
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

struct Program {
  std::deque<Text> texts;  // what constants refer to; first, so that they outlive the values
  Body body;
  std::vector<Value> symbols;  // names of variables, by symbol
  std::map<std::string, int, std::less<>> symbol_of;
  // Symbols of the names that macros may use without declaring them.
  int caller = -1;
  int varargs = -1;
  int kwargs = -1;

  int intern(std::string_view name);
  Value constant(std::string text);
};

}  // namespace ondol::jinja
