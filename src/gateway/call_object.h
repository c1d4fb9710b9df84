// One call as models write it, {"name": "f", "arguments": {...}}, read byte by byte: whether it still can be one, and its arguments as
// they arrive.
//
// Owner: one AnswerParser. One thread; linear time. Bounded: holds the name and what came of the arguments before the name was known; the
// caller limits the bytes it pushes until `begun`. Also taken: the keys in any order, "parameters" for "arguments", arguments as a string
// of JSON (as OpenAI's API writes them), a "type" and an "id" beside them, doubled braces.
#pragma once

#include <string>
#include <vector>

#include "gateway/json_checker.h"

namespace ondol {

class CallObject {
 public:
  enum class Step { kMore, kDone, kBad };

  // `tools`: the known names; outlives it. `bare`: nothing but the object itself says that it is a call, so it must have arguments.
  CallObject(const std::vector<std::string>& tools, bool bare) : tools_(&tools), bare_(bare) {}

  // The first byte is '{'. kBad: the byte does not belong to a call; it was not taken.
  Step push(char c);

  // A known name and the start of its arguments were seen: from here on it is a call, even if it breaks off.
  bool begun() const { return named_ && arguments_ != Arguments::kNone; }
  bool doubled() const { return doubled_; }
  const std::string& name() const { return name_; }
  // JSON text of the arguments since the last take. A control character in a string is escaped; apart from that as the model wrote it.
  std::string take_arguments();

 private:
  enum class Arguments { kNone, kOpen, kComplete };
  enum class Field { kOther, kName, kArgumentsText };
  bool member(char c, JsonChecker::State before);
  bool end_of_key();
  bool begin_value(char c);
  bool end_of_string();
  bool open_text();
  Step end();

  const std::vector<std::string>* tools_;
  bool bare_;
  JsonChecker json_;
  std::string key_, name_, text_, out_;
  Field field_ = Field::kOther;
  Arguments arguments_ = Arguments::kNone;
  bool named_ = false;
  bool doubled_ = false;
};

}  // namespace ondol
