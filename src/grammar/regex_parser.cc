#include <map>
#include <optional>
#include <string>
#include <utility>

#include "grammar/regex.h"
#include "grammar/regex_reader.h"
#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

constexpr uint32_t kMaxCount = 10'000;

class RegexParser : private RegexReader {
 public:
  RegexParser(std::string_view pattern, bool wide, CompileBudget& budget) : RegexReader(pattern, wide), budget_(budget) {}

  Result<RegexTree> parse() {
    if (find_invalid_utf8(text_) != std::string_view::npos) return fail(Code::kInvalidArgument, "the pattern is not valid UTF-8");
    ONDOL_TRY(tree_.root, choice(0));
    if (at_ < text_.size()) return wrong("unmatched ')'");
    return std::move(tree_);
  }

 private:
  using Kind = RegexTree::Kind;

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
    ONDOL_TRY_STATUS(no_quantifier());
    return add({.kind = Kind::kRepeat, .min = min, .max = max, .children = {item}});
  }

  Status no_quantifier() {
    uint32_t unused = 0;
    if (peek() == '*' || peek() == '+' || peek() == '?') return wrong("nothing to repeat");
    ONDOL_TRY(const bool counted, counts(unused, unused));
    return counted ? Status(wrong("nothing to repeat")) : Status{};
  }

  // {n} {n,} {n,m}; anything else that begins with '{' is a literal brace.
  Result<bool> counts(uint32_t& min, uint32_t& max) {
    const size_t start = at_;
    if (!skip("{")) return false;
    const auto low = number(kMaxCount + 1);
    const bool comma = skip(",");
    const auto high = comma ? number(kMaxCount + 1) : low;
    // A literal to some engines, {0,m} to others.
    if (!low && comma && high && skip("}")) return wrong("write {0,m} instead of {,m}");
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

  Result<uint32_t> atom(int depth) {
    if (skip("(")) return group(depth);
    if (skip("^")) return add({.kind = Kind::kBegin, .children = {}});
    if (skip("$")) return add({.kind = Kind::kEnd, .children = {}});
    if (skip("."))
      return add_chars(
          CharSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}).intersect(wide_ ? CharSet('\n', '\n') : CharSet::any()).complement());
    if (skip("[")) return char_class();
    ONDOL_TRY_STATUS(no_quantifier());
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

  // After the '['.
  Result<uint32_t> char_class() {
    const bool negated = skip("^");
    if (peek() == ']') return wrong("an empty class, which engines read differently; write \\] for the bracket itself");
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

  CompileBudget& budget_;
  RegexTree tree_;
  std::map<CharSet, uint32_t> set_ids_;
};

}  // namespace

Result<RegexTree> parse_regex(std::string_view pattern, bool wide, CompileBudget& budget) {
  if (pattern.size() > budget.limits().max_source_bytes) return fail(Code::kInvalidArgument, "the pattern is too long");
  return RegexParser(pattern, wide, budget).parse();
}

}  // namespace ondol
