#include "gateway/call_object.h"

#include <algorithm>
#include <boost/json.hpp>
#include <string_view>
#include <utility>

namespace ondol {
namespace {

using State = JsonChecker::State;

constexpr size_t kMaxName = 64;  // OpenAI's limit for a function's name, and longer than any key here

void append_escaped(std::string& out, char c, bool in_string) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (!in_string || byte >= 0x20) {
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c == '\r') {
    out += "\\r";
  } else {
    out += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
  }
}

}  // namespace

CallObject::Step CallObject::push(char c) {
  const State before = json_.state();
  const bool in_string = json_.in_string();
  const size_t depth = json_.depth();
  if (!json_.push(c)) return Step::kBad;
  if (depth == 0) return Step::kMore;
  if (arguments_ == Arguments::kOpen) {
    if (!json_.swallowed()) append_escaped(out_, c, in_string);
    if (json_.depth() == 1) arguments_ = Arguments::kComplete;
  } else if (depth == 1 && !member(c, before)) {
    return Step::kBad;
  }
  return json_.done() ? end() : Step::kMore;
}

std::string CallObject::take_arguments() { return std::exchange(out_, {}); }

// A byte between the outermost braces.
bool CallObject::member(char c, State before) {
  if (json_.swallowed() && before == State::kObjectStart) doubled_ = true;
  if (before == State::kObjectStart || before == State::kKey) {
    key_.clear();
    return true;
  }
  if (before == State::kValue) return is_json_space(c) || begin_value(c);
  const bool was_in_string = before == State::kString || before == State::kEscape || before == State::kHex;
  if (!was_in_string) return true;
  if (json_.in_key()) {
    if (key_.size() <= kMaxName) key_ += c;
    return true;
  }
  if (json_.state() == State::kColon) return end_of_key();
  if (field_ == Field::kName && json_.in_string()) name_ += c;
  if (field_ == Field::kArgumentsText) text_ += c;
  return name_.size() <= kMaxName && (json_.in_string() || end_of_string());
}

// Any other key tells early that this object is no call; behind the arguments it does not matter.
bool CallObject::end_of_key() {
  for (const std::string_view known : {"name", "arguments", "parameters", "type", "id"}) {
    if (key_ == known) return true;
  }
  return begun();
}

bool CallObject::begin_value(char c) {
  field_ = Field::kOther;
  if (key_ == "name") {
    if (named_) return begun();
    field_ = Field::kName;
    return c == '"';
  }
  if (key_ != "arguments" && key_ != "parameters") return true;
  if (arguments_ != Arguments::kNone) return begun();
  if (c == '{') {
    arguments_ = Arguments::kOpen;
    out_ += c;
    return true;
  }
  field_ = Field::kArgumentsText;
  text_ = c;
  return c == '"';
}

bool CallObject::end_of_string() {
  const Field field = std::exchange(field_, Field::kOther);
  if (field == Field::kArgumentsText) return open_text();
  if (field != Field::kName) return true;
  named_ = std::find(tools_->begin(), tools_->end(), name_) != tools_->end();
  return named_;
}

// Arguments as a string: what is in it must be an object itself.
bool CallObject::open_text() {
  boost::system::error_code error;
  const boost::json::value decoded = boost::json::parse(text_, error);
  if (error || !decoded.is_string()) return false;
  JsonChecker inner;
  for (const char c : decoded.get_string()) {
    const bool in_string = inner.in_string();
    if (!inner.push(c)) return false;
    if (!inner.swallowed()) append_escaped(out_, c, in_string);
  }
  const bool blank = inner.state() == State::kValue && inner.depth() == 0;
  if (blank) out_ = "{}";
  arguments_ = Arguments::kComplete;
  return blank || (inner.done() && out_[out_.find_first_not_of(" \n\r\t")] == '{');
}

CallObject::Step CallObject::end() {
  if (begun()) return Step::kDone;
  if (!named_ || bare_) return Step::kBad;
  out_ = "{}";
  arguments_ = Arguments::kComplete;
  return Step::kDone;
}

}  // namespace ondol
