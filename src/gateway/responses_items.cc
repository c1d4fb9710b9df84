#include "gateway/responses_items.h"

#include <boost/json.hpp>
#include <optional>

#include "endpoint/field_reader.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kTypes = "message, function_call, function_call_output, reasoning or item_reference";

bool text_type(std::string_view type) { return type == "input_text" || type == "output_text" || type == "text"; }

json::object text_part(std::string_view text, bool assistant) {
  json::object part;
  part["type"] = assistant ? "output_text" : "input_text";
  part["text"] = text;
  if (assistant) {
    part["annotations"] = json::array();
    part["logprobs"] = json::array();
  }
  return part;
}

ApiResult<std::string> required_text(FieldReader& fields, std::string_view name) {
  ONDOL_TRY(std::optional<std::string> text, fields.string(name));
  if (!text) return invalid_request(fields.path(name), fields.path(name) + " is missing.");
  return std::move(*text);
}

ApiResult<json::object> parse_part(const json::value& value, const std::string& path, bool assistant) {
  const json::object* object = value.if_object();
  if (object == nullptr) return invalid_request(path, path + " must be a content part object, not " + describe_json(value) + ".");
  FieldReader fields(*object, path);
  ONDOL_TRY(const std::string type, required_text(fields, "type"));
  if (assistant && type == "refusal") {
    ONDOL_TRY(const std::string refusal, required_text(fields, "refusal"));
    return json::object{{"type", "refusal"}, {"refusal", refusal}};
  }
  if (!text_type(type)) {
    return unsupported(path + ".type", "Content parts of type " + quoted(type, 40) + " are not supported: this server reads text only.");
  }
  ONDOL_TRY(const std::string text, required_text(fields, "text"));
  return text_part(text, assistant);
}

ApiResult<json::array> parse_parts(const json::array& parts, const std::string& path, bool assistant) {
  json::array out;
  for (size_t i = 0; i < parts.size(); ++i) {
    ONDOL_TRY(json::object part, parse_part(parts[i], path + "[" + std::to_string(i) + "]", assistant));
    out.push_back(std::move(part));
  }
  return out;
}

// The item's own id if it has one; else one of the kind that OpenAI gives.
ApiResult<json::object> start_item(FieldReader& fields, std::string_view type, std::string_view prefix, IdSource& ids) {
  constexpr size_t kMaxId = 128;
  ONDOL_TRY(const std::optional<std::string> id, fields.string("id"));
  if (id && (id->empty() || id->size() > kMaxId)) {
    return invalid_request(fields.path("id"), fields.path("id") + " must have 1 to " + std::to_string(kMaxId) + " bytes.");
  }
  json::object item;
  item["id"] = id ? *id : ids.name(prefix);
  item["type"] = type;
  item["status"] = "completed";
  return item;
}

ApiResult<json::object> parse_message(FieldReader& fields, const std::string& path, IdSource& ids) {
  ONDOL_TRY(const std::string role, required_text(fields, "role"));
  if (role != "user" && role != "assistant" && role != "system" && role != "developer") {
    return invalid_request(path + ".role", path + ".role must be user, assistant, system or developer, not " + quoted(role, 40) + ".");
  }
  const bool assistant = role == "assistant";
  ONDOL_TRY(json::object item, start_item(fields, "message", "msg_", ids));
  item["role"] = role;
  const json::value* content = fields.take("content");
  if (content == nullptr) return invalid_request(path + ".content", path + ".content is missing.");
  if (const auto* text = content->if_string()) {
    item["content"] = json::array{text_part(*text, assistant)};
  } else if (const auto* parts = content->if_array()) {
    ONDOL_TRY(item["content"], parse_parts(*parts, path + ".content", assistant));
  } else {
    return fields.wrong("content", "a string or an array of text parts", *content);
  }
  return item;
}

ApiResult<json::object> parse_call(FieldReader& fields, IdSource& ids) {
  ONDOL_TRY(json::object item, start_item(fields, "function_call", "fc_", ids));
  for (const char* name : {"call_id", "name", "arguments"}) {
    ONDOL_TRY(const std::string text, required_text(fields, name));
    item[name] = text;
  }
  return item;
}

ApiResult<json::object> parse_output(FieldReader& fields, const std::string& path, IdSource& ids) {
  ONDOL_TRY(json::object item, start_item(fields, "function_call_output", "fc_", ids));
  ONDOL_TRY(const std::string call_id, required_text(fields, "call_id"));
  item["call_id"] = call_id;
  const json::value* output = fields.take("output");
  if (output == nullptr) return invalid_request(path + ".output", path + ".output is missing.");
  if (const auto* text = output->if_string()) {
    item["output"] = *text;
  } else if (const auto* parts = output->if_array()) {
    ONDOL_TRY(item["output"], parse_parts(*parts, path + ".output", false));
  } else {
    return fields.wrong("output", "a string or an array of text parts", *output);
  }
  return item;
}

// summary and content: parts of one type each, which hold text.
ApiResult<json::array> parse_reasoning_texts(FieldReader& fields, std::string_view name, std::string_view type) {
  ONDOL_TRY(const json::array* parts, fields.array(name));
  json::array out;
  if (parts == nullptr) return out;
  for (size_t i = 0; i < parts->size(); ++i) {
    const std::string path = fields.path(name) + "[" + std::to_string(i) + "]";
    const json::object* object = (*parts)[i].if_object();
    if (object == nullptr) return invalid_request(path, path + " must be an object, not " + describe_json((*parts)[i]) + ".");
    FieldReader part(*object, path);
    ONDOL_TRY(const std::string text, required_text(part, "text"));
    out.push_back({{"type", type}, {"text", text}});
  }
  return out;
}

ApiResult<json::object> parse_reasoning(FieldReader& fields, IdSource& ids) {
  ONDOL_TRY(json::object item, start_item(fields, "reasoning", "rs_", ids));
  ONDOL_TRY(item["summary"], parse_reasoning_texts(fields, "summary", "summary_text"));
  ONDOL_TRY(item["content"], parse_reasoning_texts(fields, "content", "reasoning_text"));
  return item;
}

}  // namespace

const json::string* referenced_item(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return nullptr;
  const json::value* id = object->if_contains("id");
  if (id == nullptr || !id->is_string()) return nullptr;
  const json::value* type = object->if_contains("type");
  if (type != nullptr && !type->is_null()) return *type == "item_reference" ? &id->get_string() : nullptr;
  return object->contains("role") ? nullptr : &id->get_string();
}

ApiResult<json::object> parse_item(const json::value& value, const std::string& path, IdSource& ids) {
  const json::object* object = value.if_object();
  if (object == nullptr) return invalid_request(path, path + " must be an item object, not " + describe_json(value) + ".");
  FieldReader fields(*object, path);
  ONDOL_TRY(const std::optional<std::string> type, fields.string("type"));
  if (!type ? object->contains("role") : *type == "message") return parse_message(fields, path, ids);
  if (!type) return invalid_request(path + ".type", path + ".type is missing: one of " + std::string(kTypes) + ".");
  if (*type == "function_call") return parse_call(fields, ids);
  if (*type == "function_call_output") return parse_output(fields, path, ids);
  if (*type == "reasoning") return parse_reasoning(fields, ids);
  if (*type == "item_reference") return invalid_request(path + ".id", path + ".id must be the id of an earlier item.");
  return unsupported(path + ".type", "Items of type " + quoted(*type, 40) + " are not supported; use " + std::string(kTypes) + ".");
}

json::object user_message(std::string_view text, IdSource& ids) {
  json::object item;
  item["id"] = ids.name("msg_");
  item["type"] = "message";
  item["status"] = "completed";
  item["role"] = "user";
  item["content"] = json::array{text_part(text, false)};
  return item;
}

}  // namespace ondol
