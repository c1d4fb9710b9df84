#include <boost/json/array.hpp>

#include "model/tokenizer_json.h"
#include "model/tokenizer_utf8.h"

namespace ondol {
namespace json = boost::json;

namespace {

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

}  // namespace

std::unexpected<Error> json_wrong(std::string_view where, std::string_view key, std::string_view expected) {
  return fail(Code::kInvalidArgument,
              "tokenizer.json: " + std::string(where) + "." + std::string(key) + " must be " + std::string(expected));
}

std::unexpected<Error> json_unsupported(std::string_view where, std::string_view type, std::string_view supported) {
  return fail(Code::kUnimplemented, "tokenizer.json: " + std::string(where) + " of type " + quoted(type) +
                                        " is not supported; supported: " + std::string(supported));
}

std::unexpected<Error> json_too_many(std::string_view where) {
  return fail(Code::kInvalidArgument, "tokenizer.json: " + std::string(where) + " has more than " + std::to_string(kMaxSteps) + " steps");
}

const json::value& json_member(const json::object& object, std::string_view key) {
  static const json::value kNull;
  const json::value* found = object.if_contains({key.data(), key.size()});
  return found != nullptr ? *found : kNull;
}

Result<bool> json_flag(const json::object& object, std::string_view key, bool otherwise, std::string_view where) {
  const json::value& value = json_member(object, key);
  if (value.is_null()) return otherwise;
  if (!value.is_bool()) return json_wrong(where, key, "true or false");
  return value.get_bool();
}

Result<std::string_view> json_text(const json::object& object, std::string_view key, std::string_view otherwise, std::string_view where) {
  const json::value& value = json_member(object, key);
  if (value.is_null()) return otherwise;
  if (!value.is_string()) return json_wrong(where, key, "a string");
  return view(value.get_string());
}

Result<std::string_view> json_type(const json::value& value, std::string_view where) {
  if (!value.is_object()) return fail(Code::kInvalidArgument, "tokenizer.json: " + std::string(where) + " must be an object");
  const json::value& type = json_member(value.get_object(), "type");
  if (!type.is_string()) return json_wrong(where, "type", "a string");
  return view(type.get_string());
}

Result<const json::array*> json_sequence(const json::value& value, std::string_view key, std::string_view where) {
  const json::value& list = json_member(value.get_object(), key);
  if (!list.is_array()) return json_wrong(where, key, "an array");
  if (list.get_array().size() > kMaxSteps) return json_too_many(where);
  return &list.get_array();
}

Result<TextPattern> json_pattern(const json::object& object, std::string_view where) {
  const json::value& pattern = json_member(object, "pattern");
  if (pattern.is_object()) {
    if (const json::value& text = json_member(pattern.get_object(), "String"); text.is_string()) {
      return TextPattern::literal(std::string(view(text.get_string())));
    }
    if (const json::value& text = json_member(pattern.get_object(), "Regex"); text.is_string()) {
      return TextPattern::regex(view(text.get_string()));
    }
  }
  return json_wrong(where, "pattern", R"({"String": "..."} or {"Regex": "..."})");
}

Result<std::string_view> json_prepend_scheme(const json::object& object, std::string_view where) {
  ONDOL_TRY(const bool prefix, json_flag(object, "add_prefix_space", true, where));
  ONDOL_TRY(const std::string_view scheme, json_text(object, "prepend_scheme", prefix ? "always" : "never", where));
  if (scheme != "always" && scheme != "first" && scheme != "never") return json_wrong(where, "prepend_scheme", "always, first or never");
  return prefix ? scheme : "never";
}

Result<std::string_view> json_mark(const json::object& object, std::string_view where) {
  ONDOL_TRY(const std::string_view mark, json_text(object, "replacement", "\xE2\x96\x81", where));
  if (mark.empty() || decode_utf8(mark, 0).bytes != mark.size()) return json_wrong(where, "replacement", "one character");
  return mark;
}

namespace {

Status add_normalizer(const json::value& value, std::vector<Normalizer>& out) {
  using enum Normalizer::Kind;
  constexpr std::string_view kWhere = "normalizer";
  ONDOL_TRY(const std::string_view type, json_type(value, kWhere));
  const json::object& object = value.get_object();
  if (type == "Sequence") {
    ONDOL_TRY(const json::array* list, json_sequence(value, "normalizers", kWhere));
    for (const json::value& step : *list) ONDOL_TRY_STATUS(add_normalizer(step, out));
    return {};
  }
  if (out.size() == kMaxSteps) return json_too_many(kWhere);
  Normalizer step;
  if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
    step.kind = type == "NFC" ? kNfc : type == "NFD" ? kNfd : type == "NFKC" ? kNfkc : kNfkd;
  } else if (type == "Lowercase") {
    step.kind = kLowercase;
  } else if (type == "Strip") {
    step.kind = kStrip;
    ONDOL_TRY(step.left, json_flag(object, "strip_left", true, kWhere));
    ONDOL_TRY(step.right, json_flag(object, "strip_right", true, kWhere));
  } else if (type == "Prepend") {
    step.kind = kPrepend;
    ONDOL_TRY(step.content, json_text(object, "prepend", "", kWhere));
  } else if (type == "Replace") {
    step.kind = kReplace;
    ONDOL_TRY(step.content, json_text(object, "content", "", kWhere));
    ONDOL_TRY(auto pattern, json_pattern(object, kWhere));
    step.pattern = std::make_shared<const TextPattern>(std::move(pattern));
  } else {
    return json_unsupported(kWhere, type, "NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace, Sequence");
  }
  out.push_back(std::move(step));
  return {};
}

Result<SplitBehavior> read_behavior(const json::object& object) {
  using enum SplitBehavior;
  ONDOL_TRY(const std::string_view name, json_text(object, "behavior", "", "pre_tokenizer"));
  if (name == "Removed") return kRemoved;
  if (name == "Isolated") return kIsolated;
  if (name == "MergedWithPrevious") return kMergedWithPrevious;
  if (name == "MergedWithNext") return kMergedWithNext;
  if (name == "Contiguous") return kContiguous;
  return json_wrong("pre_tokenizer", "behavior",
                    "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous, not " + quoted(name));
}

// The families' rules cover all of a text, so that keeping the matches and isolating them is the same; the rules for digits do not.
bool is_rule(SplitRule rule, const PreStep& step) {
  if (step.behavior == SplitBehavior::kIsolated) return true;
  return step.behavior == SplitBehavior::kRemoved && step.invert && rule != SplitRule::kDigits && rule != SplitRule::kDigitRuns;
}

Status add_split(const json::object& object, PreSteps& out) {
  PreStep step = {.kind = PreStep::Kind::kPattern};
  ONDOL_TRY(auto pattern, json_pattern(object, "pre_tokenizer"));
  ONDOL_TRY(step.behavior, read_behavior(object));
  ONDOL_TRY(step.invert, json_flag(object, "invert", false, "pre_tokenizer"));
  const auto rule = pattern.is_regex() ? known_pattern(pattern.text()) : std::nullopt;
  if (rule && is_rule(*rule, step)) {
    step = {.rule = *rule};
  } else {
    step.pattern = std::make_shared<const TextPattern>(std::move(pattern));
  }
  out.steps.push_back(std::move(step));
  return {};
}

Status add_byte_level(const json::object& object, PreSteps& out) {
  ONDOL_TRY(const bool prefix, json_flag(object, "add_prefix_space", true, "pre_tokenizer"));
  ONDOL_TRY(const bool regex, json_flag(object, "use_regex", true, "pre_tokenizer"));
  if (prefix) out.steps.push_back({.kind = PreStep::Kind::kPrefix, .mark = " "});
  if (regex) out.steps.push_back({.rule = SplitRule::kGpt2});
  out.byte_level = true;
  return {};
}

Status add_metaspace(const json::object& object, PreSteps& out) {
  constexpr std::string_view kWhere = "pre_tokenizer";
  ONDOL_TRY(const std::string_view mark, json_mark(object, kWhere));
  ONDOL_TRY(const std::string_view scheme, json_prepend_scheme(object, kWhere));
  ONDOL_TRY(const bool split, json_flag(object, "split", true, kWhere));
  out.steps.push_back({.kind = PreStep::Kind::kMark, .mark = std::string(mark)});
  if (scheme != "never") {
    out.steps.push_back({.kind = scheme == "first" ? PreStep::Kind::kFirstPrefix : PreStep::Kind::kPrefix, .mark = std::string(mark)});
  }
  if (split) {
    out.steps.push_back({.kind = PreStep::Kind::kPattern,
                         .pattern = std::make_shared<const TextPattern>(TextPattern::literal(std::string(mark))),
                         .behavior = SplitBehavior::kMergedWithNext});
  }
  return {};
}

Status add_pre_tokenizer(const json::value& value, PreSteps& out) {
  constexpr std::string_view kWhere = "pre_tokenizer";
  ONDOL_TRY(const std::string_view type, json_type(value, kWhere));
  const json::object& object = value.get_object();
  if (type == "Sequence") {
    ONDOL_TRY(const json::array* list, json_sequence(value, "pretokenizers", kWhere));
    for (const json::value& step : *list) ONDOL_TRY_STATUS(add_pre_tokenizer(step, out));
    return {};
  }
  if (out.byte_level) return json_unsupported(kWhere, type, "nothing after ByteLevel, which spells the pieces in another alphabet");
  if (out.steps.size() >= kMaxSteps) return json_too_many(kWhere);
  if (type == "ByteLevel") return add_byte_level(object, out);
  if (type == "Split") return add_split(object, out);
  if (type == "Metaspace") return add_metaspace(object, out);
  if (type == "Digits") {
    ONDOL_TRY(const bool each, json_flag(object, "individual_digits", false, kWhere));
    out.steps.push_back({.rule = each ? SplitRule::kDigits : SplitRule::kDigitRuns});
    return {};
  }
  return json_unsupported(kWhere, type, "ByteLevel, Split, Digits, Metaspace, Sequence");
}

}  // namespace

Result<std::vector<Normalizer>> read_normalizer(const json::value& value) {
  std::vector<Normalizer> steps;
  if (!value.is_null()) ONDOL_TRY_STATUS(add_normalizer(value, steps));
  return steps;
}

Result<PreSteps> read_pre_tokenizer(const json::value& value) {
  PreSteps steps;
  if (!value.is_null()) ONDOL_TRY_STATUS(add_pre_tokenizer(value, steps));
  return steps;
}

}  // namespace ondol
