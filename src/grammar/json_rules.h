// Rules for JSON text as such: white space, strings, numbers, any value.
//
// Owner: one compilation, one thread. Each rule is made when first asked for, and once. Bounded: white space cannot run on (one space, or
// one line break and at most kMaxIndent columns), numbers have at most 15 digits on either side (18 for integers) and two in the exponent.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "grammar/char_rules.h"

namespace ondol {

inline constexpr int kMaxIndent = 32;

class JsonRules {
 public:
  JsonRules(AutomatonBuilder& builder, CharRules& chars) : b_(builder), chars_(chars) {}

  RuleId space();  // after [ { and , and before ] and }
  RuleId colon();  // with the space that may follow
  RuleId any_string();
  RuleId any_integer();
  RuleId any_number();
  RuleId any_value();
  RuleId any_object();
  RuleId any_array();
  RuleId boolean();

  // Between two nodes: `[` or `{`, any number of `item`s with commas, and the closing bracket.
  void add_list(NodeId from, char open, RuleId item, char close, NodeId to);
  // A rule for all texts of an automaton.
  Result<RuleId> rule_of(const CharDfa& dfa, CharCoding coding);

 private:
  RuleId from_pattern(std::string_view pattern, std::optional<RuleId>& rule);

  AutomatonBuilder& b_;
  CharRules& chars_;
  std::optional<RuleId> space_, colon_, string_, integer_, number_, value_, object_, array_, boolean_;
};

// A string as JSON text, quotes included, in its shortest spelling.
std::string json_quoted(std::string_view text);

}  // namespace ondol
