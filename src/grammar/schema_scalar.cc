// Strings and numbers of a schema.
#include <algorithm>
#include <set>

#include "grammar/formats.h"
#include "grammar/regex.h"
#include "grammar/schema_compiler.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr uint64_t kMaxLength = 16'384;  // a longer maxLength counts as this: each character of it costs a node
constexpr uint32_t kMaxMultiple = 10'000;

// What holds for a string: everything of all parts.
struct StringDemands {
  uint64_t min = 0;
  std::optional<uint64_t> max;
  std::set<std::string> patterns;
  std::set<std::string> formats;
  std::string at = "#";

  bool none() const { return min == 0 && !max && patterns.empty() && formats.empty(); }
  std::string key() const {
    std::string out = std::to_string(min) + "," + (max ? std::to_string(*max) : "-");
    for (const std::string& pattern : patterns) out += "\np" + pattern;
    for (const std::string& format : formats) out += "\nf" + format;
    return out;
  }
};

Result<StringDemands> string_demands(const Conjunction& schema) {
  StringDemands out;
  for (const SchemaPart& part : schema.parts) {
    ONDOL_TRY(const auto min, count_keyword(part, "minLength"));
    ONDOL_TRY(const auto max, count_keyword(part, "maxLength"));
    ONDOL_TRY(const json::string* pattern, string_keyword(part, "pattern"));
    ONDOL_TRY(const json::string* format, string_keyword(part, "format"));
    if (min) out.min = std::max(out.min, *min);
    if (max) out.max = std::min(out.max.value_or(*max), *max);
    if (pattern != nullptr) out.patterns.emplace(*pattern);
    if (format != nullptr && !format_pattern(*format)) {
      return schema_error(part.at, "format", quoted(std::string_view(*format)) + " is not known; known are " + known_formats());
    }
    if (format != nullptr) out.formats.emplace(*format);
    if (min || max || pattern != nullptr || format != nullptr) out.at = part.at;
  }
  if (out.max && out.min > *out.max) return schema_error(out.at, "minLength", "is larger than maxLength: no string satisfies both");
  if (out.min > kMaxLength) return schema_error(out.at, "minLength", "above 16384 is not supported");
  if (out.max) out.max = std::min(*out.max, kMaxLength);
  return out;
}

}  // namespace

Result<std::optional<CharDfa>> SchemaCompiler::string_dfa(const Conjunction& schema) {
  ONDOL_TRY(const StringDemands demands, string_demands(schema));
  std::optional<CharDfa> out;
  const auto also = [&](std::string_view keyword, Result<CharDfa> dfa) -> Status {
    if (dfa && out) dfa = dfa_intersect(*out, *dfa, b_.budget());
    if (!dfa) return schema_error(demands.at, keyword, dfa.error());
    out = std::move(*dfa);
    return {};
  };
  for (const std::string& pattern : demands.patterns) {
    ONDOL_TRY_STATUS(also("pattern", compile_regex(pattern, RegexUse::kSearch, false, b_.budget())));
  }
  for (const std::string& format : demands.formats) {
    ONDOL_TRY_STATUS(also("format", compile_regex(*format_pattern(format), RegexUse::kWhole, false, b_.budget())));
  }
  if (demands.min > 0 || demands.max) {
    ONDOL_TRY_STATUS(also(demands.max ? "maxLength" : "minLength", dfa_of_length(demands.min, demands.max, b_.budget())));
  }
  if (out && out->empty()) return schema_error(demands.at, "pattern", "no string satisfies the pattern, format and lengths together");
  return out;
}

Result<RuleId> SchemaCompiler::string_rule(const Conjunction& schema) {
  ONDOL_TRY(const StringDemands demands, string_demands(schema));
  if (demands.none()) return json_.any_string();
  const auto known = string_rules_.find(demands.key());
  if (known != string_rules_.end()) return known->second;
  ONDOL_TRY(const auto dfa, string_dfa(schema));
  ONDOL_TRY(const RuleId rule, json_.rule_of(*dfa, CharCoding::kJsonString));
  string_rules_[demands.key()] = rule;
  return rule;
}

Result<std::optional<NumberRange>> SchemaCompiler::number_range(const Conjunction& schema, bool integer) const {
  NumberRange out{.lo = {}, .hi = {}, .integer = integer};
  uint64_t multiple = 1;
  for (const SchemaPart& part : schema.parts) {
    for (const bool strict : {false, true}) {
      ONDOL_TRY(const json::value* lo, number_keyword(part, strict ? "exclusiveMinimum" : "minimum"));
      ONDOL_TRY(const json::value* hi, number_keyword(part, strict ? "exclusiveMaximum" : "maximum"));
      if (lo != nullptr) {
        const NumberBound bound = number_bound(*lo, strict);
        const int order = out.lo ? compare(bound, *out.lo) : 1;
        if (order > 0 || (order == 0 && strict)) out.lo = bound;
      }
      if (hi != nullptr) {
        const NumberBound bound = number_bound(*hi, strict);
        const int order = out.hi ? compare(bound, *out.hi) : -1;
        if (order < 0 || (order == 0 && strict)) out.hi = bound;
      }
    }
    ONDOL_TRY(const json::value* step, number_keyword(part, "multipleOf"));
    if (step == nullptr) continue;
    const NumberBound bound = number_bound(*step, false);
    if (bound.negative || !bound.fraction.empty() || bound.whole == "0" || bound.whole.size() > 5) {
      return schema_error(part.at, "multipleOf", "only whole numbers from 1 to 10000 are supported");
    }
    const uint64_t here = std::stoull(bound.whole);
    uint64_t a = multiple;
    for (uint64_t b = here; b != 0;) a = std::exchange(b, a % b);
    multiple = multiple / a * here;
    if (multiple > kMaxMultiple) return schema_error(part.at, "multipleOf", "only whole numbers from 1 to 10000 are supported");
    out.integer = true;
  }
  out.multiple = static_cast<uint32_t>(multiple);
  if (out.lo && out.hi) {
    const int order = compare(*out.lo, *out.hi);
    if (order > 0 || (order == 0 && (out.lo->strict || out.hi->strict))) {
      return schema_error(schema.at(), "minimum", "is above the maximum: no number satisfies both");
    }
  }
  if (!out.lo && !out.hi && (multiple == 1) && (integer || !out.integer)) return std::nullopt;
  return out;
}

Result<RuleId> SchemaCompiler::number_rule(const Conjunction& schema, bool integer) {
  ONDOL_TRY(const auto range, number_range(schema, integer));
  if (!range) return integer ? json_.any_integer() : json_.any_number();
  auto dfa = dfa_of_numbers(*range, b_.budget());
  if (!dfa) return schema_error(schema.at(), "multipleOf", dfa.error());
  if (dfa->empty()) return schema_error(schema.at(), "minimum", "no number of at most 18 digits lies between the bounds");
  return json_.rule_of(*dfa, CharCoding::kUtf8);
}

}  // namespace ondol
