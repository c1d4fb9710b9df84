// Text of a model to the parts of an answer: what is reasoning, what are calls of tools, what is content.
//
// Owner: one answer. One thread. Pure; the parts do not depend on how the text was cut. Linear time. Bounded: kMaxHeld bytes are held of
// what may still become a call, then they are content. Nothing is lost: what turns out to be no call is content, byte for byte.
//
// Reasoning stands between tags at the start of the answer. A call is {"name": ..., "arguments": {...}} with a known name
//   - between <tool_call> and </tool_call> anywhere in the content (the form of Hermes, Qwen and EXAONE 4),
//   - in a fenced block (```json) that starts a line (measured: what Qwen2.5-Coder writes instead),
//   - or alone, at the start of the content or behind another call (Llama 3.x).
// A call's arguments come as they are written, from the moment when its name is known. If its JSON breaks after that, the call ends there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/answer_part.h"
#include "gateway/call_object.h"
#include "gateway/ids.h"

namespace ondol {

inline constexpr std::string_view kCallOpen = "<tool_call>";
inline constexpr std::string_view kCallClose = "</tool_call>";

// What stands in an answer beside content. By default nothing: all text is content.
struct AnswerSyntax {
  bool reasoning = false;
  bool starts_in_reasoning = false;        // the prompt ends inside the tags
  std::string open_reasoning = "<think>";  // tags have '<' at their start and nowhere else
  std::string close_reasoning = "</think>";
  std::vector<std::string> tools;  // names that may be called; without one, calls are plain text
  bool parallel_calls = true;      // false: of several calls only the first counts, the others are left out
  uint64_t id_seed = 0;            // of the calls' ids
};

class AnswerParser {
 public:
  static constexpr size_t kMaxHeld = 256 << 10;
  // A stretch of the text and what became of it; kMarkup belongs to no content: tags, calls, reasoning, space around them.
  enum class Fate { kContent, kMarkup };
  struct Span {
    Fate fate;
    size_t end;  // in bytes from the start of the text
  };

  explicit AnswerParser(AnswerSyntax syntax);

  // Not after finish.
  void push(std::string_view text);
  void finish();

  // What was decided since the last take.
  std::vector<AnswerPart> take_parts();
  std::vector<Span> take_spans();

  bool in_reasoning() const { return mode_ == Mode::kReasoning; }
  bool plain() const { return !syntax_.reasoning && syntax_.tools.empty(); }

 private:
  enum class Mode { kStart, kReasoning, kText, kOpenTag, kFence, kBeforeObject, kObject, kTail };
  enum class Around { kTag, kFence, kNothing };
  // Each takes one byte, or returns false: the mode changed and the byte is still to be read.
  bool consume(char c);
  bool start(char c);
  bool reasoning(char c);
  bool text(char c);
  bool open_tag(char c);
  bool fence(char c);
  bool before_object(char c);
  bool object(char c);
  bool tail(char c);
  bool tail_close(char c);

  void begin_object(char c);
  void begin_call();
  void call_part(std::string id, std::string name, std::string arguments);
  bool give_up();
  void begin_gap();
  void flush_space();
  void hold_space(char c);
  void emit(AnswerPart::Kind kind, std::string_view text);
  void drop(size_t bytes) { settle(Fate::kMarkup, bytes); }
  void drop_held();
  void settle(Fate fate, size_t bytes);

  AnswerSyntax syntax_;
  IdSource ids_;
  Mode mode_ = Mode::kText;
  Around around_ = Around::kNothing;
  std::optional<CallObject> object_;
  std::string space_;  // white space whose meaning depends on what follows
  std::string held_;   // behind it: the start of a tag or a call, not decided
  int calls_ = 0;
  int extra_braces_ = 0;     // that the end of the call may still take
  bool gap_ = false;         // nothing but space since the start of the content, or since a call
  bool drop_space_ = false;  // space before the content is not part of it: it stands behind reasoning
  bool line_start_ = true;   // nothing but blanks in this line
  bool reasoning_begun_ = false;
  size_t settled_ = 0;
  std::vector<AnswerPart> parts_;
  std::vector<Span> spans_;
};

}  // namespace ondol
