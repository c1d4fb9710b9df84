#include <map>
#include <optional>
#include <string>
#include <utility>

#include "grammar/regex.h"
#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

constexpr uint32_t kMaxCount = 10'000;
constexpr char32_t kEndOfPattern = 0xFFFFFFFF;

class RegexParser {
 public:
  RegexParser(std::string_view pattern, bool wide, CompileBudget& budget) : text_(pattern), wide_(wide), budget_(budget) {}

  Result<RegexTree> parse() {
    if (find_invalid_utf8(text_) != std::string_view::npos) return fail(Code::kInvalidArgument, "the pattern is not valid UTF-8");
    ONDOL_TRY(tree_.root, choice(0));
    if (at_ < text_.size()) return wrong("unmatched ')'");
    return std::move(tree_);
  }

 private:
  using Kind = RegexTree::Kind;

  std::unexpected<Error> wrong(const std::string& what) const {
    return fail(Code::kInvalidArgument, "pattern " + quoted(text_) + ", offset " + std::to_string(at_) + ": " + what);
  }

  char32_t peek() const { return at_ < text_.size() ? decode_utf8(text_, at_).point : kEndOfPattern; }
  char32_t take() {
    const Utf8Char c = decode_utf8(text_, at_);
    at_ += c.bytes;
    return c.point;
  }
  bool skip(std::string_view literal) {
    if (!text_.substr(at_).starts_with(literal)) return false;
    at_ += literal.size();
    return true;
  }

  uint32_t add(RegexTree::Node node) {
    tree_.nodes.push_back(std::move(node));
    return static_cast<uint32_t>(tree_.nodes.size() - 1);
  }
  uint32_t add_chars(CharSet set) {
    const auto [at, fresh] = set_ids_.emplace(set, static_cast<uint32_t>(tree_.sets.size()));
    if (fresh) tree_.sets.push_back(std::move(set));
    return add({.kind = Kind::kChars, .set = at->second, .children = {}});
  }

  // Branches up to a ')' or the end.
  Result<uint32_t> choice(int depth) {
    if (depth > budget_.limits().max_schema_depth) return wrong("groups nest too deep");
    RegexTree::Node node{.kind = Kind::kChoice, .children = {}};
    do {
      ONDOL_TRY(const uint32_t branch, concat(depth));
      node.children.push_back(branch);
    } while (skip("|"));
    return node.children.size() == 1 ? node.children[0] : add(std::move(node));
  }

  Result<uint32_t> concat(int depth) {
    RegexTree::Node node{.kind = Kind::kConcat, .children = {}};
    while (at_ < text_.size() && peek() != '|' && peek() != ')') {
      ONDOL_TRY_STATUS(budget_.check_time());
      ONDOL_TRY(uint32_t item, atom(depth));
      ONDOL_TRY(item, quantified(item));
      node.children.push_back(item);
    }
    return add(std::move(node));
  }

  Result<uint32_t> quantified(uint32_t item) {
    uint32_t min = 0;
    uint32_t max = RegexTree::kUnbounded;
    if (skip("?")) {
      max = 1;
    } else if (skip("+")) {
      min = 1;
    } else if (!skip("*")) {
      ONDOL_TRY(const bool counted, counts(min, max));
      if (!counted) return item;
    }
    const Kind kind = tree_.nodes[item].kind;
    if (kind == Kind::kBegin || kind == Kind::kEnd) return wrong("a quantifier after an anchor");
    skip("?");
    if (peek() == '*' || peek() == '+' || peek() == '?') return wrong("nothing to repeat");
    return add({.kind = Kind::kRepeat, .min = min, .max = max, .children = {item}});
  }

  // {n} {n,} {n,m}; anything else that begins with '{' is a literal brace.
  Result<bool> counts(uint32_t& min, uint32_t& max) {
    const size_t start = at_;
    if (!skip("{")) return false;
    const auto low = number();
    const bool comma = skip(",");
    const auto high = comma ? number() : low;
    if (!low || !skip("}")) {
      at_ = start;
      return false;
    }
    min = *low;
    max = high.value_or(RegexTree::kUnbounded);
    if (min > kMaxCount || (high && max > kMaxCount)) return wrong("a count above 10000");
    if (max < min) return wrong("counts out of order");
    return true;
  }

  std::optional<uint32_t> number() {
    if (peek() < '0' || peek() > '9') return std::nullopt;
    uint32_t value = 0;
    while (peek() >= '0' && peek() <= '9') value = std::min(value * 10 + static_cast<uint32_t>(take() - '0'), kMaxCount + 1);
    return value;
  }

  Result<uint32_t> atom(int depth) {
    if (skip("(")) return group(depth);
    if (skip("^")) return add({.kind = Kind::kBegin, .children = {}});
    if (skip("$")) return add({.kind = Kind::kEnd, .children = {}});
    if (skip("."))
      return add_chars(
          CharSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}).intersect(wide_ ? CharSet('\n', '\n') : CharSet::any()).complement());
    if (skip("[")) return char_class();
    if (peek() == '*' || peek() == '+' || peek() == '?') return wrong("nothing to repeat");
    if (skip("\\")) {
      if (peek() == 'b' || peek() == 'B') return wrong("word boundaries (\\b, \\B) are not supported; write out what may stand there");
      if ((peek() >= '1' && peek() <= '9') || peek() == 'k') return wrong("backreferences are not supported");
      ONDOL_TRY(CharSet set, escape());
      return add_chars(std::move(set));
    }
    const char32_t c = take();
    return add_chars(CharSet(c, c));
  }

  Result<uint32_t> group(int depth) {
    if (skip("?")) {
      if (skip("=") || skip("!") || skip("<=") || skip("<!")) return wrong("lookaround is not supported");
      if (skip("P<") || skip("<")) {
        while (at_ < text_.size() && peek() != '>') take();
        if (!skip(">")) return wrong("a group name without '>'");
      } else if (!skip(":")) {
        return wrong("this kind of group is not supported; use (...) or (?:...)");
      }
    }
    ONDOL_TRY(const uint32_t inside, choice(depth + 1));
    if (!skip(")")) return wrong("a group without ')'");
    // A node of its own, so that a quantifier after (^) repeats a group and not an anchor.
    return add({.kind = Kind::kConcat, .children = {inside}});
  }

  // After the backslash: a class escape or one character.
  Result<CharSet> escape() {
    if (at_ >= text_.size()) return wrong("a backslash at the end");
    const char32_t c = take();
    switch (c) {
      case 'd': return digit_chars(wide_);
      case 'D': return digit_chars(!wide_).complement();
      case 'w': return word_chars(wide_);
      case 'W': return word_chars(!wide_).complement();
      case 's': return space_chars(wide_);
      case 'S': return space_chars(!wide_).complement();
      case 'p': return property();
      case 'P': {
        ONDOL_TRY(const CharSet set, property());
        return set.complement();
      }
      default: break;
    }
    ONDOL_TRY(const char32_t one, char_escape(c));
    return CharSet(one, one);
  }

  Result<CharSet> property() {
    if (!skip("{")) return wrong("\\p without {");
    const size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) return wrong("\\p{ without }");
    const auto set = property_chars(text_.substr(at_, end - at_));
    if (!set) return wrong("an unknown character property");
    at_ = end + 1;
    return *set;
  }

  Result<char32_t> char_escape(char32_t c) {
    switch (c) {
      case 'n': return U'\n';
      case 't': return U'\t';
      case 'r': return U'\r';
      case 'f': return U'\f';
      case 'v': return U'\v';
      case '0':
        if (peek() >= '0' && peek() <= '9') return wrong("octal escapes are not supported");
        return U'\0';
      case 'c': {
        const char32_t letter = peek();
        if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'))) return wrong("\\c without a letter");
        return take() & 31;
      }
      case 'x': return hex(2);
      case 'u': return unicode_escape();
      default: break;
    }
    const bool name_char = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (name_char) return wrong("an unknown escape");
    return c;
  }

  Result<char32_t> unicode_escape() {
    if (skip("{")) {
      const size_t end = text_.find('}', at_);
      if (end == std::string_view::npos || end == at_ || end - at_ > 6) return wrong("\\u{ without 1 to 6 hexadecimal digits and }");
      ONDOL_TRY(const char32_t point, hex(end - at_));
      ++at_;
      if (point > kMaxScalar || (point >= 0xD800 && point <= 0xDFFF)) return wrong("not a character");
      return point;
    }
    ONDOL_TRY(const char32_t unit, hex(4));
    if (unit < 0xD800 || unit > 0xDFFF) return unit;
    if (unit > 0xDBFF || !skip("\\u")) return wrong("half a surrogate pair");
    ONDOL_TRY(const char32_t low, hex(4));
    if (low < 0xDC00 || low > 0xDFFF) return wrong("half a surrogate pair");
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }

  Result<char32_t> hex(size_t digits) {
    char32_t value = 0;
    for (size_t i = 0; i < digits; ++i) {
      const char32_t c = peek();
      char32_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = c - '0';
      } else if (c >= 'a' && c <= 'f') {
        digit = c - 'a' + 10;
      } else if (c >= 'A' && c <= 'F') {
        digit = c - 'A' + 10;
      } else {
        return wrong("an escape needs " + std::to_string(digits) + " hexadecimal digits");
      }
      value = value * 16 + digit;
      ++at_;
    }
    return value;
  }

  // After the '['.
  Result<uint32_t> char_class() {
    const bool negated = skip("^");
    std::vector<CharSet::Range> ranges;
    const auto add_set = [&](const CharSet& set) { ranges.insert(ranges.end(), set.ranges().begin(), set.ranges().end()); };
    const bool outer_wide = wide_;
    if (negated) wide_ = !wide_;  // what is taken out must be wide where the whole must be narrow
    while (at_ < text_.size() && peek() != ']') {
      ONDOL_TRY_STATUS(budget_.check_time());
      ONDOL_TRY(const CharSet low, class_item());
      const bool range = text_.substr(at_).starts_with("-") && !text_.substr(at_).starts_with("-]");
      if (!range) {
        add_set(low);
        continue;
      }
      ++at_;
      if (at_ >= text_.size()) break;
      ONDOL_TRY(const CharSet high, class_item());
      const auto single = [](const CharSet& set) { return set.ranges().size() == 1 && set.ranges()[0].lo == set.ranges()[0].hi; };
      if (!single(low) || !single(high)) return wrong("a range must run from one character to another");
      if (low.ranges()[0].lo > high.ranges()[0].lo) return wrong("a range out of order");
      ranges.push_back({low.ranges()[0].lo, high.ranges()[0].lo});
    }
    wide_ = outer_wide;
    if (!skip("]")) return wrong("a class without ']'");
    CharSet set(std::move(ranges));
    return add_chars(negated ? set.complement() : std::move(set));
  }

  Result<CharSet> class_item() {
    if (!skip("\\")) {
      const char32_t c = take();
      return CharSet(c, c);
    }
    if (skip("b")) return CharSet(8, 8);
    return escape();
  }

  std::string_view text_;
  bool wide_;
  CompileBudget& budget_;
  size_t at_ = 0;
  RegexTree tree_;
  std::map<CharSet, uint32_t> set_ids_;
};

}  // namespace

Result<RegexTree> parse_regex(std::string_view pattern, bool wide, CompileBudget& budget) {
  if (pattern.size() > budget.limits().max_source_bytes) return fail(Code::kInvalidArgument, "the pattern is too long");
  return RegexParser(pattern, wide, budget).parse();
}

}  // namespace ondol
