// The document is well-formed, names what the server answers, and its limits are those of the parsers.
#include "gateway/openapi.h"

#include <gtest/gtest.h>

#include <set>

#include "gateway/api_test_util.h"
#include "gateway/chat_request.h"
#include "gateway/completion_request.h"

namespace ondol {
namespace {

const OpenApiModels kModels{.chat = {"tiny", "other"}, .embedding = {"e5"}};

const json::object& document() {
  static const json::value kDocument = json::parse(openapi_json(kModels));
  return kDocument.as_object();
}
const json::object& schemas() { return document().at("components").at("schemas").as_object(); }

template <class Visit>
void walk(const json::value& value, const Visit& visit) {
  if (const json::object* object = value.if_object()) {
    visit(*object);
    for (const auto& member : *object) walk(member.value(), visit);
  } else if (const json::array* array = value.if_array()) {
    for (const json::value& item : *array) walk(item, visit);
  }
}

TEST(OpenApi, EveryReferenceLeadsSomewhere) {
  int references = 0;
  walk(document(), [&](const json::object& object) {
    const json::value* reference = object.if_contains("$ref");
    if (reference == nullptr) return;
    const std::string_view path = reference->as_string();
    ASSERT_TRUE(path.starts_with("#/components/schemas/")) << path;
    EXPECT_TRUE(schemas().contains(path.substr(21))) << path;
    ++references;
  });
  EXPECT_GT(references, 10);
}

TEST(OpenApi, EveryOperationHasAnIdOfItsOwnAndErrors) {
  std::set<std::string> ids;
  for (const auto& path : document().at("paths").as_object()) {
    for (const auto& method : path.value().as_object()) {
      const json::object& operation = method.value().as_object();
      EXPECT_TRUE(ids.insert(std::string(operation.at("operationId").as_string())).second) << path.key();
      for (const char* status : {"200", "4XX", "5XX"}) EXPECT_TRUE(operation.at("responses").as_object().contains(status)) << path.key();
    }
  }
  EXPECT_GE(ids.size(), 9u);
}

using OpenApiRoutes = ApiTest;

TEST_F(OpenApiRoutes, TheServerKnowsEveryPathAndMethod) {
  for (const auto& path : document().at("paths").as_object()) {
    std::string name(path.key());
    if (const size_t at = name.find("{id}"); at != std::string::npos) name.replace(at, 4, "tiny");
    for (const auto& method : path.value().as_object()) {
      const bool get = method.key() == "get";
      const HttpResponse response = send(get ? "GET" : "POST", name, get ? "" : "{}")->wait();
      EXPECT_EQ(response.status, get ? 200 : 400) << name << " " << response.body;
    }
  }
  EXPECT_EQ(send("GET", "/openapi.json")->wait().body, openapi_json({.chat = {"tiny"}, .embedding = {}}));
}

// The models that the request's `model` may name; null where any text may stand.
json::value named_models(const json::object& document, std::string_view schema) {
  const json::object& model = document.at("components").at("schemas").at(schema).at("properties").at("model").as_object();
  const json::value* names = model.if_contains("enum");
  return names == nullptr ? json::value(nullptr) : *names;
}

TEST(OpenApi, NamesTheModelsThatARequestMayName) {
  for (const char* schema : {"ChatRequest", "CompletionRequest", "ResponsesRequest", "TokenizeRequest", "DetokenizeRequest",
                             "MessagesRequest", "CountTokensRequest"})
    EXPECT_EQ(named_models(document(), schema), json::parse(R"(["tiny", "other"])")) << schema;
  EXPECT_EQ(named_models(document(), "EmbeddingsRequest"), json::parse(R"(["e5"])"));
  EXPECT_EQ(named_models(document(), "RerankRequest"), json::parse(R"(["tiny", "other", "e5"])"));
  const json::value& id = document().at("paths").at("/v1/models/{id}").at("get").at("parameters").at(0).at("schema");
  EXPECT_EQ(id.at("enum"), json::parse(R"(["tiny", "other", "e5"])"));
  // Every body that has a model is one of these.
  for (const auto& schema : schemas()) {
    if (!schema.key().ends_with("Request")) continue;
    EXPECT_FALSE(named_models(document(), schema.key()).is_null()) << schema.key();
  }
}

TEST(OpenApi, WithoutModelsOfAKindAnyTextMayStand) {
  const json::value bare = json::parse(openapi_json({.chat = {"tiny"}, .embedding = {}}));
  EXPECT_TRUE(named_models(bare.as_object(), "EmbeddingsRequest").is_null());
  EXPECT_EQ(named_models(bare.as_object(), "ChatRequest"), json::parse(R"(["tiny"])"));
}

// The number schema behind a field that may be null.
const json::object* number_of(const json::value& schema) {
  const json::value* choices = schema.as_object().if_contains("anyOf");
  const json::object& first = choices == nullptr ? schema.as_object() : choices->at(0).as_object();
  const json::value* type = first.if_contains("type");
  return type != nullptr && (*type == "integer" || *type == "number") ? &first : nullptr;
}

template <class Parse>
int check_bounds(std::string_view schema, const json::object& least, const Parse& parse) {
  int fields = 0;
  EXPECT_TRUE(parse(least));
  for (const auto& field : schemas().at(schema).at("properties").as_object()) {
    json::object body = least;
    const bool required = least.contains(field.key());
    body[field.key()] = nullptr;
    EXPECT_EQ(parse(body), !required) << field.key() << " null";
    const json::object* number = number_of(field.value());
    if (number == nullptr) continue;
    ++fields;
    for (const bool low : {true, false}) {
      const json::value& bound = number->at(low ? "minimum" : "maximum");
      body[field.key()] = bound;
      EXPECT_TRUE(parse(body)) << field.key() << " " << bound;
      if (bound.is_int64() && (bound.as_int64() == INT64_MIN || bound.as_int64() == INT64_MAX)) continue;
      if (bound.is_int64()) {
        body[field.key()] = bound.as_int64() + (low ? -1 : 1);
      } else {
        body[field.key()] = bound.to_number<double>() + (low ? -0.005 : 0.005);
      }
      EXPECT_FALSE(parse(body)) << field.key() << " " << body[field.key()];
    }
  }
  return fields;
}

TEST(OpenApi, LimitsOfChatAreThoseOfTheParser) {
  const json::object least{
      {"model", "m"}, {"messages", json::array{json::object{{"role", "user"}, {"content", "hi"}}}}, {"logprobs", true}};
  const auto parse = [](const json::object& body) { return parse_chat_request(body).has_value(); };
  json::object without = least;
  without.erase("logprobs");  // only top_logprobs needs it
  EXPECT_TRUE(parse(without));
  const auto with_logprobs = [&](json::object body) {
    if (const json::value* value = body.if_contains("logprobs"); value == nullptr || value->is_null()) body["logprobs"] = true;
    return parse(body);
  };
  EXPECT_GE(check_bounds("ChatRequest", without, with_logprobs), 12);
}

TEST(OpenApi, LimitsOfCompletionsAreThoseOfTheParser) {
  const auto parse = [](const json::object& body) { return parse_completion_request(body).has_value(); };
  EXPECT_GE(check_bounds("CompletionRequest", {{"model", "m"}, {"prompt", "hi"}}, parse), 11);
}

}  // namespace
}  // namespace ondol
