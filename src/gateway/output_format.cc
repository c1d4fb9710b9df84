#include "gateway/output_format.h"

#include <algorithm>
#include <boost/json.hpp>

#include "gateway/json_scan.h"
#include "gateway/tool_request.h"

namespace ondol {
namespace {

namespace json = boost::json;
using Kind = OutputFormat::Kind;

ApiResult<void> check_schema(const json::value& schema, const std::string& path) {
  if (!schema.is_object() && schema != json::value(true)) {
    return invalid_request(path, path + " must be a JSON Schema, an object, not " + describe_json(schema) + ".", "invalid_type");
  }
  if (const size_t bytes = json::serialize(schema).size(); bytes > OutputFormat::kMaxSchemaBytes) {
    return invalid_request(path, path + " has " + std::to_string(bytes) + " bytes of schema; at most " +
                                     std::to_string(OutputFormat::kMaxSchemaBytes) + " are accepted.");
  }
  return {};
}

ApiResult<OutputFormat> parse_json_schema(const json::object& object, const std::string& path) {
  FieldReader fields(object, path);
  OutputFormat format;
  format.kind = Kind::kJsonSchema;
  ONDOL_TRY(std::optional<std::string> name, fields.string("name"));
  if (!name) return invalid_request(fields.path("name"), fields.path("name") + " is missing.");
  if (!is_function_name(*name)) {
    return invalid_request(fields.path("name"),
                           fields.path("name") + " must be 1 to 64 letters, digits, \"_\" or \"-\", not " + quoted(*name, 70) + ".");
  }
  format.name = std::move(*name);
  const json::value* schema = fields.take("schema");
  if (schema == nullptr) return invalid_request(fields.path("schema"), fields.path("schema") + " is missing.");
  ONDOL_TRY_STATUS(check_schema(*schema, fields.path("schema")));
  format.schema = *schema;
  ONDOL_TRY(const std::optional<bool> strict, fields.boolean("strict"));
  format.strict = strict.value_or(false);
  return format;
}

ApiResult<OutputFormat> parse_response_format(const json::object& object) {
  FieldReader fields(object, "response_format");
  OutputFormat format;
  const json::value* type = fields.take("type");
  if (type != nullptr && *type == "text") return format;
  if (type != nullptr && *type == "json_object") {
    format.kind = Kind::kJsonObject;
    return format;
  }
  if (type == nullptr || *type != "json_schema") {
    return invalid_request("response_format.type", R"(response_format.type must be "text", "json_object" or "json_schema", not )" +
                                                       (type == nullptr ? "missing" : describe_json(*type)) + ".");
  }
  ONDOL_TRY(const json::object* schema, fields.object("json_schema"));
  if (schema == nullptr) return invalid_request("response_format.json_schema", "response_format.json_schema is missing.");
  return parse_json_schema(*schema, "response_format.json_schema");
}

// vLLM takes the schema as an object or as text.
ApiResult<OutputFormat> guided_json(const json::value& value, const std::string& path) {
  OutputFormat format;
  format.kind = Kind::kJsonSchema;
  format.schema = value;
  if (const json::string* text = value.if_string()) {
    auto parsed = parse_json(*text, {.max_bytes = OutputFormat::kMaxSchemaBytes, .max_depth = 64, .max_values = 20'000});
    if (!parsed) return invalid_request(path, path + " is a string that holds no JSON Schema of at most 64 KiB.");
    format.schema = std::move(*parsed);
  }
  ONDOL_TRY_STATUS(check_schema(format.schema, path));
  return format;
}

ApiResult<OutputFormat> guided_regex(const json::value& value, const std::string& path) {
  OutputFormat format;
  format.kind = Kind::kRegex;
  const json::string* pattern = value.if_string();
  if (pattern == nullptr || pattern->empty() || pattern->size() > OutputFormat::kMaxPatternBytes) {
    return invalid_request(path, path + " must be a regular expression of 1 to " + std::to_string(OutputFormat::kMaxPatternBytes) +
                                     " bytes, not " + describe_json(value) + ".");
  }
  format.pattern = *pattern;
  return format;
}

ApiResult<OutputFormat> guided_choice(const json::value& value, const std::string& path) {
  OutputFormat format;
  format.kind = Kind::kChoice;
  const json::array* choices = value.if_array();
  const auto usable = [](const json::value& choice) {
    return choice.is_string() && !choice.get_string().empty() && choice.get_string().size() <= OutputFormat::kMaxPatternBytes;
  };
  if (choices == nullptr || choices->empty() || choices->size() > OutputFormat::kMaxChoices ||
      !std::all_of(choices->begin(), choices->end(), usable)) {
    return invalid_request(path, path + " must be an array of 1 to " + std::to_string(OutputFormat::kMaxChoices) + " strings of 1 to " +
                                     std::to_string(OutputFormat::kMaxPatternBytes) + " bytes.");
  }
  for (const json::value& choice : *choices) format.choices.emplace_back(choice.get_string());
  return format;
}

// Reads the forms that stand in one object. Null fields and "json_object": false ask for nothing.
class Forms {
 public:
  explicit Forms(FieldReader& fields) : fields_(&fields) {}

  template <class Parse>
  ApiResult<void> read(const char* name, Parse parse) {
    const json::value* value = fields_->take(name);
    return value == nullptr ? ApiResult<void>() : add(fields_->path(name), parse(*value, fields_->path(name)));
  }
  ApiResult<void> add(const std::string& path, ApiResult<OutputFormat> format) {
    if (!format) return std::unexpected(std::move(format).error());
    if (format->kind == Kind::kText) return {};
    if (!path_.empty()) return invalid_request(path, path + " and " + path_ + " both say what form the answer has; send one of them.");
    path_ = path;
    format_ = std::move(*format);
    return {};
  }
  OutputFormat take() { return std::move(format_); }

 private:
  FieldReader* fields_;
  OutputFormat format_;
  std::string path_;
};

ApiResult<OutputFormat> parse_structured_outputs(const json::object& object) {
  FieldReader fields(object, "structured_outputs");
  Forms forms(fields);
  ONDOL_TRY_STATUS(forms.read("json", guided_json));
  ONDOL_TRY_STATUS(forms.read("regex", guided_regex));
  ONDOL_TRY_STATUS(forms.read("choice", guided_choice));
  ONDOL_TRY(const std::optional<bool> any, fields.boolean("json_object"));
  OutputFormat any_object;
  any_object.kind = any.value_or(false) ? Kind::kJsonObject : Kind::kText;
  ONDOL_TRY_STATUS(forms.add("structured_outputs.json_object", any_object));
  for (const char* name : {"grammar", "structural_tag"}) {
    if (fields.take(name) != nullptr)
      return unsupported(fields.path(name), fields.path(name) + " is not supported; use json, regex or choice.");
  }
  return forms.take();
}

}  // namespace

ApiResult<OutputFormat> parse_output_format(FieldReader& fields) {
  Forms forms(fields);
  ONDOL_TRY(const json::object* response_format, fields.object("response_format"));
  if (response_format != nullptr) {
    ONDOL_TRY_STATUS(forms.add("response_format", parse_response_format(*response_format)));
  }
  ONDOL_TRY(const json::object* structured, fields.object("structured_outputs"));
  if (structured != nullptr) {
    ONDOL_TRY_STATUS(forms.add("structured_outputs", parse_structured_outputs(*structured)));
  }
  ONDOL_TRY_STATUS(forms.read("guided_json", guided_json));
  ONDOL_TRY_STATUS(forms.read("guided_regex", guided_regex));
  ONDOL_TRY_STATUS(forms.read("guided_choice", guided_choice));
  return forms.take();
}

}  // namespace ondol
