#include "gateway/tool_request.h"

#include <algorithm>
#include <boost/json.hpp>

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kChoices =
    R"("none", "auto", "required", {"type": "function", "function": {"name": ...}} or {"type": "allowed_tools", ...})";

ApiResult<std::string> parse_name(FieldReader& fields) {
  ONDOL_TRY(std::optional<std::string> name, fields.string("name"));
  const std::string path = fields.path("name");
  if (!name) return invalid_request(path, path + " is missing.");
  if (is_function_name(*name)) return std::move(*name);
  return invalid_request(path, path + " must be 1 to 64 letters, digits, \"_\" or \"-\", not " + quoted(*name, 70) + ".");
}

ApiResult<json::object> parse_parameters(FieldReader& fields) {
  ONDOL_TRY(const json::object* parameters, fields.object("parameters"));
  if (parameters == nullptr) return json::object{{"type", "object"}, {"properties", json::object()}};
  const std::string path = fields.path("parameters");
  const json::value* type = parameters->if_contains("type");
  if (type != nullptr && *type != "object") {
    return invalid_request(path, path + " must be a JSON Schema of type \"object\", not of " + describe_json(*type) + ".",
                           "invalid_schema");
  }
  if (const size_t bytes = json::serialize(*parameters).size(); bytes > kMaxSchemaBytes) {
    return invalid_request(
        path, path + " has " + std::to_string(bytes) + " bytes of schema; at most " + std::to_string(kMaxSchemaBytes) + " are accepted.");
  }
  return *parameters;
}

// {"type": TYPE, TYPE: {...}}: the inner object.
ApiResult<const json::object*> open_typed(const json::value& value, const std::string& path) {
  const json::object* object = value.if_object();
  if (object == nullptr) return invalid_request(path, path + " must be an object, not " + describe_json(value) + ".", "invalid_type");
  FieldReader fields(*object, path);
  ONDOL_TRY(const std::optional<std::string> type, fields.string("type"));
  if (!type) return invalid_request(path + ".type", path + ".type is missing: it must be \"function\".");
  if (*type != "function") {
    return unsupported(path + ".type", "Tools of type " + quoted(*type, 40) + " are not supported by this server; use \"function\".");
  }
  ONDOL_TRY(const json::object* function, fields.object("function"));
  if (function == nullptr) return invalid_request(path + ".function", path + ".function is missing.");
  return function;
}

ApiResult<Tool> parse_tool(const json::value& value, const std::string& path) {
  ONDOL_TRY(const json::object* function, open_typed(value, path));
  FieldReader fields(*function, path + ".function");
  Tool tool;
  ONDOL_TRY(tool.name, parse_name(fields));
  ONDOL_TRY(const std::optional<std::string> description, fields.string("description"));
  tool.description = description.value_or("");
  ONDOL_TRY(tool.parameters, parse_parameters(fields));
  ONDOL_TRY(const std::optional<bool> strict, fields.boolean("strict"));
  tool.strict = strict.value_or(false);
  return tool;
}

ApiResult<std::vector<Tool>> parse_tools(FieldReader& fields) {
  std::vector<Tool> tools;
  ONDOL_TRY(const json::array* array, fields.array("tools"));
  if (array == nullptr) return tools;
  if (array->size() > kMaxTools) {
    return invalid_request(
        "tools", "tools has " + std::to_string(array->size()) + " entries; at most " + std::to_string(kMaxTools) + " are accepted.");
  }
  for (size_t i = 0; i < array->size(); ++i) {
    const std::string path = "tools[" + std::to_string(i) + "]";
    ONDOL_TRY(Tool tool, parse_tool((*array)[i], path));
    if (std::any_of(tools.begin(), tools.end(), [&](const Tool& other) { return other.name == tool.name; })) {
      return invalid_request(path + ".function.name", "tools has two functions of the name " + quoted(tool.name, 70) + ".");
    }
    tools.push_back(std::move(tool));
  }
  return tools;
}

// The name of a tool that the request has.
ApiResult<std::string> parse_reference(const json::value& value, const std::string& path, const ToolRequest& request) {
  ONDOL_TRY(const json::object* function, open_typed(value, path));
  FieldReader fields(*function, path + ".function");
  ONDOL_TRY(std::string name, parse_name(fields));
  if (std::any_of(request.tools.begin(), request.tools.end(), [&](const Tool& tool) { return tool.name == name; })) return name;
  return invalid_request(path, path + " names the function " + quoted(name, 70) + ", which is not in tools.");
}

ApiResult<ToolRequest::Choice> parse_mode(const json::value& value, const std::string& path, std::string_view expected) {
  if (value == "auto") return ToolRequest::Choice::kAuto;
  if (value == "required") return ToolRequest::Choice::kRequired;
  return invalid_request(path, path + " must be " + std::string(expected) + ", not " + describe_json(value) + ".");
}

ApiResult<void> parse_allowed(const json::object& choice, ToolRequest& request) {
  FieldReader outer(choice, "tool_choice");
  ONDOL_TRY(const json::object* allowed, outer.object("allowed_tools"));
  if (allowed == nullptr) return invalid_request("tool_choice.allowed_tools", "tool_choice.allowed_tools is missing.");
  FieldReader fields(*allowed, "tool_choice.allowed_tools");
  const json::value* mode = fields.take("mode");
  ONDOL_TRY(request.choice, parse_mode(mode == nullptr ? json::value("auto") : *mode, fields.path("mode"), R"("auto" or "required")"));
  ONDOL_TRY(const json::array* tools, fields.array("tools"));
  if (tools == nullptr || tools->empty()) {
    return invalid_request(fields.path("tools"), fields.path("tools") + " must be an array of at least one tool.");
  }
  if (tools->size() > kMaxTools) {
    return invalid_request(fields.path("tools"), fields.path("tools") + " has more than " + std::to_string(kMaxTools) + " entries.");
  }
  for (size_t i = 0; i < tools->size(); ++i) {
    ONDOL_TRY(std::string name, parse_reference((*tools)[i], fields.path("tools") + "[" + std::to_string(i) + "]", request));
    request.allowed.push_back(std::move(name));
  }
  return {};
}

ApiResult<void> parse_choice(FieldReader& fields, ToolRequest& request) {
  const json::value* choice = fields.take("tool_choice");
  if (choice == nullptr) return {};
  if (*choice == "none") {
    request.choice = ToolRequest::Choice::kNone;
    return {};
  }
  if (request.tools.empty() && *choice != "auto") {
    return invalid_request("tool_choice", "tool_choice is only allowed together with tools.");
  }
  const json::object* object = choice->if_object();
  if (object == nullptr) {
    ONDOL_TRY(request.choice, parse_mode(*choice, "tool_choice", kChoices));
    return {};
  }
  const json::value* type = object->if_contains("type");
  if (type != nullptr && *type == "allowed_tools") return parse_allowed(*object, request);
  ONDOL_TRY(std::string name, parse_reference(*choice, "tool_choice", request));
  request.allowed.push_back(std::move(name));
  request.choice = ToolRequest::Choice::kRequired;
  request.one = true;
  return {};
}

ApiResult<void> refuse_old_form(FieldReader& fields) {
  ONDOL_TRY(const json::array* functions, fields.array("functions"));
  if (functions != nullptr && !functions->empty()) {
    return unsupported("functions", "functions is the old form and not supported; send them as tools of type \"function\".");
  }
  const json::value* call = fields.take("function_call");
  if (call == nullptr || *call == "none" || *call == "auto") return {};
  return unsupported("function_call", "function_call is the old form and not supported; use tool_choice with tools.");
}

}  // namespace

bool is_function_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::vector<const Tool*> ToolRequest::callable() const {
  std::vector<const Tool*> out;
  if (choice == Choice::kNone) return out;
  for (const Tool& tool : tools) {
    if (allowed.empty() || std::find(allowed.begin(), allowed.end(), tool.name) != allowed.end()) out.push_back(&tool);
  }
  return out;
}

json::array ToolRequest::for_template() const {
  json::array out;
  for (const Tool& tool : tools) {
    json::object function;
    function["name"] = tool.name;
    function["description"] = tool.description;
    function["parameters"] = tool.parameters;
    json::object entry;
    entry["type"] = "function";
    entry["function"] = std::move(function);
    out.push_back(std::move(entry));
  }
  return out;
}

ApiResult<ToolRequest> parse_tool_request(FieldReader& fields) {
  ONDOL_TRY_STATUS(refuse_old_form(fields));
  ToolRequest request;
  ONDOL_TRY(request.tools, parse_tools(fields));
  ONDOL_TRY_STATUS(parse_choice(fields, request));
  ONDOL_TRY(const std::optional<bool> parallel, fields.boolean("parallel_tool_calls"));
  request.parallel = parallel.value_or(true) && !request.one;
  return request;
}

}  // namespace ondol
