#include "model/jinja_lexer.h"

#include <array>

#include "model/jinja_literals.h"
#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<uint8_t>(c) >= 0x80; }

// One kind of line end, and without the last one (keep_trailing_newline is off).
std::string normalise(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalise(source)) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) {
      const size_t begin = next_tag();
      const char type = begin < source_.size() ? source_[begin + 1] : '\0';
      text_before(begin, type, sign_at(begin + 2));
      if (type == '\0') break;
      at_ = begin + 2;
      if (sign_at(at_) != '\0') ++at_;
      if (type == '#') {
        ONDOL_TRY_STATUS(comment());
      } else if (type == '%' && raw_begins()) {
        ONDOL_TRY_STATUS(raw());
      } else {
        ONDOL_TRY_STATUS(tag(type));
      }
    }
    push(TokenKind::kEnd);
    return std::move(tokens_);
  }

 private:
  size_t next_tag() const {
    for (size_t at = source_.find('{', at_); at != std::string::npos; at = source_.find('{', at + 1)) {
      if (at + 1 < source_.size() && (source_[at + 1] == '{' || source_[at + 1] == '%' || source_[at + 1] == '#')) return at;
    }
    return source_.size();
  }

  bool looking_at(std::string_view text) const { return std::string_view(source_).substr(at_).starts_with(text); }
  // '-' or '+' at `at`, else 0.
  char sign_at(size_t at) const { return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0'; }

  Token& push(TokenKind kind, std::string text = {}) {
    tokens_.push_back({.kind = kind, .line = line_, .text = std::move(text)});
    return tokens_.back();
  }

  // Moves to `end`, counting lines.
  void advance(size_t end) {
    for (; at_ < end; ++at_) line_ += source_[at_] == '\n' ? 1 : 0;
  }

  void skip_space() {
    while (at_ < source_.size()) {
      size_t next = at_;
      if (!is_space(next_point(source_, next))) return;
      advance(next);
    }
  }

  std::unexpected<Error> error(const std::string& what) const {
    return fail(Code::kInvalidArgument, "chat template line " + std::to_string(line_) + ": " + what);
  }

  // The text from here to `end`, stripped as the tag that follows asks for it ('\0': the end of the source).
  void text_before(size_t end, char tag_type, char sign) {
    std::string_view text = std::string_view(source_).substr(at_, end - at_);
    if (tag_type != '\0' && sign == '-') {
      text = strip_right(text);
    } else if (tag_type != '\0' && tag_type != '{' && sign != '+') {
      const size_t newline = text.rfind('\n');
      const size_t start = newline == std::string_view::npos ? 0 : newline + 1;
      if ((start > 0 || line_starting_) && strip(text.substr(start)).empty()) text = text.substr(0, start);
    }
    if (!text.empty()) push(TokenKind::kText, std::string(text));
    advance(end);
  }

  // Takes the end of a tag, `close` being "%}", "#}" or "}}", with what its sign or trim_blocks takes away after it.
  bool tag_end(std::string_view close) {
    const char sign = sign_at(at_);
    const size_t skip = sign != '\0' ? 1 : 0;
    if (!std::string_view(source_).substr(at_ + skip).starts_with(close) || (sign == '+' && close == "}}")) return false;
    advance(at_ + skip + close.size());
    if (sign == '-') {
      skip_space();
    } else if (sign == '\0' && close != "}}" && looking_at("\n")) {
      advance(at_ + 1);
    }
    line_starting_ = source_[at_ - 1] == '\n';
    return true;
  }

  Status comment() {
    const size_t close = source_.find("#}", at_);
    if (close == std::string::npos) return error("a comment that begins here has no end \"#}\"");
    advance(close > at_ && sign_at(close - 1) != '\0' ? close - 1 : close);
    tag_end("#}");
    return {};
  }

  // Whether "{%" (already taken, with its sign) begins a raw block; takes the rest of that tag if so.
  bool raw_begins() {
    const size_t start = at_;
    const int line = line_;
    skip_space();
    if (looking_at("raw")) {
      at_ += 3;
      skip_space();
      const bool strip_after = looking_at("-%}");
      if (strip_after || looking_at("%}")) {
        at_ += strip_after ? 3 : 2;
        if (strip_after) skip_space();
        line_starting_ = source_[at_ - 1] == '\n';
        return true;
      }
    }
    at_ = start;
    line_ = line;
    return false;
  }

  Status raw() {
    const size_t text_begin = at_;
    const int text_line = line_;
    for (size_t open = source_.find("{%", at_); open != std::string::npos; open = source_.find("{%", open + 1)) {
      const char sign = sign_at(open + 2);
      advance(open + 2 + (sign != '\0' ? 1 : 0));
      skip_space();
      if (!looking_at("endraw")) continue;
      advance(at_ + 6);
      skip_space();
      const size_t end = at_;
      if (sign_at(end) == '\0' && !looking_at("%}")) continue;
      at_ = text_begin;
      line_ = text_line;
      text_before(open, '%', sign);
      advance(end);
      if (tag_end("%}")) return {};
    }
    line_ = text_line;
    return error("a raw block that begins here has no \"{% endraw %}\"");
  }

  Status tag(char type) {
    const bool print = type == '{';
    const std::string_view close = print ? "}}" : "%}";
    push(print ? TokenKind::kPrintBegin : TokenKind::kBlockBegin);
    const int begin_line = line_;
    std::string open_brackets;
    while (true) {
      if (open_brackets.empty()) {
        const size_t token = tokens_.size();
        push(print ? TokenKind::kPrintEnd : TokenKind::kBlockEnd);
        if (tag_end(close)) return {};
        tokens_.resize(token);
      }
      if (at_ >= source_.size()) {
        line_ = begin_line;
        return error("a tag that begins here has no end \"" + std::string(close) + "\"");
      }
      ONDOL_TRY_STATUS(token(open_brackets));
    }
  }

  Status token(std::string& open_brackets) {
    const char c = source_[at_];
    size_t next = at_;
    if (is_space(next_point(source_, next))) {
      skip_space();
      return {};
    }
    if (is_digit(c)) return number();
    if (starts_name(c)) {
      const size_t start = at_;
      while (at_ < source_.size() && (starts_name(source_[at_]) || is_digit(source_[at_]))) ++at_;
      push(TokenKind::kName, source_.substr(start, at_ - start));
      return {};
    }
    if (c == '"' || c == '\'') return string(c);
    return operator_token(open_brackets);
  }

  Status operator_token(std::string& open_brackets) {
    static constexpr std::array<std::string_view, 6> kDouble = {"//", "**", "==", "!=", ">=", "<="};
    const char c = source_[at_];
    for (const std::string_view two : kDouble) {
      if (!looking_at(two)) continue;
      push(TokenKind::kOperator, std::string(two));
      at_ += 2;
      return {};
    }
    if (std::string_view("+-/*%~[](){}><=.:|,;").find(c) == std::string_view::npos) {
      size_t end = at_;
      next_point(source_, end);
      return error("unexpected character " + quoted(std::string_view(source_).substr(at_, end - at_)));
    }
    if (c == '(' || c == '[' || c == '{') open_brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open_brackets.empty() || open_brackets.back() != c) {
        return error("unexpected \"" + std::string(1, c) + "\"" +
                     (open_brackets.empty() ? std::string() : ", expected \"" + std::string(1, open_brackets.back()) + "\""));
      }
      open_brackets.pop_back();
    }
    push(TokenKind::kOperator, std::string(1, c));
    ++at_;
    return {};
  }

  Status number() {
    ONDOL_TRY(at_, located(read_number(source_, at_, push(TokenKind::kInteger))));
    return {};
  }

  Status string(char quote) {
    const size_t start = ++at_;
    size_t end = start;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return error("a string that begins here has no closing quote");
    ONDOL_TRY(std::string text, located(resolve_escapes(std::string_view(source_).substr(start, end - start))));
    push(TokenKind::kString, std::move(text));
    advance(end + 1);
    return {};
  }

  template <class T>
  Result<T> located(Result<T> result) const {
    if (!result) return error(result.error().message);
    return result;
  }

  const std::string source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // whether what was consumed last ended a line
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) {
  size_t bad_at = 0;
  if (!valid_utf8(source, bad_at)) {
    return fail(Code::kInvalidArgument, "the chat template is not valid UTF-8 at byte " + std::to_string(bad_at));
  }
  return Lexer(source).run();
}

}  // namespace ondol::jinja
