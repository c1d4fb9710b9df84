// What an answer must look like, as a tree of values that a caller writes down.
//
// Owner: value types, one thread at a time. Bounded by GrammarLimits when compiled (grammar/grammar.h); nesting by kMaxSpecDepth.
//
//   GrammarSpec call = spec_sequence({spec_literal("{\"name\": \"f\", \"arguments\": "), spec_schema(parameters), spec_literal("}")});
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ondol {

inline constexpr int kMaxSpecDepth = 64;

struct GrammarSpec {
  struct Literal {
    std::string bytes;
  };
  // An ECMA-262 pattern (grammar/regex.h says which subset) that the whole text must match.
  struct Regex {
    std::string pattern;
  };
  // JSON text that is valid against a JSON Schema (2020-12; grammar/README.md says which keywords).
  struct JsonSchema {
    boost::json::value schema;
  };
  struct AnyJson {};
  struct AnyJsonObject {};
  // Valid UTF-8 that contains none of these literals (each non-empty UTF-8); in a sequence, what follows may begin with one of them.
  struct FreeText {
    std::vector<std::string> stops;
  };
  struct Sequence {
    std::vector<GrammarSpec> parts;
  };
  struct Choice {
    std::vector<GrammarSpec> branches;
  };
  struct Repeat {
    std::shared_ptr<const GrammarSpec> child;
    uint32_t min = 0;
    std::optional<uint32_t> max;  // nothing: without limit
  };

  std::variant<Literal, Regex, JsonSchema, AnyJson, AnyJsonObject, FreeText, Sequence, Choice, Repeat> value;
};

inline GrammarSpec spec_literal(std::string bytes) { return {GrammarSpec::Literal{std::move(bytes)}}; }
inline GrammarSpec spec_regex(std::string pattern) { return {GrammarSpec::Regex{std::move(pattern)}}; }
inline GrammarSpec spec_schema(boost::json::value schema) { return {GrammarSpec::JsonSchema{std::move(schema)}}; }
inline GrammarSpec spec_any_json() { return {GrammarSpec::AnyJson{}}; }
inline GrammarSpec spec_any_object() { return {GrammarSpec::AnyJsonObject{}}; }
inline GrammarSpec spec_free_text(std::vector<std::string> stops) { return {GrammarSpec::FreeText{std::move(stops)}}; }
inline GrammarSpec spec_sequence(std::vector<GrammarSpec> parts) { return {GrammarSpec::Sequence{std::move(parts)}}; }
inline GrammarSpec spec_choice(std::vector<GrammarSpec> branches) { return {GrammarSpec::Choice{std::move(branches)}}; }
inline GrammarSpec spec_repeat(GrammarSpec child, uint32_t min, std::optional<uint32_t> max) {
  return {GrammarSpec::Repeat{std::make_shared<const GrammarSpec>(std::move(child)), min, max}};
}

}  // namespace ondol
