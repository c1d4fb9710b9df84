// A served model behind the API, and a client's requests to it: the fixture of the api_*_test.cc.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/api.h"
#include "gateway/gateway_test_util.h"

namespace ondol {

namespace json = boost::json;

inline constexpr const char* kTemplate =
    "{% for message in messages %}{{ message.role }}:{{ message.content }}\n{% endfor %}"
    "{% if enable_thinking is defined %}{{ enable_thinking | tojson }}{% endif %}assistant:";
inline constexpr const char* kChat = R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": false})";
inline constexpr const char* kChatStream =
    R"({"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "stream": true, "stream_options": {"include_usage": true}})";

class ApiTest : public testing::Test {
 protected:
  ApiTest() : model_(std::make_shared<FakeModel>()), engine_(std::make_shared<FakeEngine>(model_)) { start(); }
  ~ApiTest() override {
    api_.reset();
    FakeExchange::settle();
  }

  void start(const ApiLimits& limits = {}, const char* chat_template = kTemplate, AdmissionOptions admission = {}) {
    ServedModel served;
    served.name = "tiny";
    served.model = model_;
    if (chat_template != nullptr) served.chat_template = std::make_shared<const ChatTemplate>(ChatTemplate::parse(chat_template).value());
    served.engine = engine_;
    served.created_unix_s = 99;
    ApiModels models;
    models.chat.push_back({.name = served.name, .load = {}, .ready = served});
    api_ = std::make_unique<Api>(std::move(models), metrics_, limits, std::move(admission));
    api_->set_ready(true);
  }

  std::shared_ptr<FakeExchange> send(std::string method, std::string path, std::string body = "", HttpHeaders headers = {}) {
    HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.headers = std::move(headers);
    request.body = std::move(body);
    request.loopback = true;
    auto exchange = std::make_shared<FakeExchange>(std::move(request));
    api_->handle(exchange);
    return exchange;
  }
  std::shared_ptr<FakeExchange> chat(std::string body) { return send("POST", "/v1/chat/completions", std::move(body)); }
  std::shared_ptr<FakeExchange> complete(std::string body) { return send("POST", "/v1/completions", std::move(body)); }

  json::value answer(const std::shared_ptr<FakeExchange>& exchange, int status = 200) {
    const HttpResponse response = exchange->wait();
    EXPECT_EQ(response.status, status) << response.body;
    return json::parse(response.body);
  }
  json::object error(const std::shared_ptr<FakeExchange>& exchange, int status) { return answer(exchange, status).at("error").as_object(); }

  // The events of a finished stream.
  std::vector<std::string> events(const std::shared_ptr<FakeExchange>& exchange) {
    std::vector<std::string> out;
    const std::string body = exchange->wait().body;
    for (size_t at = 0; at < body.size();) {
      const size_t end = body.find("\n\n", at);
      EXPECT_EQ(body.compare(at, 6, "data: "), 0) << body.substr(at);
      out.push_back(body.substr(at + 6, end - at - 6));
      at = end + 2;
    }
    return out;
  }
  // Content of all chunks, put together.
  std::string content(const std::vector<std::string>& events) {
    std::string out;
    for (const std::string& event : events) {
      if (event == "[DONE]") continue;
      const json::value chunk = json::parse(event);
      for (const json::value& choice : chunk.at("choices").as_array()) {
        const json::object& delta = choice.at("delta").as_object();
        if (const json::value* text = delta.if_contains("content")) out += text->as_string();
      }
    }
    return out;
  }

  Registry metrics_;
  std::shared_ptr<FakeModel> model_;
  std::shared_ptr<FakeEngine> engine_;
  std::unique_ptr<Api> api_;
};

}  // namespace ondol
