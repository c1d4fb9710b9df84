// A server whose answers are written down: the far side of the HTTP endpoints in tests.
//
// Owner: a test. The handler runs on the server's thread. Bounded by what the test sends.
#pragma once

#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>

#include "endpoint/conformance_test_util.h"
#include "endpoint/http_endpoint.h"
#include "net/certificate_test_util.h"
#include "net/server.h"

namespace ondol {

struct ScriptedAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<std::string> chunks = {};  // if any: streamed
};

class ScriptedSubject : public ConformanceSubject {
 public:
  explicit ScriptedSubject(EndpointKind kind, std::string probe_path, bool https = false)
      : kind_(kind), probe_path_(std::move(probe_path)) {
    HttpServerOptions options;
    if (https) {
      certificate_.emplace("IP:127.0.0.1");
      options.tls_certificate = certificate_->path();
      options.tls_key = certificate_->key_path();
    }
    auto server = HttpServer::start(options, metrics_, [this](std::shared_ptr<Exchange> exchange) { handle(std::move(exchange)); });
    if (!server) return;
    server_ = std::move(*server);
    url_ = (https ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(server_->port());
  }
  ~ScriptedSubject() override { stop(); }

  // The answer to requests with that body; with an empty one to all that have no answer of their own.
  void on(const std::string& method, const std::string& path, const std::string& body, ScriptedAnswer answer) {
    const std::scoped_lock lock(mutex_);
    answers_.emplace(method + " " + path + "\n" + body, std::move(answer));
  }

  std::unique_ptr<Endpoint> make(const EndpointOptions& options) override {
    std::shared_ptr<AsyncClient> client;
    if (certificate_) client = AsyncClient::start({.connect_timeout_us = options.connect_timeout_us, .ca_file = certificate_->path()});
    auto made = make_http_endpoint(kind_, url_, options, std::move(client));
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  void set_mode(Mode mode) override {
    const std::scoped_lock lock(mutex_);
    mode_ = mode;
  }
  void set_ready(bool ready) override {
    const std::scoped_lock lock(mutex_);
    ready_ = ready;
  }
  bool break_off() override {
    for (const auto& exchange : take_held()) exchange->abort();
    return true;
  }
  bool go_down() override {
    stop();
    return true;
  }
  // What it answers to that request while chats are answered.
  ScriptedAnswer answer_to(const EndpointRequest& request) {
    HttpRequest asked;
    asked.method = request.method;
    asked.path = request.target;
    asked.body = request.body;
    const std::scoped_lock lock(mutex_);
    return lookup(asked);
  }
  std::string last_authorization() {
    const std::scoped_lock lock(mutex_);
    return authorization_;
  }

 private:
  void stop() {
    if (server_ != nullptr) server_->stop(0);
    take_held();
  }
  std::vector<std::shared_ptr<Exchange>> take_held() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(held_, {});
  }

  void handle(std::shared_ptr<Exchange> exchange) {
    const HttpRequest& request = exchange->request();
    const std::scoped_lock lock(mutex_);
    authorization_ = find_header(request.headers, "authorization");
    if (request.path == probe_path_ && request.method == "GET" && !ready_) return say(*exchange, {.status = 503, .body = "{}"});
    const auto* answer = &lookup(request);
    const bool is_chat = request.method == "POST" && answer->status == 200;
    if (is_chat) {
      exchange->on_disconnect([this] { freed.raise(); });
      arrived.raise();
    }
    if (!is_chat || mode_ == Mode::kAnswer) return say(*exchange, *answer);
    if (mode_ == Mode::kHalf && !answer->chunks.empty()) {
      exchange->begin_stream(200, answer->content_type, {});
      exchange->write(answer->chunks[0]);
    }
    held_.push_back(std::move(exchange));
  }

  const ScriptedAnswer& lookup(const HttpRequest& request) {
    static const ScriptedAnswer kNothing{.status = 404, .body = R"({"detail":"Not Found"})"};
    const std::string route = request.method + " " + request.path + "\n";
    auto found = answers_.find(route + request.body);
    if (found == answers_.end()) found = answers_.find(route);
    return found == answers_.end() ? kNothing : found->second;
  }

  static void say(Exchange& exchange, const ScriptedAnswer& answer) {
    if (answer.chunks.empty()) {
      HttpResponse response;
      response.status = answer.status;
      response.content_type = answer.content_type;
      response.body = answer.body;
      return exchange.respond(std::move(response));
    }
    exchange.begin_stream(answer.status, answer.content_type, {});
    for (const std::string& chunk : answer.chunks) exchange.write(chunk);
    exchange.finish();
  }

  const EndpointKind kind_;
  const std::string probe_path_;
  std::optional<TestCertificate> certificate_;  // https
  Registry metrics_;
  std::mutex mutex_;
  std::map<std::string, ScriptedAnswer> answers_;
  std::vector<std::shared_ptr<Exchange>> held_;
  Mode mode_ = Mode::kAnswer;
  bool ready_ = true;
  std::string url_, authorization_;
  std::unique_ptr<HttpServer> server_;
};

inline EndpointRequest post_json(std::string target, std::string body) {
  EndpointRequest request;
  request.target = std::move(target);
  request.headers = {{"Content-Type", "application/json"}};
  request.body = std::move(body);
  return request;
}

// Each answer of a recording of furiosa-llm (tests/data/furiosa_llm); the first wins where a request was recorded twice.
inline void load_recording(ScriptedSubject& subject, const std::string& path, std::map<std::string, EndpointRequest>& requests) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const boost::json::value entry = boost::json::parse(line);
    const auto& asked = entry.at("request").as_object();
    const auto& answered = entry.at("response").as_object();
    ScriptedAnswer answer{.status = static_cast<int>(answered.at("status").as_int64())};
    for (const auto& header : answered.at("headers").as_array()) {
      const std::string text(header.as_string());
      if (text.starts_with("content-type: ")) answer.content_type = text.substr(14);
    }
    if (const auto* chunks = answered.if_contains("chunks")) {
      for (const auto& chunk : chunks->as_array()) answer.chunks.emplace_back(chunk.as_string());
    } else {
      answer.body = answered.at("body").as_string();
    }
    EndpointRequest request = post_json(std::string(asked.at("path").as_string()), std::string(asked.at("body").as_string()));
    request.method = asked.at("method").as_string();
    subject.on(request.method, request.target, request.body, std::move(answer));
    requests.emplace(std::string(entry.at("name").as_string()), std::move(request));
  }
  EXPECT_GT(requests.size(), 30u) << "cannot read " << path;
}

}  // namespace ondol
