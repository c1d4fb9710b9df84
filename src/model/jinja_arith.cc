// Arithmetic of template values.

#include <cmath>
#include <limits>

#include "model/jinja_ops.h"

namespace ondol::jinja {
namespace {

std::string_view symbol(Op op) {
  switch (op) {
    case Op::kAdd: return "+";
    case Op::kSub: return "-";
    case Op::kMul: return "*";
    case Op::kDiv: return "/";
    case Op::kFloorDiv: return "//";
    case Op::kMod: return "%";
    default: return "**";
  }
}

std::unexpected<Error> overflow(Op op) {
  return fail(Code::kInvalidArgument, "the result of " + std::string(symbol(op)) + " does not fit a 64-bit integer");
}

// Rounds towards minus infinity, as Python does. Precondition: b is not 0, and not -1 with the smallest a.
int64_t floor_div(int64_t a, int64_t b) { return a / b - ((a % b != 0 && (a % b < 0) != (b < 0)) ? 1 : 0); }

Result<Value> integer_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  if (base == 0 || base == 1 || base == -1) return Value::integer(exponent == 0 ? 1 : base == -1 && exponent % 2 == 0 ? 1 : base);
  for (int64_t i = 0; i < exponent; ++i) {  // at most 63 turns before it overflows
    if (__builtin_mul_overflow(result, base, &result)) return overflow(Op::kPow);
  }
  return Value::integer(result);
}

Result<Value> integers(Op op, int64_t a, int64_t b) {
  int64_t result = 0;
  const bool divides = op == Op::kDiv || op == Op::kFloorDiv || op == Op::kMod;
  if (divides && b == 0) return fail(Code::kInvalidArgument, "division by zero");
  const bool smallest = a == std::numeric_limits<int64_t>::min() && b == -1;
  switch (op) {
    case Op::kAdd:
      if (__builtin_add_overflow(a, b, &result)) return overflow(op);
      return Value::integer(result);
    case Op::kSub:
      if (__builtin_sub_overflow(a, b, &result)) return overflow(op);
      return Value::integer(result);
    case Op::kMul:
      if (__builtin_mul_overflow(a, b, &result)) return overflow(op);
      return Value::integer(result);
    case Op::kDiv: return Value::number(static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)));
    case Op::kFloorDiv:
      if (smallest) return overflow(op);
      return Value::integer(floor_div(a, b));
    case Op::kMod: return Value::integer(b == -1 ? 0 : a - floor_div(a, b) * b);
    default: break;
  }
  if (b < 0) {
    if (a == 0) return fail(Code::kInvalidArgument, "0 cannot be raised to a negative power");
    return Value::number(std::pow(static_cast<double>(a), static_cast<double>(b)));
  }
  return integer_power(a, b);
}

Result<Value> floats(Op op, double a, double b) {
  if (b == 0 && (op == Op::kDiv || op == Op::kFloorDiv || op == Op::kMod)) return fail(Code::kInvalidArgument, "division by zero");
  switch (op) {
    case Op::kAdd: return Value::number(a + b);
    case Op::kSub: return Value::number(a - b);
    case Op::kMul: return Value::number(a * b);
    case Op::kDiv: return Value::number(a / b);
    default: break;
  }
  if (op == Op::kPow) {
    if (a == 0 && b < 0) return fail(Code::kInvalidArgument, "0.0 cannot be raised to a negative power");
    const double result = std::pow(a, b);
    if (std::isnan(result) && !std::isnan(a) && !std::isnan(b)) {
      return fail(Code::kInvalidArgument, "a negative number to a fractional power is not real");
    }
    if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) return fail(Code::kInvalidArgument, "the result of ** is too large");
    return Value::number(result);
  }
  // The remainder has the divisor's sign; the quotient is what is left after taking it away.
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (rest < 0) != (b < 0)) {
    rest += b;
    quotient -= 1;
  }
  if (op == Op::kMod) return Value::number(rest == 0 ? std::copysign(0.0, b) : rest);
  if (quotient == 0) return Value::number(std::copysign(0.0, a / b));
  const double whole = std::floor(quotient);
  return Value::number(quotient - whole > 0.5 ? whole + 1 : whole);
}

Result<Value> repeat(Heap& heap, const Value& value, int64_t times) {
  const size_t count = times > 0 ? static_cast<size_t>(times) : 0;
  const bool text = value.is(Kind::kString);
  const size_t size = text ? value.bytes().size() : value.sequence().items.size();
  const size_t unit = text ? 1 : sizeof(Value);
  if (size > 0 && count > 0) ONDOL_TRY_STATUS(heap.room_for(count > heap.room() / size ? heap.room() + 1 : count * size * unit));
  ONDOL_TRY_STATUS(text ? heap.step_bytes(count * size) : heap.step(static_cast<int64_t>(size > 0 ? count * size / 4 : 0)));
  if (text) {
    std::string out;
    out.reserve(size > 0 ? count * size : 0);
    for (size_t i = 0; size > 0 && i < count; ++i) out += value.bytes();
    return heap.text(std::move(out));
  }
  std::vector<Value> out;
  const auto& items = value.sequence().items;
  for (size_t i = 0; size > 0 && i < count; ++i) out.insert(out.end(), items.begin(), items.end());
  return heap.list(std::move(out), value.kind());
}

Result<Value> join(Heap& heap, const Value& a, const Value& b) {
  if (a.is(Kind::kString)) {
    Builder out(heap);
    ONDOL_TRY_STATUS(out.add(a.bytes()));
    ONDOL_TRY_STATUS(out.add(b.bytes()));
    return out.finish();
  }
  const auto& left = a.sequence().items;
  const auto& right = b.sequence().items;
  ONDOL_TRY_STATUS(heap.step(static_cast<int64_t>(left.size() + right.size()) / 4));
  ONDOL_TRY_STATUS(heap.room_for((left.size() + right.size()) * sizeof(Value)));
  std::vector<Value> out(left);
  out.insert(out.end(), right.begin(), right.end());
  return heap.list(std::move(out), a.kind());
}

bool repeatable(const Value& value) { return value.is(Kind::kString) || value.is_sequence(); }

}  // namespace

Result<Value> arithmetic(Heap& heap, Op op, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return integers(op, a.as_int(), b.as_int());
    return floats(op, a.as_double(), b.as_double());
  }
  if (op == Op::kAdd && a.kind() == b.kind() && repeatable(a)) return join(heap, a, b);
  if (op == Op::kMul && repeatable(a) && b.is_integral()) return repeat(heap, a, b.as_int());
  if (op == Op::kMul && a.is_integral() && repeatable(b)) return repeat(heap, b, a.as_int());
  if (op == Op::kMod && a.is(Kind::kString)) return percent_format(heap, a.bytes(), b);
  for (const Value* value : {&a, &b}) {
    if (value->is_undefined()) return fail(Code::kInvalidArgument, value->undefined_message());
  }
  return fail(Code::kInvalidArgument, "\"" + std::string(symbol(op)) + "\" does not take " + std::string(type_name(a.kind())) + " and " +
                                          std::string(type_name(b.kind())));
}

Result<Value> negate(const Value& value) {
  if (value.is(Kind::kFloat)) return Value::number(-value.as_double());
  if (value.is_undefined()) return fail(Code::kInvalidArgument, value.undefined_message());
  if (!value.is_integral()) return fail(Code::kInvalidArgument, "\"-\" does not take " + std::string(type_name(value.kind())));
  if (value.as_int() == std::numeric_limits<int64_t>::min()) return overflow(Op::kSub);
  return Value::integer(-value.as_int());
}

}  // namespace ondol::jinja
