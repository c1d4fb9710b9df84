#include "gateway/cors.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

constexpr const char* kOrigin = "https://chat.example.com";

HttpRequest request(std::string method, HttpHeaders headers) {
  HttpRequest out;
  out.method = std::move(method);
  out.path = "/v1/models";
  out.headers = std::move(headers);
  return out;
}

HttpRequest preflight_of(const std::string& origin, const std::string& wanted = "") {
  HttpHeaders headers{{"Origin", origin}, {"Access-Control-Request-Method", "POST"}};
  if (!wanted.empty()) headers.emplace_back("Access-Control-Request-Headers", wanted);
  return request("OPTIONS", headers);
}

CorsPolicy policy(std::vector<std::string> origins) { return CorsPolicy::create(std::move(origins)).value(); }

TEST(Cors, IsSilentByDefault) {
  EXPECT_FALSE(CorsPolicy().preflight(preflight_of(kOrigin)));
  EXPECT_TRUE(CorsPolicy().headers(request("GET", {{"Origin", kOrigin}})).empty());
}

TEST(Cors, AnswersThePreflightOfAnAllowedPage) {
  const auto response = policy({"http://localhost:3000", kOrigin}).preflight(preflight_of(kOrigin, "authorization,x-stainless-os"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 204);
  EXPECT_EQ(find_header(response->headers, "access-control-allow-origin"), kOrigin);
  EXPECT_EQ(find_header(response->headers, "access-control-allow-headers"), "authorization,x-stainless-os");
  EXPECT_NE(find_header(response->headers, "access-control-allow-methods").find("POST"), std::string_view::npos);
  EXPECT_EQ(find_header(response->headers, "access-control-max-age"), "7200");
  EXPECT_NE(find_header(response->headers, "vary").find("Origin"), std::string_view::npos);
}

TEST(Cors, EchoesOnlyHeaderNames) {
  for (const std::string& wanted : {std::string(), std::string("a\r\nSet-Cookie: x"), std::string("a;b"), std::string(3000, 'a')}) {
    const auto response = policy({kOrigin}).preflight(preflight_of(kOrigin, wanted));
    EXPECT_EQ(find_header(response->headers, "access-control-allow-headers"), "authorization, content-type, x-api-key, x-request-id");
  }
}

TEST(Cors, RefusesThePreflightOfAnotherPage) {
  for (const char* origin : {"https://evil.example", "https://chat.example.com.evil.example", "http://chat.example.com", "null",
                             "https://chat.example.com:444", "HTTPS://chat.example.com"}) {
    const auto response = policy({kOrigin}).preflight(preflight_of(origin));
    ASSERT_TRUE(response) << origin;
    EXPECT_EQ(response->status, 403);
    EXPECT_EQ(find_header(response->headers, "access-control-allow-origin"), "") << origin;
    EXPECT_EQ(find_header(response->headers, "vary"), "Origin");
  }
}

TEST(Cors, LeavesOtherOptionsRequestsAlone) {
  EXPECT_FALSE(policy({kOrigin}).preflight(request("OPTIONS", {{"Origin", kOrigin}})));
  EXPECT_FALSE(policy({kOrigin}).preflight(request("OPTIONS", {{"Access-Control-Request-Method", "GET"}})));
  HttpRequest get = preflight_of(kOrigin);
  get.method = "GET";
  EXPECT_FALSE(policy({kOrigin}).preflight(get));
}

TEST(Cors, NamesTheOriginThatItAllowed) {
  const CorsPolicy some = policy({kOrigin});
  const HttpHeaders allowed = some.headers(request("GET", {{"Origin", kOrigin}}));
  EXPECT_EQ(find_header(allowed, "access-control-allow-origin"), kOrigin);
  EXPECT_NE(find_header(allowed, "access-control-expose-headers").find("x-request-id"), std::string_view::npos);
  EXPECT_EQ(find_header(allowed, "vary"), "Origin");
  for (const HttpHeaders& others : {HttpHeaders{}, HttpHeaders{{"Origin", "https://evil.example"}}}) {
    EXPECT_EQ(some.headers(request("GET", others)), (HttpHeaders{{"Vary", "Origin"}})) << "a cache must tell them apart";
  }
}

TEST(Cors, AStarAllowsEveryPageAlike) {
  const CorsPolicy every = policy({"*"});
  const HttpHeaders headers = every.headers(request("GET", {{"Origin", "https://anywhere.example"}}));
  EXPECT_EQ(find_header(headers, "access-control-allow-origin"), "*");
  EXPECT_EQ(find_header(headers, "vary"), "");
  EXPECT_EQ(find_header(headers, "access-control-allow-credentials"), "");
  EXPECT_EQ(every.preflight(preflight_of("https://anywhere.example"))->status, 204);
}

TEST(Cors, RefusesWhatIsNoOrigin) {
  for (const char* origin : {"", "example.com", "null", "https://", "://a", "https://a/", "https://a/b", "https://A", "https://*.a",
                             "https://a b", "https://a\r\n"}) {
    EXPECT_FALSE(CorsPolicy::create({origin})) << origin;
  }
  for (const char* origin : {"https://a", "http://localhost:3000", "http://[::1]:80", "chrome-extension://abcdef", "tauri://localhost"}) {
    EXPECT_TRUE(CorsPolicy::create({origin})) << origin;
  }
}

}  // namespace
}  // namespace ondol
