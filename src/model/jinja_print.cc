#include "model/jinja_print.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

std::unexpected<Error> too_deep(const Heap& heap) {
  return fail(Code::kResourceExhausted, "a value nests deeper than max_depth = " + std::to_string(heap.limits().max_depth));
}

std::string hex_escape(std::string_view prefix, char32_t point, int digits) {
  std::string out(prefix);
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kHex[(point >> shift) & 15];
  return out;
}

// Python's str.isprintable for one code point.
bool printable(char32_t point) {
  if (point == ' ') return true;
  const int8_t type = u_charType(static_cast<UChar32>(point));
  return type != U_CONTROL_CHAR && type != U_FORMAT_CHAR && type != U_SURROGATE && type != U_PRIVATE_USE_CHAR && type != U_UNASSIGNED &&
         type != U_LINE_SEPARATOR && type != U_PARAGRAPH_SEPARATOR && type != U_SPACE_SEPARATOR;
}

// Escaped text goes on in pieces: a string of control characters grows to six times its size, and the builder's limit has to see that.
constexpr size_t kPieceBytes = 4096;

Status flush(std::string& piece, Builder& out) {
  if (piece.size() < kPieceBytes) return {};
  ONDOL_TRY_STATUS(out.add(piece));
  piece.clear();
  return {};
}

// Double quotes only if that spares escaping, as Python does.
Status add_quoted(Builder& to, std::string_view text) {
  const char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t point = next_point(text, at);
    if (point == static_cast<char32_t>(quote) || point == '\\') {
      out += {'\\', static_cast<char>(point)};
    } else if (point == '\n' || point == '\r' || point == '\t') {
      out += point == '\n' ? "\\n" : point == '\r' ? "\\r" : "\\t";
    } else if (printable(point)) {
      out += text.substr(start, at - start);
    } else {
      out += point < 0x100 ? hex_escape("\\x", point, 2) : point < 0x10000 ? hex_escape("\\u", point, 4) : hex_escape("\\U", point, 8);
    }
    ONDOL_TRY_STATUS(flush(out, to));
  }
  return to.add(out + quote);
}

Status add_json_string(Builder& to, std::string_view text, bool ensure_ascii) {
  static constexpr std::string_view kPlain = "\"\\\n\r\t\f\b";
  static constexpr std::string_view kEscaped = "\"\\nrtfb";
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t point = next_point(text, at);
    if (const size_t simple = point < 0x80 ? kPlain.find(static_cast<char>(point)) : std::string_view::npos;
        simple != std::string_view::npos) {
      out += {'\\', kEscaped[simple]};
    } else if (point < 0x20 || (ensure_ascii && point > 0x7E && point < 0x10000)) {
      out += hex_escape("\\u", point, 4);
    } else if (ensure_ascii && point >= 0x10000) {
      out += hex_escape("\\u", 0xD800 + ((point - 0x10000) >> 10), 4);
      out += hex_escape("\\u", 0xDC00 + ((point - 0x10000) & 0x3FF), 4);
    } else {
      out += text.substr(start, at - start);
    }
    ONDOL_TRY_STATUS(flush(out, to));
  }
  return to.add(out + '"');
}

std::string scalar_text(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone: return "None";
    case Kind::kBool: return value.as_int() != 0 ? "True" : "False";
    case Kind::kInt: return std::to_string(value.as_int());
    case Kind::kFloat: return float_text(value.as_double());
    case Kind::kUndefined: return "Undefined";
    default: return "<" + std::string(type_name(value.kind())) + ">";
  }
}

class Printer {
 public:
  Printer(Heap& heap, Builder& out) : heap_(heap), out_(out) {}

  Status repr(const Value& value, int depth = 0) {
    ONDOL_TRY_STATUS(heap_.step());
    if (depth > heap_.limits().max_depth) return too_deep(heap_);
    if (value.is(Kind::kString)) {
      ONDOL_TRY_STATUS(heap_.step_points(value.bytes().size()));
      return add_quoted(out_, value.bytes());
    }
    if (value.is_sequence()) return repr_sequence(value, depth);
    if (value.is(Kind::kDict)) return repr_dict(value.dict(), depth);
    return out_.add(scalar_text(value));
  }

  Status json(const Value& value, const JsonStyle& style, int depth = 0) {
    ONDOL_TRY_STATUS(heap_.step());
    if (depth > heap_.limits().max_depth) return too_deep(heap_);
    switch (value.kind()) {
      case Kind::kNone: return out_.add("null");
      case Kind::kBool: return out_.add(value.as_int() != 0 ? "true" : "false");
      case Kind::kInt: return out_.add(std::to_string(value.as_int()));
      case Kind::kFloat: return out_.add(json_float(value.as_double()));
      case Kind::kString: return json_text(value, style);
      case Kind::kList:
      case Kind::kTuple: return json_list(value.sequence(), style, depth);
      case Kind::kDict: return json_dict(value.dict(), style, depth);
      case Kind::kUndefined: return fail(Code::kInvalidArgument, "tojson of an undefined value: " + value.undefined_message());
      default: return fail(Code::kInvalidArgument, "tojson cannot write a value of type " + std::string(type_name(value.kind())));
    }
  }

 private:
  Status json_text(const Value& text, const JsonStyle& style) {
    ONDOL_TRY_STATUS(heap_.step_points(text.bytes().size()));
    return add_json_string(out_, text.bytes(), style.ensure_ascii);
  }

  Status repr_sequence(const Value& value, int depth) {
    const bool tuple = value.is(Kind::kTuple);
    const Sequence& sequence = value.sequence();
    ONDOL_TRY_STATUS(out_.add(tuple ? "(" : "["));
    for (size_t i = 0; i < sequence.items.size(); ++i) {
      if (i > 0) ONDOL_TRY_STATUS(out_.add(", "));
      ONDOL_TRY_STATUS(repr(sequence.items[i], depth + 1));
    }
    if (tuple && sequence.items.size() == 1) ONDOL_TRY_STATUS(out_.add(","));
    return out_.add(tuple ? ")" : "]");
  }

  Status repr_dict(const Dict& dict, int depth) {
    ONDOL_TRY_STATUS(out_.add("{"));
    for (size_t i = 0; i < dict.entries.size(); ++i) {
      if (i > 0) ONDOL_TRY_STATUS(out_.add(", "));
      ONDOL_TRY_STATUS(repr(dict.entries[i].first, depth + 1));
      ONDOL_TRY_STATUS(out_.add(": "));
      ONDOL_TRY_STATUS(repr(dict.entries[i].second, depth + 1));
    }
    return out_.add("}");
  }

  static std::string json_float(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return float_text(value);
  }

  Status line_break(const JsonStyle& style, int depth) {
    if (!style.indented) return {};
    ONDOL_TRY_STATUS(out_.add("\n"));
    for (int i = 0; i < depth; ++i) ONDOL_TRY_STATUS(out_.add(style.indent));
    return {};
  }

  Status json_list(const Sequence& list, const JsonStyle& style, int depth) {
    if (list.items.empty()) return out_.add("[]");
    ONDOL_TRY_STATUS(out_.add("["));
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) ONDOL_TRY_STATUS(out_.add(style.item_separator));
      ONDOL_TRY_STATUS(line_break(style, depth + 1));
      ONDOL_TRY_STATUS(json(list.items[i], style, depth + 1));
    }
    ONDOL_TRY_STATUS(line_break(style, depth));
    return out_.add("]");
  }

  Status json_dict(const Dict& dict, const JsonStyle& style, int depth) {
    if (dict.entries.empty()) return out_.add("{}");
    std::vector<size_t> order(dict.entries.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    if (style.sort_keys) {
      std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return KeyLess()(dict.entries[a].first, dict.entries[b].first); });
    }
    ONDOL_TRY_STATUS(out_.add("{"));
    for (size_t i = 0; i < order.size(); ++i) {
      const auto& [key, value] = dict.entries[order[i]];
      if (i > 0) ONDOL_TRY_STATUS(out_.add(style.item_separator));
      ONDOL_TRY_STATUS(line_break(style, depth + 1));
      ONDOL_TRY_STATUS(json_key(key, style));
      ONDOL_TRY_STATUS(out_.add(style.key_separator));
      ONDOL_TRY_STATUS(json(value, style, depth + 1));
    }
    ONDOL_TRY_STATUS(line_break(style, depth));
    return out_.add("}");
  }

  Status json_key(const Value& key, const JsonStyle& style) {
    switch (key.kind()) {
      case Kind::kString: return json_text(key, style);
      case Kind::kNone: return out_.add("\"null\"");
      case Kind::kBool: return out_.add(key.as_int() != 0 ? "\"true\"" : "\"false\"");
      case Kind::kInt: return out_.add('"' + std::to_string(key.as_int()) + '"');
      case Kind::kFloat: return out_.add('"' + json_float(key.as_double()) + '"');
      default: return fail(Code::kInvalidArgument, "tojson cannot write a key of type " + std::string(type_name(key.kind())));
    }
  }

  Heap& heap_;
  Builder& out_;
};

}  // namespace

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 40> buffer{};
  auto* const first = buffer.data();
  auto* const last = first + buffer.size();
  // Python switches to an exponent below 1e-4 and from 1e16 on; to_chars only compares lengths, so the form is chosen here.
  const double size = std::fabs(value);
  const bool exponent = size != 0 && (size < 1e-4 || size >= 1e16);
  const auto end = std::to_chars(first, last, value, exponent ? std::chars_format::scientific : std::chars_format::fixed).ptr;
  std::string out(first, end);
  if (!exponent && out.find('.') == std::string::npos) out += ".0";
  return out;
}

Status append_repr(Heap& heap, Builder& out, const Value& value) { return Printer(heap, out).repr(value); }

Status append_text(Heap& heap, Builder& out, const Value& value) {
  if (value.is(Kind::kString)) return out.add(value.bytes());
  if (value.is_undefined()) return {};
  return append_repr(heap, out, value);
}

Result<Value> to_text(Heap& heap, const Value& value) {
  if (value.is(Kind::kString)) return value;
  Builder out(heap);
  ONDOL_TRY_STATUS(append_text(heap, out, value));
  return out.finish();
}

Status append_json(Heap& heap, Builder& out, const Value& value, const JsonStyle& style) { return Printer(heap, out).json(value, style); }

}  // namespace ondol::jinja
