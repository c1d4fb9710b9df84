#include "gateway/responses_tools.h"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

namespace ondol {
namespace {

namespace json = boost::json;

constexpr size_t kMaxName = 64;

bool valid_name(std::string_view name) {
  const auto safe = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), safe);
}

ApiResult<std::string> parse_name(FieldReader& fields) {
  ONDOL_TRY(std::optional<std::string> name, fields.string("name"));
  const std::string path = fields.path("name");
  if (!name) return invalid_request(path, path + " is missing.");
  if (!valid_name(*name)) {
    return invalid_request(path, path + " must be 1 to 64 letters, digits, \"_\" or \"-\", not " + quoted(*name, 80) + ".");
  }
  return std::move(*name);
}

json::value or_null(const std::optional<std::string>& text) { return text ? json::value(json::string(*text)) : json::value(nullptr); }
json::value or_null(const std::optional<bool>& flag) { return flag ? json::value(*flag) : json::value(nullptr); }
json::value or_null(const json::object* object) { return object != nullptr ? json::value(*object) : json::value(nullptr); }

// One tool as the response repeats it: every field is there, null where the request had none.
ApiResult<json::object> parse_tool(const json::value& value, const std::string& path) {
  const json::object* object = value.if_object();
  if (object == nullptr) return invalid_request(path, path + " must be a tool object, not " + describe_json(value) + ".");
  FieldReader fields(*object, path);
  ONDOL_TRY(const std::optional<std::string> type, fields.string("type"));
  if (!type) return invalid_request(path + ".type", path + ".type is missing: \"function\".");
  if (*type != "function") {
    return unsupported(path + ".type", "Tools of type " + quoted(*type, 40) +
                                           " are not supported: this server calls no tools of its own; "
                                           "offer it as a function and run it yourself.");
  }
  ONDOL_TRY(const std::string name, parse_name(fields));
  ONDOL_TRY(const std::optional<std::string> description, fields.string("description"));
  ONDOL_TRY(const json::object* parameters, fields.object("parameters"));
  ONDOL_TRY(const std::optional<bool> strict, fields.boolean("strict"));
  json::object tool;
  tool["type"] = "function";
  tool["name"] = name;
  tool["description"] = or_null(description);
  tool["parameters"] = or_null(parameters);
  tool["strict"] = or_null(strict);
  return tool;
}

ApiResult<json::array> parse_tools(FieldReader& fields) {
  ONDOL_TRY(const json::array* tools, fields.array("tools"));
  json::array out;
  if (tools == nullptr) return out;
  if (tools->size() > kMaxResponsesTools) {
    return invalid_request("tools", "tools has " + std::to_string(tools->size()) + " entries; at most " +
                                        std::to_string(kMaxResponsesTools) + " are accepted.");
  }
  for (size_t i = 0; i < tools->size(); ++i) {
    ONDOL_TRY(json::object tool, parse_tool((*tools)[i], "tools[" + std::to_string(i) + "]"));
    out.push_back(std::move(tool));
  }
  return out;
}

json::object nested_tool(const json::object& flat) {
  json::object function;
  for (const auto& field : flat) {
    if (field.key() != "type" && !field.value().is_null()) function[field.key()] = field.value();
  }
  return {{"type", "function"}, {"function", std::move(function)}};
}

// {"type": "function", "name": ...} in a tool_choice: the name, if there is such a tool.
ApiResult<std::string> parse_chosen(const json::value& value, const std::string& path, const json::array& tools) {
  const json::object* object = value.if_object();
  if (object == nullptr) return invalid_request(path, path + " must be an object, not " + describe_json(value) + ".");
  FieldReader fields(*object, path);
  ONDOL_TRY(const std::optional<std::string> type, fields.string("type"));
  if (type != "function") {
    return unsupported(path + ".type", path + ".type must be function, not " + quoted(type.value_or(""), 40) + ".");
  }
  ONDOL_TRY(std::string name, parse_name(fields));
  const auto same = [&](const json::value& tool) { return std::string_view(tool.at("name").as_string()) == name; };
  if (std::none_of(tools.begin(), tools.end(), same))
    return invalid_request(path, path + " names " + quoted(name) + ", which is not in tools.");
  return name;
}

struct Choice {
  json::value chat, echo;
};

ApiResult<Choice> parse_allowed(FieldReader& fields, const json::array& tools) {
  ONDOL_TRY(const std::optional<std::string> mode, fields.string("mode"));
  if (mode && *mode != "auto" && *mode != "required" && *mode != "none") {
    return invalid_request("tool_choice.mode", "tool_choice.mode must be auto or required, not " + quoted(*mode, 40) + ".");
  }
  ONDOL_TRY(const json::array* names, fields.array("tools"));
  if (names == nullptr || names->empty() || names->size() > kMaxResponsesTools) {
    return invalid_request("tool_choice.tools",
                           "tool_choice.tools must name at least one tool, and at most " + std::to_string(kMaxResponsesTools) + ".");
  }
  json::array nested, flat;
  for (size_t i = 0; i < names->size(); ++i) {
    ONDOL_TRY(const std::string name, parse_chosen((*names)[i], "tool_choice.tools[" + std::to_string(i) + "]", tools));
    flat.push_back({{"type", "function"}, {"name", name}});
    nested.push_back({{"type", "function"}, {"function", {{"name", name}}}});
  }
  Choice choice;
  choice.echo = {{"type", "allowed_tools"}, {"mode", mode.value_or("auto")}, {"tools", std::move(flat)}};
  if (mode == "none") {
    choice.chat = "none";
  } else {
    choice.chat = {{"type", "allowed_tools"}, {"allowed_tools", {{"mode", mode.value_or("auto")}, {"tools", std::move(nested)}}}};
  }
  return choice;
}

ApiResult<Choice> parse_choice(FieldReader& fields, const json::array& tools) {
  const json::value* value = fields.take("tool_choice");
  if (value == nullptr) return Choice{.chat = "auto", .echo = "auto"};
  if (value->is_string()) {
    if (*value != "auto" && *value != "none" && *value != "required") {
      return fields.wrong("tool_choice", "auto, none, required or an object", *value);
    }
    if (*value == "required" && tools.empty()) return invalid_request("tool_choice", "tool_choice is required, but there are no tools.");
    return Choice{.chat = *value, .echo = *value};
  }
  const json::object* object = value->if_object();
  if (object == nullptr) return fields.wrong("tool_choice", "auto, none, required or an object", *value);
  FieldReader choice(*object, "tool_choice");
  ONDOL_TRY(const std::optional<std::string> type, choice.string("type"));
  if (type == "allowed_tools") return parse_allowed(choice, tools);
  ONDOL_TRY(const std::string name, parse_chosen(*value, "tool_choice", tools));
  return Choice{.chat = {{"type", "function"}, {"function", {{"name", name}}}}, .echo = {{"type", "function"}, {"name", name}}};
}

ApiResult<void> parse_schema_format(FieldReader& fields, json::object& chat, json::object& echo) {
  ONDOL_TRY(const std::string name, parse_name(fields));
  ONDOL_TRY(const json::object* schema, fields.object("schema"));
  if (schema == nullptr) return invalid_request("text.format.schema", "text.format.schema is missing: a JSON Schema object.");
  ONDOL_TRY(const std::optional<std::string> description, fields.string("description"));
  ONDOL_TRY(const std::optional<bool> strict, fields.boolean("strict"));
  json::object inner;
  inner["name"] = name;
  if (description) inner["description"] = *description;
  inner["schema"] = *schema;
  if (strict) inner["strict"] = *strict;
  chat["response_format"] = {{"type", "json_schema"}, {"json_schema", std::move(inner)}};
  echo = {{"type", "json_schema"},
          {"name", name},
          {"description", or_null(description)},
          {"schema", *schema},
          {"strict", strict.value_or(false)}};
  return {};
}

// `echo` is the format as the response repeats it.
ApiResult<void> parse_format(const json::object* object, json::object& chat, json::object& echo) {
  echo["type"] = "text";
  if (object == nullptr) return {};
  FieldReader fields(*object, "text.format");
  ONDOL_TRY(const std::optional<std::string> type, fields.string("type"));
  if (type == "text") return {};
  if (type == "json_schema") return parse_schema_format(fields, chat, echo);
  if (type == "json_object") {
    echo["type"] = "json_object";
    chat["response_format"] = echo;
    return {};
  }
  return invalid_request("text.format.type",
                         "text.format.type must be text, json_object or json_schema, not " + quoted(type.value_or(""), 40) + ".");
}

}  // namespace

ApiResult<void> parse_responses_tools(FieldReader& fields, json::object& chat, json::object& echo) {
  ONDOL_TRY(json::array tools, parse_tools(fields));
  ONDOL_TRY(Choice choice, parse_choice(fields, tools));
  ONDOL_TRY(const std::optional<bool> parallel, fields.boolean("parallel_tool_calls"));
  json::array nested;
  for (const json::value& tool : tools) nested.push_back(nested_tool(tool.get_object()));
  if (!nested.empty()) {
    chat["tools"] = std::move(nested);
    chat["tool_choice"] = std::move(choice.chat);
    if (parallel) chat["parallel_tool_calls"] = *parallel;
  }
  echo["tools"] = std::move(tools);
  echo["tool_choice"] = std::move(choice.echo);
  echo["parallel_tool_calls"] = parallel.value_or(true);
  return {};
}

ApiResult<void> parse_responses_text(FieldReader& fields, json::object& chat, json::object& echo) {
  ONDOL_TRY(const json::object* text, fields.object("text"));
  json::object format;
  std::optional<std::string> verbosity;
  if (text == nullptr) {
    ONDOL_TRY_STATUS(parse_format(nullptr, chat, format));
  } else {
    FieldReader reader(*text, "text");
    ONDOL_TRY(const json::object* asked, reader.object("format"));
    ONDOL_TRY_STATUS(parse_format(asked, chat, format));
    ONDOL_TRY(verbosity, reader.string("verbosity"));
    if (verbosity && *verbosity != "low" && *verbosity != "medium" && *verbosity != "high") {
      return invalid_request("text.verbosity", "text.verbosity must be low, medium or high, not " + quoted(*verbosity, 40) + ".");
    }
  }
  json::object out;
  out["format"] = std::move(format);
  out["verbosity"] = verbosity.value_or("medium");
  echo["text"] = std::move(out);
  return {};
}

}  // namespace ondol
