// Anthropic's paths in OpenAPI: as far as messages_request reads them.
#include <boost/json.hpp>
#include <utility>

#include "gateway/openapi.h"
#include "gateway/openapi_schema.h"

namespace ondol::openapi {
namespace {

namespace json = boost::json;

Schema turns() {
  Schema block{{"type", text()}};
  Schema turn{{"role", word({"user", "assistant"})}};
  turn["content"] = any_of({text(1, 1 << 25), array(object(std::move(block), {"type"}), 1, 1000)});
  return array(object(std::move(turn), {"role", "content"}), 1, 10'000);
}

Schema request_schema() {
  Schema properties{{"model", text("One of GET /v1/models.")}, {"messages", turns()}, {"system", text()}, {"stream", boolean()}};
  properties["max_tokens"] = integer(1, kMaxInt32);
  properties["temperature"] = number(0, 1);
  properties["top_p"] = number(0, 1);
  properties["stop_sequences"] = array(text(1, 1024), 0, 16);
  return object(std::move(properties), {"model", "max_tokens", "messages"});
}

Schema error_schema() {
  Schema error{{"type", text()}, {"message", text()}};
  Schema properties{{"type", word({"error"})}, {"error", object(std::move(error), {"type", "message"})}};
  return object(std::move(properties), {"type", "error"});
}

// Refusals are in Anthropic's form, too.
json::object post(json::object operation) {
  for (const char* status : {"4XX", "5XX"}) {
    operation.at("responses").at(status).as_object()["content"] = json_content(ref("MessagesError"));
  }
  return {{"post", std::move(operation)}};
}

}  // namespace

void add_messages_paths(json::object& paths, json::object& schemas) {
  schemas["MessagesRequest"] = request_schema();
  schemas["MessagesError"] = error_schema();
  Schema answer{{"id", text()}, {"type", word({"message"})}, {"role", word({"assistant"})}, {"model", text()}};
  answer["content"] = array(object({}, {"type"}));
  answer["usage"] = object(Schema{{"input_tokens", integer(0, kMaxInt32)}, {"output_tokens", integer(0, kMaxInt32)}}, {});
  json::object content = json_content(object(std::move(answer), {"id", "type", "role", "model", "content", "usage"}));
  content["text/event-stream"] = json::object{{"schema", json::object{{"description", "With stream: Anthropic's events."}}}};
  paths["/v1/messages"] =
      post(operation("createMessage", "A message by the model, as Anthropic's API has it", ref("MessagesRequest"), std::move(content)));
  Schema count{{"model", text("One of GET /v1/models.")}, {"messages", turns()}, {"system", text()}};
  schemas["CountTokensRequest"] = object(std::move(count), {"model", "messages"});
  json::object counted = json_content(object(Schema{{"input_tokens", integer(0, kMaxInt32)}}, {"input_tokens"}));
  paths["/v1/messages/count_tokens"] =
      post(operation("countMessageTokens", "The tokens of a message's prompt", ref("CountTokensRequest"), std::move(counted)));
}

}  // namespace ondol::openapi
