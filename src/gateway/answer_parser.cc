#include "gateway/answer_parser.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ondol {
namespace {

constexpr std::string_view kFenceMark = "```";
constexpr std::array<std::string_view, 3> kFenceWords = {"", "json", "tool_call"};
// Models that double the braces do not always close as many as they opened.
constexpr int kExtraBraces = 2;

}  // namespace

AnswerParser::AnswerParser(AnswerSyntax syntax) : syntax_(std::move(syntax)), ids_(syntax_.id_seed) {
  gap_ = !syntax_.tools.empty();
  if (syntax_.reasoning) mode_ = syntax_.starts_in_reasoning ? Mode::kReasoning : Mode::kStart;
}

void AnswerParser::push(std::string_view text) {
  if (plain()) return emit(AnswerPart::Kind::kContent, text);
  for (const char c : text) {
    while (!consume(c)) {
    }
  }
}

void AnswerParser::finish() {
  const bool cut_call = mode_ == Mode::kObject && object_->begun();
  if (mode_ == Mode::kReasoning) {
    emit(AnswerPart::Kind::kReasoning, std::exchange(space_, {}) + std::exchange(held_, {}));
  } else if (mode_ == Mode::kTail || cut_call || (mode_ == Mode::kText && calls_ > 0)) {
    drop_held();  // space behind a call, or the start of its closing mark
  } else {
    give_up();
  }
}

std::vector<AnswerPart> AnswerParser::take_parts() { return std::exchange(parts_, {}); }

std::vector<AnswerParser::Span> AnswerParser::take_spans() { return std::exchange(spans_, {}); }

bool AnswerParser::consume(char c) {
  switch (mode_) {
    case Mode::kStart: return start(c);
    case Mode::kReasoning: return reasoning(c);
    case Mode::kText: return text(c);
    case Mode::kOpenTag: return open_tag(c);
    case Mode::kFence: return fence(c);
    case Mode::kBeforeObject: return before_object(c);
    case Mode::kObject: return object(c);
    case Mode::kTail: return tail(c);
  }
  return true;
}

// Before the first visible byte: reasoning may begin here and nowhere later.
bool AnswerParser::start(char c) {
  if (held_.empty() && is_json_space(c) && space_.size() < kMaxHeld) {
    space_ += c;
    return true;
  }
  if (syntax_.open_reasoning[held_.size()] == c) {
    held_ += c;
    if (held_ == syntax_.open_reasoning) {
      drop_held();
      mode_ = Mode::kReasoning;
    }
    return true;
  }
  mode_ = Mode::kText;
  const std::string space = std::exchange(space_, {});
  const std::string read = std::exchange(held_, {});
  push(space);
  push(read);
  return false;
}

bool AnswerParser::reasoning(char c) {
  if (held_.empty() && is_json_space(c)) {
    if (!reasoning_begun_) {
      drop(1);
    } else {
      space_ += c;
      if (space_.size() > kMaxHeld) emit(AnswerPart::Kind::kReasoning, std::exchange(space_, {}));
    }
    return true;
  }
  held_ += c;
  // A model may repeat the tag with which its prompt ended.
  const bool opens = !reasoning_begun_ && syntax_.open_reasoning.starts_with(held_);
  if (held_ == syntax_.close_reasoning || (opens && held_.size() == syntax_.open_reasoning.size())) {
    const bool closed = held_ == syntax_.close_reasoning;
    drop_held();
    if (closed) begin_gap();
    drop_space_ = closed;
    return true;
  }
  if (opens || syntax_.close_reasoning.starts_with(held_)) return true;
  held_.pop_back();
  const bool again = !held_.empty();
  reasoning_begun_ = true;
  emit(AnswerPart::Kind::kReasoning, std::exchange(space_, {}) + std::exchange(held_, {}));
  if (!again) emit(AnswerPart::Kind::kReasoning, {&c, 1});
  return !again;
}

bool AnswerParser::text(char c) {
  if (gap_ && is_json_space(c)) {
    hold_space(c);
    return true;
  }
  if (!syntax_.tools.empty()) {
    const bool tag = c == '<', fence = c == '`' && line_start_, bare = c == '{' && gap_;
    if (bare) {
      around_ = Around::kNothing;
      begin_object(c);
      return true;
    }
    if (tag || fence) {
      around_ = tag ? Around::kTag : Around::kFence;
      mode_ = tag ? Mode::kOpenTag : Mode::kFence;
      held_ = c;
      return true;
    }
  }
  flush_space();
  line_start_ = c == '\n' || (line_start_ && (c == ' ' || c == '\t'));
  emit(AnswerPart::Kind::kContent, {&c, 1});
  return true;
}

bool AnswerParser::open_tag(char c) {
  if (c != kCallOpen[held_.size()]) return give_up();
  held_ += c;
  if (held_.size() == kCallOpen.size()) mode_ = Mode::kBeforeObject;
  return true;
}

bool AnswerParser::fence(char c) {
  const std::string_view word = std::string_view(held_).substr(std::min(held_.size(), kFenceMark.size()));
  bool fits = held_.size() < kFenceMark.size() && c == '`';
  if (held_.size() >= kFenceMark.size()) {
    for (const std::string_view known : kFenceWords) {
      if (word == known && (is_json_space(c) || c == '{')) {
        mode_ = Mode::kBeforeObject;
        return false;
      }
      fits = fits || (known.starts_with(word) && known.size() > word.size() && known[word.size()] == c);
    }
  }
  if (!fits) return give_up();
  held_ += c;
  return true;
}

bool AnswerParser::before_object(char c) {
  if (is_json_space(c) && held_.size() < kMaxHeld) {
    held_ += c;
    return true;
  }
  if (c != '{') return give_up();
  begin_object(c);
  return true;
}

void AnswerParser::begin_object(char c) {
  mode_ = Mode::kObject;
  held_ += c;
  object_.emplace(syntax_.tools, around_ != Around::kTag);
  object_->push(c);
}

bool AnswerParser::object(char c) {
  const bool was_begun = object_->begun();
  const CallObject::Step step = object_->push(c);
  const bool bad = step == CallObject::Step::kBad;
  if (!was_begun && (bad || held_.size() >= kMaxHeld)) return give_up();
  if (!was_begun) held_ += c;
  if (was_begun && !bad) drop(1);
  if (!was_begun && object_->begun()) begin_call();
  if (object_->begun()) call_part({}, {}, object_->take_arguments());
  if (bad || step == CallObject::Step::kDone) {
    mode_ = Mode::kTail;
    extra_braces_ = around_ == Around::kNothing && !object_->doubled() ? 0 : kExtraBraces;
  }
  return !bad;
}

void AnswerParser::begin_call() {
  drop_held();
  drop_space_ = false;
  ++calls_;
  call_part(ids_.name("call_"), object_->name(), {});
}

void AnswerParser::call_part(std::string id, std::string name, std::string arguments) {
  if (calls_ > 1 && !syntax_.parallel_calls) return;
  if (id.empty() && arguments.empty()) return;
  append_part(parts_, {.kind = AnswerPart::Kind::kToolCall,
                       .text = std::move(arguments),
                       .call = calls_ - 1,
                       .call_id = std::move(id),
                       .name = std::move(name)});
}

// Behind a call: what closes it, or another object between the same marks.
bool AnswerParser::tail(char c) {
  if (!held_.empty()) return tail_close(c);
  if (is_json_space(c) && around_ != Around::kNothing) {
    hold_space(c);
    return true;
  }
  if (c == '}' && extra_braces_ > 0) {
    --extra_braces_;
    drop_held();
    drop(1);
    return true;
  }
  if (around_ != Around::kNothing && c == '{') {
    begin_object(c);
    return true;
  }
  if ((around_ == Around::kTag && c == '<') || (around_ == Around::kFence && c == '`')) {
    held_ = c;
    return true;
  }
  begin_gap();
  return false;
}

bool AnswerParser::tail_close(char c) {
  const std::string_view close = around_ == Around::kTag ? kCallClose : kFenceMark;
  const bool fits = c == close[held_.size()];
  if (fits) held_ += c;
  if (fits && held_.size() < close.size()) return true;
  begin_gap();
  if (fits) {
    drop_held();
  } else {
    push(std::exchange(held_, {}));  // shorter than the mark: it may start a new call
  }
  return fits;
}

void AnswerParser::begin_gap() {
  mode_ = Mode::kText;
  gap_ = true;
  line_start_ = true;
}

// What was held is content after all. Always false: the byte that showed it is still to be read.
bool AnswerParser::give_up() {
  mode_ = Mode::kText;
  flush_space();
  const std::string held = std::exchange(held_, {});
  emit(AnswerPart::Kind::kContent, held);
  for (const char c : held) line_start_ = c == '\n' || (line_start_ && (c == ' ' || c == '\t'));
  return false;
}

void AnswerParser::hold_space(char c) {
  space_ += c;
  line_start_ = c == '\n' || (line_start_ && c != '\r');
  if (space_.size() > kMaxHeld) flush_space();
}

void AnswerParser::flush_space() {
  gap_ = false;
  if (std::exchange(drop_space_, false)) {
    drop(std::exchange(space_, {}).size());
  } else {
    emit(AnswerPart::Kind::kContent, std::exchange(space_, {}));
  }
}

void AnswerParser::drop_held() { drop(std::exchange(space_, {}).size() + std::exchange(held_, {}).size()); }

void AnswerParser::emit(AnswerPart::Kind kind, std::string_view text) {
  if (text.empty()) return;
  settle(kind == AnswerPart::Kind::kContent ? Fate::kContent : Fate::kMarkup, text.size());
  append_part(parts_, {.kind = kind, .text = std::string(text), .call = 0, .call_id = {}, .name = {}});
}

void AnswerParser::settle(Fate fate, size_t bytes) {
  if (bytes == 0) return;
  settled_ += bytes;
  if (spans_.empty() || spans_.back().fate != fate) {
    spans_.push_back({fate, settled_});
  } else {
    spans_.back().end = settled_;
  }
}

}  // namespace ondol
