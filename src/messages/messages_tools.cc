#include "messages/messages_tools.h"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

namespace ondol {
namespace {

namespace json = boost::json;

ApiResult<std::string> name_of(FieldReader& fields) {
  ONDOL_TRY(std::optional<std::string> name, fields.string("name"));
  if (!name || name->empty()) return invalid_request(fields.path("name"), fields.path("name") + " is missing.");
  return std::move(*name);
}

ApiResult<json::object> parse_tool(const json::value& value, const std::string& path, std::vector<std::string>& ignored) {
  const json::object* object = value.if_object();
  if (object == nullptr) return invalid_request(path, path + " must be a tool object, not " + describe_json(value) + ".", "invalid_type");
  FieldReader fields(*object, path);
  ONDOL_TRY(const std::optional<std::string> type, fields.string("type"));
  if (type && *type != "custom") {
    return unsupported(path + ".type", "The tool " + quoted(*type, 40) +
                                           " is one that Anthropic runs or its models were taught; this server has none of them. Offer "
                                           "your own with name, description and input_schema.");
  }
  json::object function;
  ONDOL_TRY(function["name"], name_of(fields));
  ONDOL_TRY(const std::optional<std::string> description, fields.string("description"));
  if (description) function["description"] = *description;
  ONDOL_TRY(const json::object* schema, fields.object("input_schema"));
  if (schema == nullptr) {
    return invalid_request(path + ".input_schema", path + ".input_schema is missing: a JSON Schema of type \"object\".");
  }
  function["parameters"] = *schema;
  ONDOL_TRY(const std::optional<bool> strict, fields.boolean("strict"));
  if (strict) function["strict"] = *strict;
  fields.skip("cache_control");
  fields.skip("eager_input_streaming");  // input is streamed as it comes
  for (const std::string& name : fields.unknown()) ignored.push_back("tools." + name);
  return json::object{{"type", "function"}, {"function", std::move(function)}};
}

bool has_tool(const json::array& tools, std::string_view name) {
  return std::any_of(tools.begin(), tools.end(),
                     [&](const json::value& tool) { return std::string_view(tool.at("function").at("name").as_string()) == name; });
}

ApiResult<void> parse_choice(const json::object& choice, const json::array& tools, json::object& chat) {
  FieldReader fields(choice, "tool_choice");
  ONDOL_TRY(const std::optional<std::string> type, fields.string("type"));
  ONDOL_TRY(const std::optional<bool> one, fields.boolean("disable_parallel_tool_use"));
  if (type == "none") {
    chat["tool_choice"] = "none";
    return {};
  }
  if (tools.empty()) return invalid_request("tool_choice", "tool_choice is only allowed together with tools.");
  if (type == "auto") {
    chat["tool_choice"] = "auto";
  } else if (type == "any") {
    chat["tool_choice"] = "required";
  } else if (type == "tool") {
    ONDOL_TRY(const std::string name, name_of(fields));
    if (!has_tool(tools, name)) {
      return invalid_request("tool_choice.name", "tool_choice.name is " + quoted(name, 70) + ", which is not in tools.");
    }
    chat["tool_choice"] = {{"type", "function"}, {"function", {{"name", name}}}};
  } else {
    return invalid_request("tool_choice.type", "tool_choice.type must be auto, any, tool or none" +
                                                   (type ? ", not " + quoted(*type, 40) : std::string()) + ".");
  }
  if (one.value_or(false)) chat["parallel_tool_calls"] = false;
  return {};
}

}  // namespace

ApiResult<void> parse_messages_tools(FieldReader& fields, json::object& chat, std::vector<std::string>& ignored) {
  ONDOL_TRY(const json::array* array, fields.array("tools"));
  json::array tools;
  if (array != nullptr && array->size() > kMaxMessagesTools) {
    return invalid_request("tools", "tools has " + std::to_string(array->size()) + " entries; at most " +
                                        std::to_string(kMaxMessagesTools) + " are accepted.");
  }
  for (size_t i = 0; array != nullptr && i < array->size(); ++i) {
    ONDOL_TRY(json::object tool, parse_tool((*array)[i], "tools[" + std::to_string(i) + "]", ignored));
    tools.push_back(std::move(tool));
  }
  ONDOL_TRY(const json::object* choice, fields.object("tool_choice"));
  if (choice != nullptr) ONDOL_TRY_STATUS(parse_choice(*choice, tools, chat));
  if (!tools.empty()) chat["tools"] = std::move(tools);
  return {};
}

}  // namespace ondol
