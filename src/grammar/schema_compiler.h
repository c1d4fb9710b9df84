// A JSON Schema as rules of an automaton: each value that it allows, in a canonical form.
//
// Owner: one compilation, one thread. Bounded by the builder's limits; no recursion: a schema met on the way becomes a rule that is filled
// later, so schemas that refer to themselves are calls in a circle.
//
// Canonical: properties in the order of the schema, then others; strings and numbers in the spellings of char_rules.h and number_dfa.h.
// A schema without `type` whose keywords speak of one type is taken to mean that type, and an object that names properties has no others
// unless `additionalProperties` says so: both allow less than the schema does, never more.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grammar/json_rules.h"
#include "grammar/number_dfa.h"
#include "grammar/schema_doc.h"

namespace ondol {

class SchemaCompiler {
 public:
  SchemaCompiler(const boost::json::value& schema, AutomatonBuilder& builder, CharRules& chars, JsonRules& json)
      : root_(schema), b_(builder), chars_(chars), json_(json) {}

  // The rule for the whole document. Errors: kInvalidArgument with the place and keyword.
  Result<RuleId> compile();

 private:
  struct Property {
    std::string name;
    bool required = false;
    std::vector<SchemaPart> schemas;  // all hold
  };
  // What may be said of an object, put together from all parts.
  struct ObjectShape {
    std::vector<Property> properties;
    bool open = false;                             // other keys are allowed
    std::vector<std::pair<RuleId, RuleId>> extra;  // (key with quotes, value)
    uint64_t min = 0;
    std::optional<uint64_t> max;
    bool never = false;
  };
  struct Pattern {
    std::string text;
    CharDfa narrow;  // keys that surely match
    CharDfa wide;    // keys that may match
  };
  struct Job {
    RuleId rule;
    Conjunction schema;
  };
  using Values = std::vector<const boost::json::value*>;

  // The rule of a value that satisfies all of these; filled now or later.
  Result<RuleId> rule_for(std::vector<SchemaPart> parts);
  Result<RuleId> rule_for(Conjunction schema);
  Status fill(const Job& job);
  Status check_circles() const;

  // anyOf and oneOf: a rule for each branch, with everything else that holds.
  Status fill_choice(const Job& job, size_t part, bool one);
  Status check_disjoint(const SchemaPart& part, const boost::json::array& branches);
  Result<bool> disjoint(const SchemaPart& a, const SchemaPart& b, int depth);
  Result<bool> disjoint_objects(const Conjunction& a, const Conjunction& b, int depth);

  // What a conjunction without open alternatives says.
  Result<TypeSet> types_of(const Conjunction& schema) const;
  Result<std::optional<Values>> values_of(const Conjunction& schema) const;
  Status fill_values(RuleId rule, const std::vector<std::string>& texts);
  // Those of `values` that all keywords allow, as JSON text.
  Result<std::vector<std::string>> allowed_texts(const Conjunction& schema, const Values& values);
  Status fill_types(const Job& job, TypeSet types);

  // Nothing: any string.
  Result<std::optional<CharDfa>> string_dfa(const Conjunction& schema);
  Result<RuleId> string_rule(const Conjunction& schema);
  Result<std::optional<NumberRange>> number_range(const Conjunction& schema, bool integer) const;
  Result<RuleId> number_rule(const Conjunction& schema, bool integer);
  Status fill_array(RuleId rule, const Conjunction& schema);
  Result<RuleId> item_rule(const Conjunction& schema, std::optional<size_t> index);

  Status fill_object(RuleId rule, const Conjunction& schema);
  Result<ObjectShape> object_shape(const Conjunction& schema);
  Status add_properties(const Conjunction& schema, ObjectShape& shape);
  Status add_extra(const Conjunction& schema, ObjectShape& shape);
  Status apply_names(const Conjunction& schema, const CharDfa& names, ObjectShape& shape);
  Result<std::optional<CharDfa>> names_dfa(const Conjunction& schema);
  Result<const Pattern*> pattern(const SchemaPart& part, std::string_view text);
  Result<const boost::json::object*> patterns_of(const SchemaPart& part);
  Status write_object(RuleId rule, const ObjectShape& shape);

  const boost::json::value& root_;
  AutomatonBuilder& b_;
  CharRules& chars_;
  JsonRules& json_;
  std::optional<SchemaDoc> doc_;
  std::map<std::vector<std::pair<const boost::json::value*, uint8_t>>, RuleId> rules_;
  std::vector<Job> jobs_;
  std::map<std::string, RuleId> string_rules_;  // by what holds for the string
  std::map<std::string, Pattern> patterns_;
  std::vector<std::pair<RuleId, RuleId>> choices_;  // (rule, rule of a branch)
  std::map<RuleId, std::string> places_;
};

}  // namespace ondol
