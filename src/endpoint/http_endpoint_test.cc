#include "endpoint/http_endpoint.h"

#include "endpoint/conformance_test_util.h"
#include "endpoint/questions.h"
#include "endpoint/scripted_server_test_util.h"

namespace ondol {
namespace {

constexpr const char* kWhole =
    R"({"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]})";
const std::vector<std::string> kEvents{R"(data: {"choices":[{"delta":{"content":"Hel"}}]})"
                                       "\n\n",
                                       R"(data: {"choices":[{"delta":{"content":"lo"}}]})"
                                       "\n\n",
                                       "data: [DONE]\n\n"};

// Two engines, as with data parallelism; the KV figure is there and means nothing.
constexpr const char* kFuriosaMetrics =
    "# HELP furiosa_llm_num_requests_running x\n# TYPE furiosa_llm_num_requests_running gauge\n"
    "furiosa_llm_num_requests_running{model_name=\"m\",engine=\"0\"} 3\nfuriosa_llm_num_requests_running{model_name=\"m\",engine=\"1\"} "
    "4.0\n"
    "furiosa_llm_num_requests_waiting{engine=\"0\"} 1\nfuriosa_llm_num_requests_waiting{engine=\"1\"} 0\n"
    "furiosa_llm_kv_cache_usage_percent{engine=\"0\"} 1\n"
    "furiosa_llm_prefix_cache_hits_total 25\nfuriosa_llm_prefix_cache_queries_total 100\n"
    "furiosa_llm_prompt_tokens_total{engine=\"0\"} 1e3\nfuriosa_llm_prompt_tokens_total{engine=\"1\"} 1\n"
    "furiosa_llm_generation_tokens_total 77\n";

std::unique_ptr<ConformanceSubject> furiosa() {
  auto subject = std::make_unique<ScriptedSubject>(EndpointKind::kFuriosaLlm, "/health");
  subject->on("GET", "/metrics", "", {.content_type = "text/plain; charset=utf-8", .body = kFuriosaMetrics});
  std::map<std::string, EndpointRequest> requests;
  load_recording(*subject, ONDOL_SOURCE_DIR "/tests/data/furiosa_llm/furiosa_llm_2026_4_http.jsonl", requests);
  subject->chat = requests["chat"];
  subject->stream = requests["chat-stream"];
  subject->bad = requests["chat-n2"];
  subject->answer = R"("content":"Lorem ")";
  subject->streamed = R"("delta":{"content":"L"})";
  subject->bad_body = R"({"object":"error","message":)";
  subject->load = {
      .running = 7, .waiting = 1, .kv_used = {}, .prefix_hit_rate = 0.25, .prompt_tokens_total = 1001, .generated_tokens_total = 77};
  subject->capabilities = {
      .models = {{"ondol-test", 4096}}, .multiple_choices = false, .model_is_ignored = true, .version = "2026.4.0 furiosa-llm/b1baffa"};
  return subject;
}

std::unique_ptr<ScriptedSubject> plain(EndpointKind kind, std::string probe_path, bool https = false) {
  auto subject = std::make_unique<ScriptedSubject>(kind, std::move(probe_path), https);
  subject->chat = post_json("/v1/chat/completions", R"({"model":"m","messages":[]})");
  subject->stream = post_json("/v1/chat/completions", R"({"model":"m","messages":[],"stream":true})");
  subject->bad = post_json("/v1/chat/completions", R"({"model":"m"})");
  subject->answer = "Hello";
  subject->streamed = "Hel";
  subject->bad_body = R"({"error":{"message":"messages: field required"}})";
  subject->on("POST", "/v1/chat/completions", subject->chat.body, {.body = kWhole});
  subject->on("POST", "/v1/chat/completions", subject->stream.body, {.content_type = "text/event-stream", .chunks = kEvents});
  subject->on("POST", "/v1/chat/completions", subject->bad.body, {.status = 400, .body = subject->bad_body});
  subject->on("GET", "/v1/models", "", {.body = R"({"object":"list","data":[{"id":"m","object":"model","max_model_len":32768}]})"});
  subject->capabilities.models = {{"m", 32768}};
  return subject;
}

std::unique_ptr<ConformanceSubject> vllm() {
  auto subject = plain(EndpointKind::kVllm, "/health");
  subject->on("GET", "/health", "", {.body = ""});
  subject->on("GET", "/version", "", {.body = R"({"version":"0.10.1"})"});
  subject->on(
      "GET", "/metrics", "",
      {.content_type = "text/plain",
       .body =
           "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 2.0\nvllm:num_requests_waiting{engine=\"0\",model_name=\"m\"} 5.0\n"
           "vllm:kv_cache_usage_perc{engine=\"0\"} 0.5\nvllm:prefix_cache_hits_total 3\nvllm:prefix_cache_queries_total 4\n"
           "vllm:prompt_tokens_total 10\nvllm:generation_tokens_total 20\n"});
  subject->load = {
      .running = 2, .waiting = 5, .kv_used = 0.5, .prefix_hit_rate = 0.75, .prompt_tokens_total = 10, .generated_tokens_total = 20};
  subject->capabilities.version = "0.10.1";
  return subject;
}

std::unique_ptr<ConformanceSubject> ondol_server() {
  auto subject = plain(EndpointKind::kOndol, "/ready");
  subject->on("GET", "/ready", "", {.body = "{}"});
  subject->on("GET", "/version", "", {.body = R"({"version":"0.1.0","commit":"abc"})"});
  subject->on(
      "GET", "/metrics", "",
      {.content_type = "text/plain",
       .body = "ondol_requests_running{model=\"a\"} 1\nondol_requests_running{model=\"b\"} 1\nondol_requests_waiting{model=\"a\"} 0\n"
               "ondol_kv_blocks{model=\"a\",state=\"total\"} 100\nondol_kv_blocks{model=\"a\",state=\"free\"} 75\n"
               "ondol_prompt_tokens_total 100\nondol_prompt_tokens_cached_total 50\nondol_completion_tokens_total 9\n"});
  subject->load = {
      .running = 2, .waiting = 0, .kv_used = 0.25, .prefix_hit_rate = 0.5, .prompt_tokens_total = 100, .generated_tokens_total = 9};
  subject->capabilities.version = "0.1.0 abc";
  return subject;
}

std::unique_ptr<ConformanceSubject> openai() { return plain(EndpointKind::kOpenAi, "/v1/models"); }
std::unique_ptr<ConformanceSubject> openai_https() { return plain(EndpointKind::kOpenAi, "/v1/models", true); }

INSTANTIATE_TEST_SUITE_P(Http, EndpointConformance,
                         testing::Values(ConformanceCase{"FuriosaLlm", furiosa}, ConformanceCase{"Vllm", vllm},
                                         ConformanceCase{"Ondol", ondol_server}, ConformanceCase{"OpenAi", openai},
                                         ConformanceCase{"OpenAiHttps", openai_https}),
                         conformance_name);

TEST(HttpEndpoint, EveryRecordedAnswerOfFuriosaLlmPassesByteForByte) {
  ScriptedSubject subject(EndpointKind::kFuriosaLlm, "/health");
  std::map<std::string, EndpointRequest> requests;
  load_recording(subject, ONDOL_SOURCE_DIR "/tests/data/furiosa_llm/furiosa_llm_2026_4_http.jsonl", requests);
  const auto endpoint = subject.make({});
  for (const auto& [name, request] : requests) {
    const auto sink = std::make_shared<CollectSink<EndpointSink>>();
    ASSERT_TRUE(endpoint->send(request, sink));
    EXPECT_EQ(sink->wait_end(), "") << name;
    const ScriptedAnswer expected = subject.answer_to(request);
    std::string body = expected.body;
    for (const std::string& chunk : expected.chunks) body += chunk;
    EXPECT_EQ(sink->status(), expected.status) << name;
    EXPECT_EQ(sink->body(), body) << name;
    EXPECT_EQ(sink->header("content-type"), expected.content_type) << name;
  }
}

TEST(HttpEndpoint, ItsKeyReplacesTheClients) {
  ScriptedSubject subject(EndpointKind::kOpenAi, "/v1/models");
  subject.on("GET", "/v1/models", "", {.body = R"({"data":[]})"});
  EndpointRequest request;
  request.method = "GET";
  request.target = "/v1/models";
  request.headers = {{"authorization", "Bearer of-the-client"}};
  for (const char* key : {"", "of-the-endpoint"}) {
    const auto endpoint = subject.make({.api_key = key});
    const auto sink = std::make_shared<CollectSink<EndpointSink>>();
    ASSERT_TRUE(endpoint->send(request, sink));
    EXPECT_EQ(sink->wait_end(), "");
    EXPECT_EQ(subject.last_authorization(), std::string("Bearer ") + (*key == 0 ? "of-the-client" : key));
  }
}

TEST(HttpEndpoint, UrlsThatCannotBeServedAreRefused) {
  const auto code = [](EndpointKind kind, const char* url) {
    const auto made = make_http_endpoint(kind, url, {});
    return made ? "made" : std::string(code_name(made.error().code));
  };
  EXPECT_EQ(code(EndpointKind::kVllm, "http://127.0.0.1:1/v1"), "made");
  EXPECT_EQ(code(EndpointKind::kVllm, "https://127.0.0.1:1/v1"), "made");
  EXPECT_EQ(code(EndpointKind::kVllm, "ftp://x"), "invalid_argument");
  EXPECT_EQ(code(EndpointKind::kVllm, "http://a:b@x"), "invalid_argument");
  EXPECT_EQ(code(EndpointKind::kVllm, "http://x/?a=b"), "invalid_argument");
  EXPECT_EQ(code(EndpointKind::kBuiltin, "http://x"), "invalid_argument");
  const std::shared_ptr<AsyncClient> client = AsyncClient::start({.ca_file = "/no/ca.pem"});
  const auto made = make_http_endpoint(EndpointKind::kVllm, "https://x", {}, client);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("/no/ca.pem"), std::string::npos) << made.error().message;
  EXPECT_TRUE(make_http_endpoint(EndpointKind::kVllm, "http://x", {}, client));
}

TEST(Questions, AnswersThatAreNoneAreErrors) {
  for (const char* body : {"", "[]", "{", "{}", R"({"data":{}})", R"({"data":[1]})", R"({"data":[{"id":1}]})"}) {
    const auto models = read_models(body);
    ASSERT_FALSE(models) << body;
    EXPECT_EQ(models.error().code, Code::kDataLoss) << body;
  }
  EXPECT_FALSE(read_models(std::string(100'000, '[')));
  EXPECT_EQ(read_models(R"({"data":[{"id":"a","max_model_len":-1},{"id":"b","max_model_len":7}]})")->at(1).max_context, 7);
  EXPECT_FALSE(read_models(R"({"data":[{"id":"a","max_model_len":-1}]})")->at(0).max_context);
  EXPECT_EQ(read_version("nothing"), "");
  EXPECT_LE(read_version(R"({"version":")" + std::string(5000, 'v') + "\"}").size(), 256u);
}

TEST(EndpointKinds, NamesGoBothWays) {
  for (const auto kind :
       {EndpointKind::kBuiltin, EndpointKind::kFuriosaLlm, EndpointKind::kVllm, EndpointKind::kOpenAi, EndpointKind::kOndol}) {
    EXPECT_EQ(parse_endpoint_kind(endpoint_kind_name(kind)).value(), kind);
  }
  EXPECT_FALSE(parse_endpoint_kind("tgi"));
}

}  // namespace
}  // namespace ondol
