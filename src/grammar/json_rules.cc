#include "grammar/json_rules.h"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include "grammar/regex.h"

namespace ondol {

RuleId JsonRules::space() {
  if (space_) return *space_;
  const RuleId rule = b_.rule();
  const NodeId entry = b_.entry(rule);
  const NodeId exit = b_.exit(rule);
  b_.free(entry, exit);
  b_.byte(entry, ' ', exit);
  const NodeId line = b_.after(entry, "\n");
  for (const auto& [c, most] : {std::pair(' ', kMaxIndent), std::pair('\t', kMaxIndent / 2)}) {
    NodeId at = line;
    b_.free(at, exit);
    for (int i = 0; i < most; ++i) {
      at = b_.after(at, std::string_view(&c, 1));
      b_.free(at, exit);
    }
  }
  space_ = rule;
  return rule;
}

RuleId JsonRules::colon() {
  if (colon_) return *colon_;
  const RuleId rule = b_.rule();
  const NodeId after = b_.after(b_.entry(rule), ":");
  b_.free(after, b_.exit(rule));
  b_.byte(after, ' ', b_.exit(rule));
  colon_ = rule;
  return rule;
}

RuleId JsonRules::any_string() {
  if (string_) return *string_;
  CharDfa dfa;
  dfa.classes.push_back(CharSet::any());
  dfa.add_state(true);
  dfa.at(0, 0) = 0;
  const RuleId rule = b_.rule();
  const NodeId end = b_.node();
  (void)chars_.add(dfa, CharCoding::kJsonString, b_.after(b_.entry(rule), "\""), end);  // a limit that it passes shows in the next check()
  b_.byte(end, '"', b_.exit(rule));
  string_ = rule;
  return rule;
}

RuleId JsonRules::from_pattern(std::string_view pattern, std::optional<RuleId>& rule) {
  if (rule) return *rule;
  rule = b_.rule();
  const auto dfa = compile_regex(pattern, RegexUse::kWhole, false, b_.budget());
  if (dfa) (void)chars_.add(*dfa, CharCoding::kUtf8, b_.entry(*rule), b_.exit(*rule));
  return *rule;
}

RuleId JsonRules::any_integer() { return from_pattern("0|-?[1-9][0-9]{0,17}", integer_); }

RuleId JsonRules::any_number() { return from_pattern(R"(-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?)", number_); }

RuleId JsonRules::boolean() {
  if (boolean_) return *boolean_;
  const RuleId rule = b_.rule();
  b_.literal(b_.entry(rule), "true", b_.exit(rule));
  b_.literal(b_.entry(rule), "false", b_.exit(rule));
  boolean_ = rule;
  return rule;
}

RuleId JsonRules::any_value() {
  if (value_) return *value_;
  const RuleId rule = b_.rule();
  value_ = rule;  // before its parts, which ask for it
  b_.literal(b_.entry(rule), "null", b_.exit(rule));
  for (const RuleId part : {boolean(), any_number(), any_string(), any_array(), any_object()}) b_.call(b_.entry(rule), part, b_.exit(rule));
  return rule;
}

RuleId JsonRules::any_array() {
  if (array_) return *array_;
  const RuleId rule = b_.rule(true);
  array_ = rule;
  add_list(b_.entry(rule), '[', any_value(), ']', b_.exit(rule));
  return rule;
}

RuleId JsonRules::any_object() {
  if (object_) return *object_;
  const RuleId rule = b_.rule(true);
  object_ = rule;
  const RuleId member = b_.rule();
  b_.call(b_.after(b_.after(b_.entry(member), any_string()), colon()), any_value(), b_.exit(member));
  add_list(b_.entry(rule), '{', member, '}', b_.exit(rule));
  return rule;
}

void JsonRules::add_list(NodeId from, char open, RuleId item, char close, NodeId to) {
  const NodeId opened = b_.after(from, std::string_view(&open, 1));
  const NodeId before = b_.after(opened, space());
  const NodeId behind = b_.after(before, item);
  b_.call(b_.after(behind, ","), space(), before);
  const NodeId closing = b_.node();
  b_.call(opened, space(), closing);
  b_.call(behind, space(), closing);
  b_.byte(closing, close, to);
}

Result<RuleId> JsonRules::rule_of(const CharDfa& dfa, CharCoding coding) {
  const RuleId rule = b_.rule();
  NodeId from = b_.entry(rule);
  NodeId to = b_.exit(rule);
  if (coding == CharCoding::kJsonString) {
    from = b_.after(from, "\"");
    to = b_.node();
    b_.byte(to, '"', b_.exit(rule));
  }
  ONDOL_TRY_STATUS(chars_.add(dfa, coding, from, to));
  return rule;
}

std::string json_quoted(std::string_view text) { return boost::json::serialize(boost::json::string(text)); }

}  // namespace ondol
