// The twin of furiosa-llm against what the real one answered (tests/data/furiosa_llm: its HTTP layer, recorded over a stand-in engine).
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <regex>
#include <set>

#include "twin/surface_test_util.h"

namespace ondol {
namespace json = boost::json;
namespace {

struct Answer {
  int status = 0;
  std::set<std::string> headers;   // "name: value", the name in lower case
  std::vector<std::string> parts;  // chunks, or the body
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::vector<std::string> split_chunks(std::string_view body) {
  std::vector<std::string> out;
  while (!body.empty()) {
    const size_t size = std::stoul(std::string(body.substr(0, body.find("\r\n"))), nullptr, 16);
    body.remove_prefix(body.find("\r\n") + 2);
    if (size == 0) break;
    out.emplace_back(body.substr(0, size));
    body.remove_prefix(size + 2);
  }
  return out;
}

Answer parse(const std::string& raw) {
  Answer answer;
  const size_t end = raw.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  answer.status = std::atoi(raw.c_str() + 9);
  bool chunked = false;
  size_t length = 0;
  for (size_t at = raw.find("\r\n") + 2; at < end;) {
    const size_t eol = raw.find("\r\n", at);
    const std::string line = raw.substr(at, eol - at);
    const std::string name = lower(line.substr(0, line.find(':')));
    if (name == "content-length") length = std::stoul(line.substr(line.find(':') + 1));
    chunked = chunked || name == "transfer-encoding";
    if (name != "date") answer.headers.insert(name + line.substr(line.find(':')));
    at = eol + 2;
  }
  const std::string body = raw.substr(end + 4);
  answer.parts = chunked ? split_chunks(body) : std::vector<std::string>{body};
  if (!chunked) {
    EXPECT_EQ(length, body.size());
  }
  return answer;
}

// What may differ: random ids, times, and the twin's own fields.
std::string masked(std::string text) {
  static const std::regex kId("(chat|cmpl|resp)-[0-9a-f]{32}"), kTime(R"re(("(?:created|created_at|completed_at)": ?)\d{10})re");
  static const std::regex kTwin(R"re(,"ondol_twin":true(,"ondol_text":"filler")?)re");
  text = std::regex_replace(text, kId, "$1-ID");
  text = std::regex_replace(text, kTime, "$1TIME");
  return std::regex_replace(text, kTwin, "");
}

class FuriosaSurface : public SurfaceTest {
 protected:
  void SetUp() override { start(make_furiosa_surface); }

  std::string replay(const json::object& request) {
    std::string head =
        std::string(request.at("method").as_string()) + " " + std::string(request.at("path").as_string()) + " HTTP/1.1\r\nHost: h\r\n";
    for (const auto& header : request.at("headers").as_object()) {
      head += std::string(header.key()) + ": " + std::string(header.value().as_string()) + "\r\n";
    }
    TestSocket socket(server_->port());
    EXPECT_TRUE(socket.send(head + "\r\n" + std::string(request.at("body").as_string())));
    return socket.read_all();
  }
};

TEST_F(FuriosaSurface, AnswersAsRecorded) {
  std::ifstream file(std::string(ONDOL_SOURCE_DIR) + "/tests/data/furiosa_llm/http_2026_4.jsonl");
  int seen = 0;
  for (std::string line; std::getline(file, line); ++seen) {
    const json::object exchange = json::parse(line).as_object();
    const json::object& expected = exchange.at("response").as_object();
    SCOPED_TRACE(std::string(exchange.at("name").as_string()));
    const Answer answer = parse(replay(exchange.at("request").as_object()));
    EXPECT_EQ(answer.status, expected.at("status").as_int64());
    const bool metrics = exchange.at("name") == "metrics";
    std::set<std::string> headers;
    for (const json::value& header : expected.at("headers").as_array()) headers.emplace(std::string(header.as_string()));
    // The length is that of the body, which is compared (apart from the twin's own fields).
    const auto without_length = [](std::set<std::string> all) {
      std::erase_if(all, [](const std::string& header) { return header.starts_with("content-length"); });
      return all;
    };
    EXPECT_EQ(without_length(answer.headers), without_length(headers));
    EXPECT_EQ(answer.headers.size(), headers.size());
    std::vector<std::string> parts;
    if (const json::value* chunks = expected.if_contains("chunks")) {
      for (const json::value& chunk : chunks->as_array()) parts.emplace_back(std::string(chunk.as_string()));
    } else {
      parts.emplace_back(std::string(expected.at("body").as_string()));
    }
    if (metrics) {
      EXPECT_NE(answer.parts.at(0).find("# HELP furiosa_llm_num_requests_running "), std::string::npos);
      continue;
    }
    ASSERT_EQ(answer.parts.size(), parts.size());
    for (size_t i = 0; i < parts.size(); ++i) EXPECT_EQ(masked(answer.parts[i]), masked(parts[i]));
  }
  EXPECT_EQ(seen, 38);
}

TEST_F(FuriosaSurface, SaysThatItIsATwin) {
  EXPECT_NE(ask("GET", "/version").find("\"ondol_twin\":true,\"ondol_text\":\"filler\""), std::string::npos);
  EXPECT_NE(ask("GET", "/v1/models").find("\"ondol_twin\":true"), std::string::npos);
}

TEST_F(FuriosaSurface, ALeavingClientAbortsItsRequest) {
  engine_->hold();
  {
    TestSocket client =
        send("POST", "/v1/chat/completions", R"({"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":50,"stream":true})");
    EXPECT_TRUE(engine_->held_signal_.wait());
  }
  EXPECT_TRUE(engine_->cancelled_.wait());
}

TEST_F(FuriosaSurface, ACrashInTheMiddleIsToldInTheStream) {
  engine_->hold();
  TestSocket client = send("POST", "/v1/completions", R"({"model":"m","prompt":"hello","max_tokens":9,"stream":true})");
  const auto [request, sink] = engine_->take_held();
  ScriptedEngine::finish(request, *sink, 3, TwinFinish::kEngineError);
  const Answer answer = parse(client.read_all());
  ASSERT_EQ(answer.parts.size(), 5u);
  EXPECT_NE(answer.parts[2].find("\"text\":\"r\""), std::string::npos);
  EXPECT_NE(answer.parts[3].find("\"code\": 500"), std::string::npos);
  EXPECT_EQ(answer.parts[4], "data: [DONE]\n\n");
}

TEST_F(FuriosaSurface, WithoutALimitTheAnswerEndsByItself) {
  const std::string answer = ask("POST", "/v1/chat/completions", R"({"model":"m","messages":[{"role":"user","content":"hi"}]})");
  EXPECT_NE(answer.find("\"finish_reason\":\"stop\""), std::string::npos);
  EXPECT_EQ(answer.find("\"completion_tokens\":0"), std::string::npos);
}

TEST_F(FuriosaSurface, AnEngineThatIsGoneIsNotHealthy) {
  engine_->inject({.kind = TwinFault::Kind::kCrash});
  EXPECT_EQ(parse(ask("GET", "/health")).status, 503);
}

TEST_F(FuriosaSurface, SeveralPromptsHaveAnIndexEach) {
  const std::string body = parse(ask("POST", "/v1/completions", R"({"model":"m","prompt":["one","three"],"max_tokens":4})")).parts.at(0);
  const json::object answer = json::parse(body).as_object();
  ASSERT_EQ(answer.at("choices").as_array().size(), 2u);
  EXPECT_EQ(answer.at("choices").as_array()[1].at("index"), 1);
  EXPECT_EQ(answer.at("usage").at("prompt_tokens"), 8);
  EXPECT_EQ(answer.at("usage").at("completion_tokens"), 8);
  // If one of them fails, so does the answer.
  EXPECT_EQ(parse(ask("POST", "/v1/completions", R"({"model":"m","prompt":["one","two too"],"max_tokens":4})")).status, 500);
}

TEST(FuriosaDevMode, TheResetMakesPromptsNew) {
  SurfaceOptions options;
  options.model = "m";
  options.dev_mode = true;
  const auto engine = std::make_shared<ScriptedEngine>();
  const auto surface = make_furiosa_surface(options, engine);
  Registry metrics;
  auto server = HttpServer::start({}, metrics, [surface](const std::shared_ptr<Exchange>& exchange) { surface->handle(exchange); });
  ASSERT_TRUE(server);
  const auto post = [&](const std::string& path, const std::string& body) {
    TestSocket socket((*server)->port());
    EXPECT_TRUE(socket.send("POST " + path +
                            " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\n\r\n" + body));
    return parse(socket.read_all()).status;
  };
  const std::string prompt = R"({"model":"m","prompt":"the same words","max_tokens":1})";
  EXPECT_EQ(post("/v1/completions", prompt), 200);
  EXPECT_EQ(post("/v1/completions", prompt), 200);
  EXPECT_EQ(post("/reset_prefix_cache", R"({"target":"all"})"), 200);
  EXPECT_EQ(post("/v1/completions", prompt), 200);
  const auto prompts = engine->prompts();
  EXPECT_EQ(prompts.at(0), prompts.at(1));
  EXPECT_NE(prompts.at(0), prompts.at(2));
  engine->load_.running = 1;
  EXPECT_EQ(post("/reset_prefix_cache", R"({"target":"all"})"), 409);
}

}  // namespace
}  // namespace ondol
