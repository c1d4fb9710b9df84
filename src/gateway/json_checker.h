// Whether bytes that arrive one by one can still become a JSON object or array, and where in it they stand.
//
// Owner: one parser. One thread. Bounded: one byte of memory for each level, at most kMaxDepth levels; constant time for each byte.
// Two slips of small models are let through, for the caller to mend: control characters inside strings, and doubled braces ({{"a": 1}}),
// which models copy from templates that were themselves formatted twice.
#pragma once

#include <cstddef>
#include <string>

namespace ondol {

class JsonChecker {
 public:
  static constexpr size_t kMaxDepth = 64;
  enum class State {
    kValue,        // a value must come
    kObjectStart,  // behind '{': a key or '}'
    kArrayStart,   // behind '[': a value or ']'
    kKey,          // behind a comma in an object
    kColon,
    kAfter,  // behind a value: a comma or the end of what is around it
    kString,
    kEscape,
    kHex,
    kNumber,
    kLiteral,
    kDoubled,  // behind the first '}' of two
  };

  // False: nothing that begins like this is JSON. Afterwards the checker is of no more use.
  bool push(char c);

  State state() const { return state_; }
  size_t depth() const { return frames_.size(); }
  bool in_string() const { return state_ == State::kString || state_ == State::kEscape || state_ == State::kHex; }
  bool in_key() const { return key_ && in_string(); }
  // The outermost object or array is complete; of an object in doubled braces the last brace is still to come.
  bool done() const { return frames_.empty() && state_ == State::kAfter; }
  // The last byte was the second brace of two; JSON has it once.
  bool swallowed() const { return swallowed_; }

 private:
  bool structure(char c);
  bool value(char c);
  bool open(char frame, State state);
  bool close(char c);
  bool string(char c);
  bool number(char c);
  void begin_string(bool key);

  State state_ = State::kValue;
  std::string frames_;  // '{', '[', or 'D' for an object in doubled braces
  bool key_ = false;
  bool fresh_ = false;  // the last byte was '{'
  bool swallowed_ = false;
  int hex_ = 0;
  char number_ = 0;           // what the number's last byte was, see number()
  const char* literal_ = "";  // what must still come
};

bool is_json_space(char c);

}  // namespace ondol
