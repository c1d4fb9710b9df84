#include "messages/messages_error.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace ondol {
namespace {

namespace json = boost::json;

TEST(MessagesError, HasAnthropicsShape) {
  EXPECT_EQ(messages_error_json("api_error", "no", "req_1"),
            R"({"type":"error","error":{"type":"api_error","message":"no"},"request_id":"req_1"})");
  EXPECT_EQ(messages_error_json("api_error", "no", ""),
            R"({"type":"error","error":{"type":"api_error","message":"no"},"request_id":null})");
}

TEST(MessagesError, StatusesAndTypes) {
  struct Row {
    int status, given;
    std::string_view type;
  };
  for (const Row& row :
       {Row{400, 400, "invalid_request_error"}, Row{401, 401, "authentication_error"}, Row{402, 402, "billing_error"},
        Row{403, 403, "permission_error"}, Row{404, 404, "not_found_error"}, Row{405, 405, "invalid_request_error"},
        Row{408, 408, "invalid_request_error"}, Row{409, 409, "conflict_error"}, Row{413, 413, "request_too_large"},
        Row{422, 422, "invalid_request_error"}, Row{429, 429, "rate_limit_error"}, Row{500, 500, "api_error"}, Row{502, 502, "api_error"},
        Row{503, 529, "overloaded_error"}, Row{504, 504, "timeout_error"}, Row{529, 529, "overloaded_error"}}) {
    EXPECT_EQ(messages_error_type(row.status), row.type) << row.status;
    EXPECT_EQ(messages_status(row.status), row.given);
  }
}

TEST(MessagesError, OwnErrorsKeepTheirHeaders) {
  const HttpResponse response = messages_error_response(overloaded("later"), "req_1");
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers, (HttpHeaders{{"Retry-After", "1"}, {"request-id", "req_1"}}));
  EXPECT_EQ(json::parse(response.body).at("error"), json::parse(R"({"type": "rate_limit_error", "message": "later"})"));
  EXPECT_EQ(messages_error_response(not_ready(), "").status, 529);
}

TEST(MessagesError, ErrorsOfEngines) {
  const auto turned = [](int status, std::string body) {
    HttpResponse answer;
    answer.status = status;
    answer.body = std::move(body);
    answer.content_type = "text/plain";
    return messages_error_from_chat(std::move(answer), "req_1");
  };
  const HttpResponse response = turned(404, R"({"error": {"message": "no such model", "type": "x"}})");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, R"({"type":"error","error":{"type":"not_found_error","message":"no such model"},"request_id":"req_1"})");
  const auto says = [&](std::string body) { return json::parse(turned(500, std::move(body)).body).at("error").at("message"); };
  EXPECT_EQ(says(R"({"object": "error", "message": "old vLLM"})"), "old vLLM");
  EXPECT_EQ(says(R"({"error": "text"})"), "text");
  EXPECT_EQ(says(R"({"detail": "FastAPI"})"), "FastAPI");
  EXPECT_EQ(says("<html>"), "The engine answered with status 500 and no reason.");
}

TEST(MessagesError, StatusOfAnErrorInAStream) {
  const auto status = [](const char* text) { return status_in(json::parse(text).as_object()); };
  EXPECT_EQ(status(R"({"error": {"message": "m", "type": "BadRequestError", "code": 400}})"), 400);
  EXPECT_EQ(status(R"({"error": {"message": "m", "type": "rate_limit_error", "code": "queue_full"}})"), 429);
  EXPECT_EQ(status(R"({"error": {"message": "m", "type": "server_error"}})"), 500);
  EXPECT_EQ(status(R"({"error": {"code": 7}})"), 500);
  EXPECT_EQ(status(R"({"error": "text"})"), 500);
}

}  // namespace
}  // namespace ondol
