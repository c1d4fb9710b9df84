// The tests of "is": types, comparisons, properties.

#include "model/jinja_builtins.h"
#include "model/jinja_ops.h"
#include "model/jinja_print.h"
#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

// The one argument that comparisons take.
Result<Value> operand(const Arguments& arguments) {
  if (arguments.positional.size() != 1 || !arguments.named.empty()) {
    return fail(Code::kInvalidArgument, "this test takes one argument, got " + std::to_string(arguments.positional.size()));
  }
  return arguments.positional[0];
}

template <bool (*holds)(const Value&)>
Result<bool> property(Heap&, const Value& input, const Arguments& arguments) {
  if (!arguments.positional.empty() || !arguments.named.empty()) return fail(Code::kInvalidArgument, "this test takes no arguments");
  return holds(input);
}

template <Op kOp>
Result<bool> comparison(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const Value other, operand(arguments));
  return compare(heap, kOp, input, other);
}

Result<bool> same_as(Heap&, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const Value other, operand(arguments));
  if (input.kind() != other.kind()) return false;
  if (input.is(Kind::kFloat)) return input.as_double() == other.as_double();
  if (input.is_undefined() || input.is(Kind::kNone)) return true;
  if (input.is(Kind::kString)) return input.bytes() == other.bytes();
  return input.object() == other.object() && (input.object() != nullptr || input.as_int() == other.as_int());
}

template <int64_t kRest>
Result<bool> parity(Heap& heap, const Value& input, const Arguments&) {
  ONDOL_TRY(const Value rest, arithmetic(heap, Op::kMod, input, Value::integer(2)));
  return equal(heap, rest, Value::integer(kRest));
}

Result<bool> divisible(Heap& heap, const Value& input, const Arguments& arguments) {
  ONDOL_TRY(const Value other, operand(arguments));
  ONDOL_TRY(const Value rest, arithmetic(heap, Op::kMod, input, other));
  return equal(heap, rest, Value::integer(0));
}

template <CharClass kClass>
Result<bool> cased(Heap& heap, const Value& input, const Arguments&) {
  ONDOL_TRY(const Value text, to_text(heap, input));
  ONDOL_TRY_STATUS(heap.step_points(text.bytes().size()));
  return all_of_class(text.bytes(), kClass);
}

template <bool (*exists)(std::string_view)>
Result<bool> known(Heap&, const Value& input, const Arguments&) {
  return input.is(Kind::kString) && exists(input.bytes());
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is(Kind::kNone); }
bool is_boolean(const Value& v) { return v.is(Kind::kBool); }
bool is_true(const Value& v) { return v.is(Kind::kBool) && v.as_int() != 0; }
bool is_false(const Value& v) { return v.is(Kind::kBool) && v.as_int() == 0; }
bool is_integer(const Value& v) { return v.is(Kind::kInt); }
bool is_float(const Value& v) { return v.is(Kind::kFloat); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is(Kind::kString); }
bool is_mapping(const Value& v) { return v.is(Kind::kDict); }
// An undefined value loops zero times, so Jinja counts it among these two.
bool is_sequence(const Value& v) { return v.is_sequence() || v.is(Kind::kString) || v.is(Kind::kDict) || v.is_undefined(); }
bool is_iterable(const Value& v) { return is_sequence(v) || v.is(Kind::kLoop); }
bool is_callable(const Value& v) { return v.is(Kind::kFunction) || v.is(Kind::kMacro) || v.is(Kind::kMethod) || v.is_undefined(); }
bool is_escaped(const Value&) { return false; }
bool filter_exists(std::string_view name) { return find_filter(name) != nullptr; }
bool test_exists(std::string_view name) { return find_test(name) != nullptr; }

constexpr TestEntry kTests[] = {
    {"!=", comparison<Op::kNe>},
    {"<", comparison<Op::kLt>},
    {"<=", comparison<Op::kLe>},
    {"==", comparison<Op::kEq>},
    {">", comparison<Op::kGt>},
    {">=", comparison<Op::kGe>},
    {"boolean", property<is_boolean>},
    {"callable", property<is_callable>},
    {"defined", property<is_defined>},
    {"divisibleby", divisible},
    {"eq", comparison<Op::kEq>},
    {"equalto", comparison<Op::kEq>},
    {"escaped", property<is_escaped>},
    {"even", parity<0>},
    {"false", property<is_false>},
    {"filter", known<filter_exists>},
    {"float", property<is_float>},
    {"ge", comparison<Op::kGe>},
    {"greaterthan", comparison<Op::kGt>},
    {"gt", comparison<Op::kGt>},
    {"in", comparison<Op::kIn>},
    {"integer", property<is_integer>},
    {"iterable", property<is_iterable>},
    {"le", comparison<Op::kLe>},
    {"lessthan", comparison<Op::kLt>},
    {"lower", cased<CharClass::kLower>},
    {"lt", comparison<Op::kLt>},
    {"mapping", property<is_mapping>},
    {"ne", comparison<Op::kNe>},
    {"none", property<is_none>},
    {"number", property<is_number>},
    {"odd", parity<1>},
    {"sameas", same_as},
    {"sequence", property<is_sequence>},
    {"string", property<is_string>},
    {"test", known<test_exists>},
    {"true", property<is_true>},
    {"undefined", property<is_undefined>},
    {"upper", cased<CharClass::kUpper>},
};

}  // namespace

TestFn find_test(std::string_view name) {
  for (const TestEntry& entry : kTests) {
    if (entry.name == name) return entry.function;
  }
  return nullptr;
}

}  // namespace ondol::jinja
