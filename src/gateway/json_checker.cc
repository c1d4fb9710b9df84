#include "gateway/json_checker.h"

#include <string_view>
#include <utility>

namespace ondol {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

bool is_json_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

bool JsonChecker::push(char c) {
  swallowed_ = false;
  const bool fresh = std::exchange(fresh_, false);
  switch (state_) {
    case State::kString:
    case State::kEscape:
    case State::kHex: return string(c);
    case State::kNumber:
      if (number(c)) return true;
      if (!std::string_view("0ifx").contains(number_)) return false;
      state_ = State::kAfter;
      return structure(c);
    case State::kLiteral:
      if (c != *literal_) return false;
      if (*++literal_ == 0) state_ = State::kAfter;
      return true;
    case State::kDoubled:
      state_ = State::kAfter;
      swallowed_ = c == '}';
      return swallowed_ || structure(c);
    case State::kObjectStart:
      if (fresh && c == '{') {
        frames_.back() = 'D';
        return swallowed_ = true;
      }
      return structure(c);
    default: return structure(c);
  }
}

bool JsonChecker::structure(char c) {
  if (is_json_space(c)) return true;
  switch (state_) {
    case State::kValue: return value(c);
    case State::kArrayStart: return c == ']' ? close(c) : value(c);
    case State::kObjectStart:
      if (c == '}') return close(c);
      [[fallthrough]];
    case State::kKey:
      if (c != '"') return false;
      begin_string(true);
      return true;
    case State::kColon:
      if (c != ':') return false;
      state_ = State::kValue;
      return true;
    case State::kAfter:
      if (frames_.empty()) return false;
      if (c != ',') return close(c);
      state_ = frames_.back() == '[' ? State::kValue : State::kKey;
      return true;
    default: return false;
  }
}

bool JsonChecker::value(char c) {
  const auto literal = [&](const char* rest) {
    literal_ = rest;
    state_ = State::kLiteral;
    return true;
  };
  switch (c) {
    case '{': return open('{', State::kObjectStart);
    case '[': return open('[', State::kArrayStart);
    case '"': begin_string(false); return true;
    case 't': return literal("rue");
    case 'f': return literal("alse");
    case 'n': return literal("ull");
    default: break;
  }
  if (c != '-' && !is_digit(c)) return false;
  state_ = State::kNumber;
  number_ = is_digit(c) ? (c == '0' ? '0' : 'i') : '-';
  return true;
}

bool JsonChecker::open(char frame, State state) {
  if (frames_.size() == kMaxDepth) return false;
  frames_ += frame;
  state_ = state;
  fresh_ = frame == '{';
  return true;
}

bool JsonChecker::close(char c) {
  const char frame = frames_.back();
  if (c != (frame == '[' ? ']' : '}')) return false;
  frames_.pop_back();
  state_ = frame == 'D' && !frames_.empty() ? State::kDoubled : State::kAfter;
  return true;
}

void JsonChecker::begin_string(bool key) {
  key_ = key;
  state_ = State::kString;
}

bool JsonChecker::string(char c) {
  if (state_ == State::kEscape) {
    hex_ = 0;
    state_ = c == 'u' ? State::kHex : State::kString;
    return std::string_view("\"\\/bfnrtu").contains(c);
  }
  if (state_ == State::kHex) {
    if (++hex_ == 4) state_ = State::kString;
    return is_hex(c);
  }
  if (c == '\\') state_ = State::kEscape;
  if (c == '"') state_ = key_ ? State::kColon : State::kAfter;
  return true;
}

// number_ is '-', '0' (a leading zero), 'i' (integer digits), '.', 'f' (digits behind the point), 'e', 's' (the exponent's sign) or
// 'x' (its digits). False: the byte is no part of the number.
bool JsonChecker::number(char c) {
  const auto go = [&](char next) {
    number_ = next;
    return true;
  };
  switch (number_) {
    case '-': return is_digit(c) && go(c == '0' ? '0' : 'i');
    case '.':
    case 'f':
      if (is_digit(c)) return go('f');
      return number_ == 'f' && (c == 'e' || c == 'E') && go('e');
    case 'e':
      if (c == '+' || c == '-') return go('s');
      return is_digit(c) && go('x');
    case 's':
    case 'x': return is_digit(c) && go('x');
    default: break;
  }
  if (is_digit(c)) return number_ == 'i';
  if (c == '.') return go('.');
  return (c == 'e' || c == 'E') && go('e');
}

}  // namespace ondol
