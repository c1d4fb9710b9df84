#include <boost/json/array.hpp>

#include "model/tokenizer_json.h"

namespace ondol {
namespace json = boost::json;

namespace {

struct DecoderReader {
  Spelling spelling;
  bool fused = false;
  size_t steps = 0;

  Status add(const json::value& value);
  Status add_replace(const json::object& object);
  Status add_strip(const json::object& object);
};

Status DecoderReader::add_replace(const json::object& object) {
  ONDOL_TRY(auto pattern, json_pattern(object, "decoder"));
  ONDOL_TRY(const std::string_view content, json_text(object, "content", "", "decoder"));
  if (pattern.is_regex()) return json_unsupported("decoder", "Replace with a Regex", "Replace with a String");
  // Many steps that each make the text longer would multiply.
  if (content.size() > pattern.text().size()) return json_unsupported("decoder", "Replace", "Replace by a text that is not longer");
  if (pattern.text().empty()) return json_wrong("decoder", "pattern", "a string that is not empty");
  spelling.replacements.emplace_back(pattern.text(), content);
  return {};
}

// Only what the known files have: one space, at the start of the whole text.
Status DecoderReader::add_strip(const json::object& object) {
  ONDOL_TRY(const std::string_view content, json_text(object, "content", " ", "decoder"));
  const json::value& start = json_member(object, "start");
  const json::value& stop = json_member(object, "stop");
  if (content != " " || !start.is_int64() || start.get_int64() > 1 || !stop.is_int64() || stop.get_int64() != 0 || !fused) {
    return json_unsupported("decoder", "Strip", "Strip of one space at the start, after Fuse");
  }
  spelling.strips_leading_space = start.get_int64() == 1;
  return {};
}

Status DecoderReader::add(const json::value& value) {
  ONDOL_TRY(const std::string_view type, json_type(value, "decoder"));
  const json::object& object = value.get_object();
  if (++steps > kMaxSteps) return json_too_many("decoder");
  if (type == "Sequence") {
    ONDOL_TRY(const json::array* list, json_sequence(value, "decoders", "decoder"));
    for (const json::value& step : *list) ONDOL_TRY_STATUS(add(step));
    return {};
  }
  if (type == "Replace") return add_replace(object);
  if (type == "Strip") return add_strip(object);
  if (type == "ByteLevel") {
    spelling.byte_level = true;
  } else if (type == "ByteFallback") {
    spelling.byte_fallback = true;
  } else if (type == "Fuse") {
    fused = true;
  } else if (type == "Metaspace") {
    ONDOL_TRY(const std::string_view mark, json_mark(object, "decoder"));
    ONDOL_TRY(const std::string_view scheme, json_prepend_scheme(object, "decoder"));
    spelling.replacements.emplace_back(mark, " ");
    spelling.strips_leading_space = scheme != "never";
  } else {
    return json_unsupported("decoder", type, "ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip, Sequence");
  }
  return {};
}

}  // namespace

Result<Spelling> read_decoder(const json::value& value) {
  DecoderReader reader;
  if (!value.is_null()) ONDOL_TRY_STATUS(reader.add(value));
  return std::move(reader.spelling);
}

namespace {

// A special token of a template by its name: its ids from the template's own table, which must be in the vocabulary.
Status add_special(const json::object& table, std::string_view name, const Vocabulary& vocab, std::vector<int32_t>& out) {
  constexpr std::string_view kWhere = "post_processor.special_tokens";
  const json::value& entry = json_member(table, name);
  if (!entry.is_object()) return json_wrong(kWhere, name, "an object");
  const json::value& ids = json_member(entry.get_object(), "ids");
  if (!ids.is_array() || ids.get_array().size() > kMaxSteps) return json_wrong(kWhere, "ids", "a short array");
  for (const json::value& id : ids.get_array()) {
    if (!id.is_int64()) return json_wrong(kWhere, "ids", "an array of integers");
    ONDOL_TRY(const int32_t checked, checked_id(vocab, id.get_int64(), "tokenizer.json: post_processor"));
    out.push_back(checked);
  }
  return {};
}

Status read_template(const json::object& object, const Vocabulary& vocab, Surroundings& out) {
  constexpr std::string_view kWhere = "post_processor";
  const json::value& single = json_member(object, "single");
  const json::value& table = json_member(object, "special_tokens");
  if (!single.is_array() || single.get_array().size() > kMaxSteps) return json_wrong(kWhere, "single", "a short array");
  bool after = false;
  for (const json::value& item : single.get_array()) {
    if (!item.is_object()) return json_wrong(kWhere, "single", "an array of objects");
    if (item.get_object().contains("Sequence")) {
      after = true;
      continue;
    }
    const json::value& special = json_member(item.get_object(), "SpecialToken");
    if (!special.is_object() || !table.is_object()) return json_wrong(kWhere, "single", "an array of Sequence and SpecialToken");
    ONDOL_TRY(const std::string_view name, json_text(special.get_object(), "id", "", kWhere));
    ONDOL_TRY_STATUS(add_special(table.get_object(), name, vocab, after ? out.after : out.before));
  }
  out.templated = true;
  return {};
}

// ["</s>", 2]
Result<int32_t> read_pair(const json::object& object, std::string_view key, const Vocabulary& vocab) {
  const json::value& pair = json_member(object, key);
  if (!pair.is_array() || pair.get_array().size() != 2 || !pair.get_array()[1].is_int64()) {
    return json_wrong("post_processor", key, "a token and its id");
  }
  return checked_id(vocab, pair.get_array()[1].get_int64(), "tokenizer.json: post_processor");
}

Status add_post_processor(const json::value& value, const Vocabulary& vocab, Surroundings& out) {
  ONDOL_TRY(const std::string_view type, json_type(value, "post_processor"));
  const json::object& object = value.get_object();
  if (type == "Sequence") {
    ONDOL_TRY(const json::array* list, json_sequence(value, "processors", "post_processor"));
    for (const json::value& step : *list) ONDOL_TRY_STATUS(add_post_processor(step, vocab, out));
    return {};
  }
  if (type == "ByteLevel") return {};  // corrects offsets only
  if (out.templated) return json_unsupported("post_processor", type, "one template");
  if (type == "TemplateProcessing") return read_template(object, vocab, out);
  if (type == "RobertaProcessing" || type == "BertProcessing") {
    ONDOL_TRY(const int32_t before, read_pair(object, "cls", vocab));
    ONDOL_TRY(const int32_t after, read_pair(object, "sep", vocab));
    out = {{before}, {after}, true};
    return {};
  }
  return json_unsupported("post_processor", type, "TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel, Sequence");
}

}  // namespace

Result<Surroundings> read_post_processor(const json::value& value, const Vocabulary& vocab) {
  Surroundings out;
  if (!value.is_null()) ONDOL_TRY_STATUS(add_post_processor(value, vocab, out));
  return out;
}

}  // namespace ondol
