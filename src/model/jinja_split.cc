#include "model/jinja_split.h"

#include <algorithm>

#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

class Pieces {
 public:
  explicit Pieces(Heap& heap) : heap_(heap) {}

  Status add(std::string_view piece) {
    ONDOL_TRY_STATUS(heap_.step());
    ONDOL_TRY_STATUS(heap_.step_bytes(piece.size()));
    ONDOL_TRY(Value text, heap_.text(std::string(piece)));
    ONDOL_TRY_STATUS(heap_.room_for((pieces_.size() + 1) * sizeof(Value)));
    pieces_.push_back(std::move(text));
    return {};
  }
  Result<Value> finish(bool reversed) {
    if (reversed) std::reverse(pieces_.begin(), pieces_.end());
    return heap_.list(std::move(pieces_));
  }

 private:
  Heap& heap_;
  std::vector<Value> pieces_;
};

// Byte offset of the first white space, or of the first code point that is none.
size_t find_space(std::string_view text, bool wanted) {
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    if (is_space(next_point(text, at)) == wanted) return start;
  }
  return text.size();
}

// Where the word at the end of a text without trailing white space begins.
size_t last_word(std::string_view text) {
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
    size_t at = start;
    if (is_space(next_point(text, at))) return text.size();
    text = text.substr(0, start);
  }
  return 0;
}

Result<Value> split_words(Heap& heap, std::string_view text, int64_t most, bool from_right) {
  Pieces pieces(heap);
  ONDOL_TRY_STATUS(heap.step_points(text.size()));
  text = from_right ? strip_right(text) : strip_left(text);
  for (; !text.empty(); --most) {
    if (most == 0) {
      ONDOL_TRY_STATUS(pieces.add(from_right ? strip_right(text) : text));
      break;
    }
    if (from_right) {
      const size_t begin = last_word(text);
      ONDOL_TRY_STATUS(pieces.add(text.substr(begin)));
      text = strip_right(text.substr(0, begin));
    } else {
      const size_t end = find_space(text, true);
      ONDOL_TRY_STATUS(pieces.add(text.substr(0, end)));
      text = strip_left(text.substr(end));
    }
  }
  return pieces.finish(from_right);
}

}  // namespace

Status step_search(Heap& heap, std::string_view text, std::string_view wanted, bool from_right) {
  constexpr size_t kShort = 32;         // up to here a search runs at the speed of memory
  constexpr size_t kMost = 1ull << 40;  // more than any budget, and no overflow
  if (from_right) return heap.step_bytes(wanted.size() > kMost / (text.size() + 1) ? kMost : (wanted.size() + 1) * text.size());
  return wanted.size() <= kShort ? heap.step_bytes(text.size()) : heap.step_points(text.size());
}

Result<Value> split(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"sep", "maxsplit"}));
  ONDOL_TRY(int64_t most, integer_argument(name, given[1], -1));
  const bool from_right = name == "rsplit";
  std::string_view text = self.bytes();
  if (given[0].is_undefined() || given[0].is(Kind::kNone)) return split_words(heap, text, most < 0 ? INT64_MAX : most, from_right);
  ONDOL_TRY(const std::string_view separator, text_argument(name, given[0], ""));
  if (separator.empty()) return fail(Code::kInvalidArgument, std::string(name) + " needs a separator that is not empty");
  ONDOL_TRY_STATUS(step_search(heap, text, separator, from_right));
  Pieces pieces(heap);
  for (; most != 0; --most) {
    const size_t at = from_right ? text.rfind(separator) : find_text(text, separator);
    if (at == std::string_view::npos) break;
    const std::string_view before = text.substr(0, at);
    const std::string_view after = text.substr(at + separator.size());
    ONDOL_TRY_STATUS(pieces.add(from_right ? after : before));
    text = from_right ? before : after;
  }
  ONDOL_TRY_STATUS(pieces.add(text));
  return pieces.finish(from_right);
}

Result<Value> split_lines(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"keepends"}));
  const bool keep = given[0].is_number() && given[0].as_double() != 0;
  const std::string_view text = self.bytes();
  ONDOL_TRY_STATUS(heap.step_points(text.size()));
  Pieces pieces(heap);
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = at;
    const char32_t point = next_point(text, at);
    const bool breaks =
        (point >= '\n' && point <= '\r') || (point >= 0x1C && point <= 0x1E) || point == 0x85 || point == 0x2028 || point == 0x2029;
    if (!breaks) continue;
    if (point == '\r' && at < text.size() && text[at] == '\n') ++at;
    ONDOL_TRY_STATUS(pieces.add(text.substr(begin, (keep ? at : end) - begin)));
    begin = at;
  }
  if (begin < text.size()) ONDOL_TRY_STATUS(pieces.add(text.substr(begin)));
  return pieces.finish(false);
}

Result<Value> partition(Heap& heap, const Value& self, std::string_view name, const Arguments& arguments) {
  ONDOL_TRY(const auto given, bind(name, arguments, {"sep"}));
  ONDOL_TRY(const std::string_view separator, text_argument(name, given[0], ""));
  if (separator.empty()) return fail(Code::kInvalidArgument, std::string(name) + " needs a separator that is not empty");
  const std::string_view text = self.bytes();
  const bool from_right = name == "rpartition";
  ONDOL_TRY_STATUS(step_search(heap, text, separator, from_right));
  const size_t at = from_right ? text.rfind(separator) : find_text(text, separator);
  std::string_view parts[3] = {text, "", ""};
  if (at != std::string_view::npos) {
    parts[0] = text.substr(0, at);
    parts[1] = separator;
    parts[2] = text.substr(at + separator.size());
  } else if (from_right) {
    std::swap(parts[0], parts[2]);
  }
  std::vector<Value> values;
  for (const std::string_view part : parts) {
    ONDOL_TRY(Value value, heap.text(std::string(part)));
    values.push_back(std::move(value));
  }
  return heap.list(std::move(values), Kind::kTuple);
}

}  // namespace ondol::jinja
