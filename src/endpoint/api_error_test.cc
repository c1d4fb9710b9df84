#include "endpoint/api_error.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(ApiError, HasOpenAIsShape) {
  EXPECT_EQ(error_json(invalid_request("stop", "no").error()),
            R"({"error":{"message":"no","type":"invalid_request_error","param":"stop","code":null}})");
  EXPECT_EQ(error_json(unsupported("tools", "no").error()),
            R"({"error":{"message":"no","type":"invalid_request_error","param":"tools","code":"unsupported_parameter"}})");
}

TEST(ApiError, StatusesAndHeaders) {
  struct Row {
    ApiError error;
    int status;
    std::string type, code;
    HttpHeaders headers;
  };
  const std::vector<Row> rows = {
      {to_api_error({Code::kInvalidArgument, "m"}), 400, "invalid_request_error", "", {}},
      {to_api_error({Code::kOutOfRange, "m"}), 400, "invalid_request_error", "context_length_exceeded", {}},
      {to_api_error({Code::kUnauthenticated, "m"}), 401, "authentication_error", "", {{"WWW-Authenticate", "Bearer realm=\"ondol\""}}},
      {to_api_error({Code::kDeadlineExceeded, "m"}), 408, "invalid_request_error", "deadline_exceeded", {}},
      {unauthenticated("m", "invalid_api_key"),
       401,
       "authentication_error",
       "invalid_api_key",
       {{"WWW-Authenticate", "Bearer realm=\"ondol\""}}},
      {forbidden_origin("https://a"), 403, "permission_error", "origin_not_allowed", {}},
      {to_api_error({Code::kPermissionDenied, "m"}), 403, "permission_error", "", {}},
      {to_api_error({Code::kResourceExhausted, "m"}), 429, "rate_limit_error", "queue_full", {{"Retry-After", "1"}}},
      {to_api_error({Code::kInternal, "m"}), 500, "server_error", "", {}},
      {to_api_error({Code::kUnavailable, "m"}), 503, "server_error", "", {{"Retry-After", "1"}}},
      {not_ready(), 503, "server_error", "not_ready", {{"Retry-After", "1"}}},
      {overloaded("m"), 429, "rate_limit_error", "queue_full", {{"Retry-After", "1"}}},
      {not_found("m", "model", "model_not_found"), 404, "invalid_request_error", "model_not_found", {}},
      {method_not_allowed("PUT", "/health", "GET"), 405, "invalid_request_error", "method_not_allowed", {{"Allow", "GET"}}},
      {unsupported_media_type("text/xml"), 415, "invalid_request_error", "unsupported_media_type", {}},
  };
  for (const Row& row : rows) {
    const HttpResponse response = error_response(row.error);
    EXPECT_EQ(response.status, row.status);
    EXPECT_EQ(row.error.type, row.type);
    EXPECT_EQ(row.error.code, row.code);
    EXPECT_EQ(response.headers, row.headers);
    EXPECT_EQ(response.content_type, "application/json");
  }
}

}  // namespace
}  // namespace ondol
