#include "messages/messages_request.h"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <optional>

#include "endpoint/field_reader.h"
#include "messages/messages_tools.h"
#include "messages/messages_turns.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();
constexpr size_t kMaxStopSequences = 16, kMaxStopBytes = 1024;  // what chat completions take

class RequestParser {
 public:
  explicit RequestParser(const json::object& body) : fields_(body) {}

  ApiResult<MessagesRequest> message() {
    ONDOL_TRY_STATUS(prompt());
    ONDOL_TRY_STATUS(sampling());
    ONDOL_TRY_STATUS(stop_sequences());
    ONDOL_TRY_STATUS(stream());
    ONDOL_TRY_STATUS(user());
    return finish();
  }

  ApiResult<MessagesRequest> count() {
    ONDOL_TRY_STATUS(prompt());
    return finish();
  }

 private:
  json::object& chat() { return request_.chat; }
  void ignore(std::string name) { request_.ignored.push_back(std::move(name)); }

  // What the prompt is made of, and what would change the kind of answer if it were ignored.
  ApiResult<void> prompt() {
    ONDOL_TRY(const std::optional<std::string> model, fields_.string("model"));
    if (!model) return invalid_request("model", "model is missing: name the model that shall answer (GET /v1/models lists them).");
    chat()["model"] = *model;
    ONDOL_TRY(const json::array* servers, fields_.array("mcp_servers"));
    if (servers != nullptr && !servers->empty()) {
      return unsupported("mcp_servers",
                         "mcp_servers is not supported: this server calls no tools; offer them in tools and run them yourself.");
    }
    ONDOL_TRY(chat()["messages"], parse_turns(fields_, request_.ignored));
    ONDOL_TRY_STATUS(parse_messages_tools(fields_, chat(), request_.ignored));
    ONDOL_TRY_STATUS(thinking());
    ONDOL_TRY_STATUS(output_config());
    fields_.skip("cache_control");  // prefixes are cached without being asked
    fields_.skip("service_tier");   // there is one
    return {};
  }

  ApiResult<void> thinking() {
    ONDOL_TRY(const json::object* thinking, fields_.object("thinking"));
    if (thinking == nullptr) return {};
    FieldReader inner(*thinking, "thinking");
    ONDOL_TRY(const std::optional<std::string> type, inner.string("type"));
    ONDOL_TRY(const std::optional<int64_t> budget, inner.integer("budget_tokens", 1, kMaxInt));
    ONDOL_TRY(const std::optional<std::string> display, inner.string("display"));
    if (type != "enabled" && type != "adaptive" && type != "disabled") {
      return invalid_request("thinking.type", "thinking.type must be enabled, adaptive or disabled" +
                                                  (type ? ", not " + quoted(*type, 40) : std::string()) + ".");
    }
    chat()["chat_template_kwargs"] = {{"enable_thinking", *type != "disabled"}};
    if (budget) ignore("thinking.budget_tokens");
    if (display && *display != "summarized") ignore("thinking.display");
    return {};
  }

  ApiResult<void> output_config() {
    ONDOL_TRY(const json::object* config, fields_.object("output_config"));
    if (config == nullptr) return {};
    FieldReader inner(*config, "output_config");
    ONDOL_TRY(const std::optional<std::string> effort, inner.string("effort"));
    if (effort) {
      if (*effort != "low" && *effort != "medium" && *effort != "high" && *effort != "xhigh" && *effort != "max") {
        return invalid_request("output_config.effort",
                               "output_config.effort must be low, medium, high, xhigh or max, not " + quoted(*effort, 40) + ".");
      }
      chat()["reasoning_effort"] = *effort == "low" || *effort == "medium" ? *effort : "high";
    }
    ONDOL_TRY(const json::object* format, inner.object("format"));
    if (format != nullptr) ONDOL_TRY_STATUS(output_format(*format));
    for (const std::string& name : inner.unknown()) ignore("output_config." + name);
    return {};
  }

  ApiResult<void> output_format(const json::object& format) {
    FieldReader fields(format, "output_config.format");
    ONDOL_TRY(const std::optional<std::string> type, fields.string("type"));
    if (type != "json_schema") {
      return unsupported("output_config.format.type",
                         "output_config.format.type must be json_schema, not " + quoted(type.value_or(""), 40) + ".");
    }
    ONDOL_TRY(const json::object* schema, fields.object("schema"));
    if (schema == nullptr) return invalid_request("output_config.format.schema", "output_config.format.schema is missing.");
    json::object named{{"name", "output"}, {"schema", *schema}, {"strict", true}};
    chat()["response_format"] = {{"type", "json_schema"}, {"json_schema", std::move(named)}};
    return {};
  }

  ApiResult<void> sampling() {
    ONDOL_TRY(const std::optional<int64_t> max_tokens, fields_.integer("max_tokens", 1, kMaxInt));
    if (!max_tokens) return invalid_request("max_tokens", "max_tokens is missing: say how many tokens the answer may have.");
    chat()["max_tokens"] = *max_tokens;
    ONDOL_TRY(const std::optional<double> temperature, fields_.number("temperature", 0, 2));
    if (temperature) chat()["temperature"] = *temperature;
    ONDOL_TRY(const std::optional<double> top_p, fields_.number("top_p", 0, 1));
    if (top_p) chat()["top_p"] = *top_p;
    ONDOL_TRY(const std::optional<int64_t> top_k, fields_.integer("top_k", 0, kMaxInt));
    if (top_k) chat()["top_k"] = *top_k;
    return {};
  }

  ApiResult<void> stop_sequences() {
    ONDOL_TRY(const json::array* stops, fields_.array("stop_sequences"));
    if (stops == nullptr || stops->empty()) return {};
    const std::string expected =
        "an array of at most " + std::to_string(kMaxStopSequences) + " strings, each of 1 to " + std::to_string(kMaxStopBytes) + " bytes";
    if (stops->size() > kMaxStopSequences) {
      return invalid_request("stop_sequences", "stop_sequences must be " + expected + "; it has " + std::to_string(stops->size()) + ".");
    }
    for (const json::value& stop : *stops) {
      const json::string* text = stop.if_string();
      if (text == nullptr || text->empty() || text->size() > kMaxStopBytes) return fields_.wrong("stop_sequences", expected, stop);
    }
    chat()["stop"] = *stops;
    return {};
  }

  ApiResult<void> stream() {
    ONDOL_TRY(const std::optional<bool> stream, fields_.boolean("stream"));
    request_.stream = stream.value_or(false);
    chat()["stream"] = request_.stream;
    if (request_.stream) chat()["stream_options"] = {{"include_usage", true}};
    return {};
  }

  ApiResult<void> user() {
    ONDOL_TRY(const json::object* metadata, fields_.object("metadata"));
    if (metadata == nullptr) return {};
    FieldReader inner(*metadata, "metadata");
    ONDOL_TRY(const std::optional<std::string> id, inner.string("user_id"));
    if (id) chat()["user"] = *id;
    return {};
  }

  MessagesRequest finish() {
    for (std::string& name : fields_.unknown()) ignore(std::move(name));
    auto& names = request_.ignored;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return std::move(request_);
  }

  FieldReader fields_;
  MessagesRequest request_;
};

ApiResult<const json::object*> object_of(const json::value& body) {
  if (const json::object* object = body.if_object()) return object;
  return invalid_request("", "The body must be a JSON object, not " + describe_json(body) + ".", "invalid_type");
}

}  // namespace

ApiResult<MessagesRequest> parse_messages_request(const json::value& body) {
  ONDOL_TRY(const json::object* object, object_of(body));
  return RequestParser(*object).message();
}

ApiResult<MessagesRequest> parse_count_tokens_request(const json::value& body) {
  ONDOL_TRY(const json::object* object, object_of(body));
  return RequestParser(*object).count();
}

}  // namespace ondol
