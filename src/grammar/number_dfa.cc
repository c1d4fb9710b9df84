#include "grammar/number_dfa.h"

#include <algorithm>
#include <charconv>
#include <compare>
#include <map>
#include <utility>

namespace ondol {
namespace {

constexpr int kFractionDigits = 15;  // of a number with a fraction, in all
constexpr int kIntegerDigits = 18;   // fits 64 bits
constexpr int kMaxDigits = 20;       // if the bounds have as many

int sign_of(int x) { return (x > 0) - (x < 0); }

int compare_magnitude(const NumberBound& a, const NumberBound& b) {
  if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -1 : 1;
  if (const int whole = a.whole.compare(b.whole); whole != 0) return sign_of(whole);
  return sign_of(a.fraction.compare(b.fraction));  // without trailing zeros the order of texts is that of numbers
}

// What has been read of a number, as far as it matters.
struct Read {
  enum Phase : uint8_t { kBegin, kMinus, kZero, kWhole, kPoint, kFraction };
  Phase phase = kBegin;
  bool negative = false;
  bool nonzero = false;
  uint8_t digits = 0;  // before the point
  uint8_t decimals = 0;
  int8_t lo = 0;  // how the digits so far compare with those of the bound; after the point: with the bound so far
  int8_t hi = 0;
  uint32_t rest = 0;  // modulo the multiple
  auto operator<=>(const Read&) const = default;
};

// The magnitude before the point against a bound's.
int8_t whole_order(int8_t order, int digits, const std::optional<NumberBound>& bound) {
  if (!bound) return 0;
  const int length = static_cast<int>(bound->whole.size());
  return static_cast<int8_t>(digits < length ? -1 : digits > length ? 1 : order);
}

int8_t with_digit(int8_t order, const std::string& digits, size_t at, char digit, char beyond) {
  if (order != 0) return order;
  const char other = at < digits.size() ? digits[at] : beyond;
  return static_cast<int8_t>(sign_of(digit - other));
}

class NumberMachine {
 public:
  explicit NumberMachine(const NumberRange& range) : range_(range) {
    whole_digits_ = range.integer ? kIntegerDigits : kFractionDigits;
    if (!range.integer) return;
    for (const auto* bound : {&range.lo, &range.hi}) {
      const auto length = *bound ? (*bound)->whole.size() : 0;
      if (length <= kMaxDigits) whole_digits_ = std::max(whole_digits_, static_cast<int>(length));
    }
  }

  std::optional<Read> step(Read read, char c) const {
    if (c == '-') {
      if (read.phase != Read::kBegin || (range_.lo && !range_.lo->negative)) return std::nullopt;
      read.phase = Read::kMinus;
      read.negative = true;
      return read;
    }
    if (c == '.') {
      if (range_.integer || (read.phase != Read::kZero && read.phase != Read::kWhole) || read.digits >= kFractionDigits)
        return std::nullopt;
      read.phase = Read::kPoint;
      read.lo = whole_order(read.lo, read.digits, range_.lo);
      read.hi = whole_order(read.hi, read.digits, range_.hi);
      return read;
    }
    read.nonzero = read.nonzero || c != '0';
    if (read.phase == Read::kPoint || read.phase == Read::kFraction) {
      if (read.digits + read.decimals >= kFractionDigits) return std::nullopt;
      if (range_.lo) read.lo = with_digit(read.lo, range_.lo->fraction, read.decimals, c, '0');
      if (range_.hi) read.hi = with_digit(read.hi, range_.hi->fraction, read.decimals, c, '0');
      ++read.decimals;
      read.phase = Read::kFraction;
      return read;
    }
    if (read.phase == Read::kZero || read.digits >= whole_digits_) return std::nullopt;
    if (range_.lo) read.lo = with_digit(read.lo, range_.lo->whole, read.digits, c, c);
    if (range_.hi) read.hi = with_digit(read.hi, range_.hi->whole, read.digits, c, c);
    read.phase = read.digits == 0 && c == '0' ? Read::kZero : Read::kWhole;
    ++read.digits;
    read.rest = static_cast<uint32_t>((uint64_t{read.rest} * 10 + static_cast<uint64_t>(c - '0')) % range_.multiple);
    return read;
  }

  bool accepts(const Read& read) const {
    if (read.phase != Read::kZero && read.phase != Read::kWhole && read.phase != Read::kFraction) return false;
    if (read.rest != 0 || (read.negative && !read.nonzero)) return false;
    return inside(read, range_.lo, read.lo, false) && inside(read, range_.hi, read.hi, true);
  }

 private:
  static bool inside(const Read& read, const std::optional<NumberBound>& bound, int8_t order, bool above) {
    if (!bound) return true;
    // A number and a bound of different signs need no digits.
    if (read.negative != bound->negative) return above ? read.negative : !read.negative;
    int8_t magnitude = read.phase == Read::kFraction ? order : whole_order(order, read.digits, bound);
    if (magnitude == 0 && read.decimals < bound->fraction.size()) magnitude = -1;
    const int number = read.negative ? -magnitude : magnitude;  // against the bound
    if (number == 0) return !bound->strict;
    return above ? number < 0 : number > 0;
  }

  const NumberRange& range_;
  int whole_digits_ = 0;
};

}  // namespace

NumberBound number_bound(const boost::json::value& number, bool strict) {
  std::string text;
  if (number.is_int64()) {
    text = std::to_string(number.get_int64());
  } else if (number.is_uint64()) {
    text = std::to_string(number.get_uint64());
  } else {
    char buffer[400];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, number.get_double(), std::chars_format::fixed).ptr;
    text.assign(buffer, end);
  }
  NumberBound out;
  out.strict = strict;
  out.negative = text.starts_with('-');
  if (out.negative) text.erase(0, 1);
  const size_t point = text.find('.');
  out.whole = text.substr(0, point);
  if (point != std::string::npos) out.fraction = text.substr(point + 1);
  while (out.fraction.ends_with('0')) out.fraction.pop_back();
  if (out.whole == "0" && out.fraction.empty()) out.negative = false;
  return out;
}

int compare(const NumberBound& a, const NumberBound& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  return a.negative ? -compare_magnitude(a, b) : compare_magnitude(a, b);
}

Result<CharDfa> dfa_of_numbers(const NumberRange& range, CompileBudget& budget) {
  constexpr std::string_view kAlphabet = "0123456789-.";
  const NumberMachine machine(range);
  CharDfa dfa;
  for (const char c : kAlphabet) dfa.classes.emplace_back(static_cast<char32_t>(c), static_cast<char32_t>(c));
  std::map<Read, uint32_t> ids = {{Read{}, dfa.add_state(false)}};
  std::vector<Read> work = {Read{}};
  for (size_t done = 0; done < work.size(); ++done) {
    for (size_t c = 0; c < kAlphabet.size(); ++c) {
      const auto next = machine.step(work[done], kAlphabet[c]);
      if (!next) continue;
      const auto [at, fresh] = ids.emplace(*next, static_cast<uint32_t>(dfa.states()));
      if (fresh) {
        dfa.add_state(machine.accepts(*next));
        work.push_back(*next);
      }
      dfa.at(done, c) = at->second;
    }
    ONDOL_TRY_STATUS(budget.check_time());
    if (dfa.states() > budget.limits().max_dfa_states) {
      return fail(Code::kInvalidArgument,
                  "the multiple of " + std::to_string(range.multiple) + " within these bounds needs too many states");
    }
  }
  return dfa_trim(dfa);
}

}  // namespace ondol
