#include "gateway/admission.h"

#include <gtest/gtest.h>

#include <ctime>

#include "base/test_folder_test_util.h"
#include "gateway/gateway_test_util.h"

namespace ondol {
namespace {

class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest() : key_(create_api_key(folder_.path("keys"), "n", 1, std::nullopt).value().key) {}

  std::shared_ptr<ApiKeyFile> keys() const { return ApiKeyFile::open(folder_.path("keys"), clock_).value(); }
  static HttpRequest request(bool loopback, HttpHeaders headers = {}, std::string path = "/v1/models") {
    HttpRequest out;
    out.method = "GET";
    out.path = std::move(path);
    out.headers = std::move(headers);
    out.loopback = loopback;
    return out;
  }
  // The code of the refusal; "" if it is let in.
  static std::string code(const AdmissionOptions& options, const HttpRequest& request) {
    const auto error = Admission(options).refusal(request, std::time(nullptr));
    if (!error) return "";
    EXPECT_EQ(error->status, 401);
    return error->code;
  }
  HttpHeaders bearer(const std::string& scheme = "Bearer ") const { return {{"Authorization", scheme + key_}}; }

  const TestFolder folder_;
  const SteadyClock clock_;
  const std::string key_;
};

TEST_F(AdmissionTest, WithoutKeysOnlyThisMachineIsLetIn) {
  EXPECT_EQ(code({}, request(true)), "");
  EXPECT_EQ(code({}, request(false)), "api_keys_not_configured");
  EXPECT_EQ(code({}, request(false, bearer())), "api_keys_not_configured");
  EXPECT_EQ(code({.allow_anonymous = true}, request(false)), "");
}

TEST_F(AdmissionTest, WithKeysOtherMachinesNeedOne) {
  const AdmissionOptions options{.keys = keys()};
  EXPECT_EQ(code(options, request(true)), "");
  EXPECT_EQ(code(options, request(true, {{"Authorization", "Bearer none"}})), "") << "official clients always send something";
  EXPECT_EQ(code(options, request(false)), "missing_api_key");
  EXPECT_EQ(code(options, request(false, bearer())), "");
  EXPECT_EQ(code({.keys = keys(), .require_key = true}, request(true)), "missing_api_key");
  EXPECT_EQ(code({.keys = keys(), .require_key = true}, request(true, bearer())), "");
  EXPECT_EQ(code({.keys = keys(), .allow_anonymous = true}, request(false)), "missing_api_key") << "never weaker than the key file";
}

TEST_F(AdmissionTest, TakesTheKeyFromEitherHeader) {
  const AdmissionOptions options{.keys = keys()};
  EXPECT_EQ(code(options, request(false, {{"X-Api-Key", key_}})), "");
  EXPECT_EQ(code(options, request(false, bearer("bearer   "))), "");
  EXPECT_EQ(code(options, request(false, {{"Authorization", "Basic abc"}, {"x-api-key", key_}})), "");
  for (const HttpHeaders& headers :
       {HttpHeaders{{"Authorization", key_}}, HttpHeaders{{"Authorization", "Bearer"}}, HttpHeaders{{"Authorization", "Bearer "}},
        HttpHeaders{{"Authorization", ""}}, HttpHeaders{{"X-Api-Key", ""}}}) {
    EXPECT_EQ(code(options, request(false, headers)), "missing_api_key");
  }
  for (const HttpHeaders& headers :
       {HttpHeaders{{"Authorization", "Bearer " + key_ + " "}}, HttpHeaders{{"Authorization", "Bearer x"}, {"x-api-key", key_}},
        HttpHeaders{{"Authorization", "Bearer x"}, {"Authorization", "Bearer " + key_}}, HttpHeaders{{"X-Api-Key", "Bearer " + key_}}}) {
    EXPECT_EQ(code(options, request(false, headers)), "invalid_api_key");
  }
}

TEST_F(AdmissionTest, HealthIsForAllAndMetricsForThisMachine) {
  const AdmissionOptions options{.keys = keys(), .require_key = true};
  for (const char* path : {"/health", "/ready"}) {
    EXPECT_EQ(code(options, request(false, {}, path)), "");
    EXPECT_EQ(code({}, request(false, {}, path)), "");
  }
  EXPECT_EQ(code(options, request(true, {}, "/metrics")), "");
  EXPECT_EQ(code(options, request(false, {}, "/metrics")), "missing_api_key");
  EXPECT_EQ(code(options, request(false, bearer(), "/metrics")), "");
  EXPECT_EQ(code({}, request(false, {}, "/metrics")), "api_keys_not_configured");
  for (const char* path : {"/health/", "/health/../v1/models", "//health", "/HEALTH", "/nowhere"}) {
    EXPECT_EQ(code(options, request(false, {}, path)), "missing_api_key") << path;
  }
}

TEST_F(AdmissionTest, ARevokedKeyIsRefused) {
  const AdmissionOptions options{.keys = keys()};
  ASSERT_TRUE(revoke_api_key(folder_.path("keys"), key_.substr(9, 8)));
  EXPECT_EQ(code({.keys = keys()}, request(false, bearer())), "invalid_api_key");
}

TEST_F(AdmissionTest, RefusalsAreReadableByPagesAndNeverRepeatTheKey) {
  const Admission admission({.keys = keys(), .cors = CorsPolicy::create({"https://a"}).value()});
  const auto exchange = std::make_shared<FakeExchange>(request(false, {{"Origin", "https://a"}, {"Authorization", "Bearer sk-secret"}}));
  EXPECT_EQ(admission.admit(exchange, "req_1"), nullptr);
  const HttpResponse response = exchange->wait();
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(find_header(response.headers, "access-control-allow-origin"), "https://a");
  EXPECT_EQ(find_header(response.headers, "x-request-id"), "req_1");
  EXPECT_TRUE(find_header(response.headers, "www-authenticate").starts_with("Bearer"));
  EXPECT_EQ(response.body.find("sk-secret"), std::string::npos);
  EXPECT_NE(response.body.find("invalid_api_key"), std::string::npos);
}

TEST_F(AdmissionTest, AHeadIsAnsweredAsTheWholeRequestWouldBe) {
  const Admission admission({.keys = keys(), .cors = CorsPolicy::create({"https://a"}).value()});
  const HttpHeaders page{{"Origin", "https://a"}};
  HttpHeaders with_key = bearer();
  with_key.insert(with_key.end(), page.begin(), page.end());
  EXPECT_FALSE(admission.answer_to_head(request(false, with_key), "req_1"));
  EXPECT_FALSE(admission.answer_to_head(request(true, page), "req_1"));
  const HttpRequest refused = request(false, page);
  const auto whole = std::make_shared<FakeExchange>(refused);
  EXPECT_EQ(admission.admit(whole, "req_1"), nullptr);
  const auto answer = admission.answer_to_head(refused, "req_1");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 401);
  EXPECT_EQ(answer->body, whole->wait().body);
  for (const char* name : {"access-control-allow-origin", "x-request-id", "www-authenticate", "openai-version"}) {
    EXPECT_FALSE(find_header(answer->headers, name).empty()) << name;
    EXPECT_EQ(find_header(answer->headers, name), find_header(whole->wait().headers, name));
  }
}

TEST_F(AdmissionTest, APreflightNeedsNoKey) {
  const Admission admission({.keys = keys(), .require_key = true, .cors = CorsPolicy::create({"*"}).value()});
  HttpRequest preflight = request(false, {{"Origin", "https://a"}, {"Access-Control-Request-Method", "POST"}});
  preflight.method = "OPTIONS";
  const auto exchange = std::make_shared<FakeExchange>(preflight);
  EXPECT_EQ(admission.admit(exchange, "req_1"), nullptr);
  EXPECT_EQ(exchange->wait().status, 204);
  EXPECT_EQ(find_header(exchange->wait().headers, "x-request-id"), "req_1");
  EXPECT_EQ(admission.answer_to_head(preflight, "req_1").value_or(HttpResponse{}).status, 204);
}

TEST_F(AdmissionTest, WholeAndStreamedAnswersCarryTheHeaders) {
  const Admission admission({.cors = CorsPolicy::create({"https://a"}).value()});
  for (const bool stream : {false, true}) {
    const auto exchange = std::make_shared<FakeExchange>(request(true, {{"Origin", "https://a"}}));
    const auto admitted = admission.admit(exchange, "req_1");
    ASSERT_NE(admitted, nullptr);
    if (stream) {
      admitted->begin_stream(200, "text/event-stream", {{"Cache-Control", "no-cache"}});
      admitted->write("data: 1\n\n");
      admitted->finish();
    } else {
      admitted->respond({.status = 200, .headers = {{"Cache-Control", "no-cache"}}, .body = "data: 1\n\n"});
    }
    const HttpResponse response = exchange->wait();
    EXPECT_EQ(response.body, "data: 1\n\n");
    EXPECT_EQ(find_header(response.headers, "cache-control"), "no-cache");
    EXPECT_EQ(find_header(response.headers, "access-control-allow-origin"), "https://a");
    EXPECT_EQ(find_header(response.headers, "openai-version"), "2020-10-01");
    EXPECT_GE(std::stoi(std::string(find_header(response.headers, "openai-processing-ms"))), 0);
  }
}

TEST_F(AdmissionTest, ALeavingClientIsNoticedThroughIt) {
  const auto exchange = std::make_shared<FakeExchange>(request(true));
  const auto admitted = Admission({}).admit(exchange, "req_1");
  bool left = false;
  admitted->on_disconnect([&] { left = true; });
  EXPECT_TRUE(admitted->connected());
  exchange->disconnect();
  EXPECT_TRUE(left);
  EXPECT_FALSE(admitted->connected());
}

}  // namespace
}  // namespace ondol
