// An answer on its way through the door: whole events are told apart, tokens counted, usage found and added to. Nothing else is changed.
//
// Pure; one thread at a time. Bounded: an event of more than kMaxEventBytes ends the looking: from there on bytes pass as they come.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ondol {

// What an answer's usage says, and where it stands in the text.
struct UsagePlace {
  int64_t prompt_tokens = -1, completion_tokens = -1;  // -1: it does not say
  size_t closing_bracket = 0;                          // of the object "usage"
  bool empty = false;                                  // the object
};

// The usage of a whole answer or of an event's data: "usage", or "usage" in "response"; input_tokens and output_tokens are taken as well.
// None if there is none or it is no object.
std::optional<UsagePlace> find_usage(std::string_view json);
// `text` with the field "ondol" in its usage.
std::string with_account(std::string_view text, const UsagePlace& place, std::string_view account_json);

struct EventSight {
  int tokens = 0;                   // 1 if it brings a piece of an answer
  bool last_usage = false;          // its usage is the one at the end, not one of those that vLLM sends with every piece on request
  bool is_done = false;             // "[DONE]"
  bool is_error = false;            // {"error": ...}
  std::optional<UsagePlace> usage;  // its place in the whole event
};
// `event`: one event with the empty line that ends it.
EventSight look_at_event(std::string_view event);

class EventSplitter {
 public:
  static constexpr size_t kMaxEventBytes = 4 << 20;
  using OnEvent = std::function<void(std::string_view event)>;

  // Calls on_event for each event that is whole now, and, once an event was too large, with whatever came.
  void push(std::string_view bytes, const OnEvent& on_event);
  // What came of an event that never ended.
  const std::string& rest() const { return held_; }
  bool gave_up() const { return gave_up_; }

 private:
  std::string held_;
  bool gave_up_ = false;
};

}  // namespace ondol
