#include "grammar/grammar.h"

#include <algorithm>
#include <string>

#include "grammar/parse_states.h"
#include "grammar/regex.h"
#include "grammar/schema_compiler.h"
#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

constexpr uint32_t kMaxRepeat = 10'000;

class SpecCompiler {
 public:
  explicit SpecCompiler(AutomatonBuilder& builder) : b_(builder), chars_(builder), json_(builder, chars_) {}

  Result<RuleId> compile(const GrammarSpec& spec, int depth) {
    if (depth > kMaxSpecDepth) return fail(Code::kInvalidArgument, "the grammar's parts nest deeper than " + std::to_string(kMaxSpecDepth));
    ONDOL_TRY_STATUS(b_.check());
    return std::visit([&](const auto& part) { return rule(part, depth); }, spec.value);
  }

 private:
  Status count(size_t bytes) {
    source_bytes_ += bytes;
    const size_t max = b_.budget().limits().max_source_bytes;
    if (source_bytes_ <= max) return {};
    return fail(Code::kInvalidArgument, "the grammar's literals and patterns are larger than " + std::to_string(max) + " bytes");
  }

  Result<RuleId> rule(const GrammarSpec::Literal& part, int) {
    ONDOL_TRY_STATUS(count(part.bytes.size()));
    const RuleId rule = b_.rule();
    b_.literal(b_.entry(rule), part.bytes, b_.exit(rule));
    return rule;
  }

  Result<RuleId> rule(const GrammarSpec::Regex& part, int) {
    ONDOL_TRY_STATUS(count(part.pattern.size()));
    ONDOL_TRY(const CharDfa dfa, compile_regex(part.pattern, RegexUse::kWhole, false, b_.budget()));
    return json_.rule_of(dfa, CharCoding::kUtf8);
  }

  Result<RuleId> rule(const GrammarSpec::JsonSchema& part, int) { return SchemaCompiler(part.schema, b_, chars_, json_).compile(); }
  Result<RuleId> rule(const GrammarSpec::AnyJson&, int) { return json_.any_value(); }
  Result<RuleId> rule(const GrammarSpec::AnyJsonObject&, int) { return json_.any_object(); }

  Result<RuleId> rule(const GrammarSpec::FreeText& part, int) {
    for (const std::string& stop : part.stops) {
      ONDOL_TRY_STATUS(count(stop.size()));
      if (stop.empty() || find_invalid_utf8(stop) != std::string_view::npos) {
        return fail(Code::kInvalidArgument, "a stop of free text must be valid UTF-8 and not empty");
      }
    }
    ONDOL_TRY(const CharDfa dfa, dfa_without(part.stops, b_.budget()));
    return json_.rule_of(dfa, CharCoding::kUtf8);
  }

  Result<RuleId> rule(const GrammarSpec::Sequence& part, int depth) {
    const RuleId rule = b_.rule();
    NodeId at = b_.entry(rule);
    for (const GrammarSpec& child : part.parts) {
      ONDOL_TRY(const RuleId next, compile(child, depth + 1));
      at = b_.after(at, next);
    }
    b_.free(at, b_.exit(rule));
    return rule;
  }

  Result<RuleId> rule(const GrammarSpec::Choice& part, int depth) {
    const RuleId rule = b_.rule();
    for (const GrammarSpec& child : part.branches) {
      ONDOL_TRY(const RuleId branch, compile(child, depth + 1));
      b_.call(b_.entry(rule), branch, b_.exit(rule));
    }
    return rule;
  }

  Result<RuleId> rule(const GrammarSpec::Repeat& part, int depth) {
    if (part.child == nullptr) return fail(Code::kInvalidArgument, "a repetition of nothing");
    if (part.min > kMaxRepeat || part.max.value_or(0) > kMaxRepeat) {
      return fail(Code::kInvalidArgument, "a repetition of more than " + std::to_string(kMaxRepeat) + " times");
    }
    if (part.max && *part.max < part.min) return fail(Code::kInvalidArgument, "a repetition whose least number is above its largest");
    ONDOL_TRY(const RuleId child, compile(*part.child, depth + 1));
    const RuleId rule = b_.rule();
    NodeId at = b_.entry(rule);
    for (uint32_t i = 0; i < part.max.value_or(part.min); ++i) {
      if (i >= part.min) b_.free(at, b_.exit(rule));
      at = b_.after(at, child);
    }
    if (!part.max) {
      const NodeId loop = b_.node();
      b_.free(at, loop);
      b_.call(loop, child, loop);
      at = loop;
    }
    b_.free(at, b_.exit(rule));
    ONDOL_TRY_STATUS(b_.check());
    return rule;
  }

  AutomatonBuilder& b_;
  CharRules chars_;
  JsonRules json_;
  size_t source_bytes_ = 0;
};

}  // namespace

Result<std::shared_ptr<const Grammar>> Grammar::compile(const GrammarSpec& spec, const GrammarLimits& limits) {
  CompileBudget budget(limits);
  AutomatonBuilder builder(budget);
  ONDOL_TRY(const RuleId start, SpecCompiler(builder).compile(spec, 0));
  ONDOL_TRY(Automaton automaton, builder.finish(start, limits.max_answer_depth));
  ParseStates states(automaton);
  if (states.positions(states.start()) >= ParseStates::kMaxPositions) {
    return fail(Code::kInvalidArgument, "the grammar has more than " + std::to_string(ParseStates::kMaxPositions) +
                                            " alternatives at its beginning; use fewer branches");
  }
  return std::shared_ptr<const Grammar>(new Grammar(std::move(automaton)));
}

size_t Grammar::bytes() const {
  const Automaton& a = automaton_;
  return (a.byte_at.size() + a.free_at.size() + a.call_at.size() + a.free_edges.size()) * sizeof(uint32_t) +
         a.byte_edges.size() * sizeof(Automaton::ByteEdge) + a.call_edges.size() * sizeof(Automaton::CallEdge) + a.flags.size() +
         a.need.size();
}

}  // namespace ondol
