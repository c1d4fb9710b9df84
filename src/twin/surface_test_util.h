// For the tests of this room: an engine that does what the test says, and a surface behind a port.
//
// Owner: a test.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "net/server.h"
#include "net/test_socket.h"
#include "twin/surface.h"

namespace ondol {

// Answers at once, on the thread of `submit`; or keeps the requests for the test. Prompts of 7 ids fail in the engine, of 8 at its door.
class ScriptedEngine final : public TwinEngine {
 public:
  Result<uint64_t> submit(TwinRequest request, std::shared_ptr<TwinSink> sink) override {
    if (request.prompt.size() == 8) return fail(Code::kInvalidArgument, "bad input");
    uint64_t id = 0;
    {
      const std::scoped_lock lock(mutex_);
      id = ++last_id_;
      prompts_.push_back(request.prompt);
      if (hold_) held_[id] = {request, sink};
    }
    if (hold_) return held_signal_.raise(), id;
    if (request.prompt.size() == 7) return sink->on_finish(TwinFinish::kEngineError, {}), id;
    finish(request, *sink, request.max_tokens);
    return id;
  }
  void cancel(uint64_t id) override {
    std::shared_ptr<TwinSink> sink;
    {
      const std::scoped_lock lock(mutex_);
      const auto at = held_.find(id);
      if (at == held_.end()) return;
      sink = at->second.second;
      held_.erase(at);
    }
    sink->on_finish(TwinFinish::kAborted, {});
    cancelled_.raise();
  }
  void inject(const TwinFault& fault) override { load_.fault = fault.kind; }
  void limit(const TwinLimits&) override {}
  TwinLoad load() const override { return load_; }
  const TwinEngineOptions& options() const override { std::abort(); }  // a surface does not ask

  static void finish(const TwinRequest& request, TwinSink& sink, int64_t tokens, TwinFinish reason = TwinFinish::kLength) {
    for (int64_t i = 0; i < tokens; ++i) sink.on_token(i);
    TwinUsage usage;
    usage.prompt_tokens = static_cast<int64_t>(request.prompt.size());
    usage.completion_tokens = tokens;
    sink.on_finish(reason, usage);
  }

  void hold() { hold_ = true; }
  std::pair<TwinRequest, std::shared_ptr<TwinSink>> take_held() {
    EXPECT_TRUE(held_signal_.wait());
    const std::scoped_lock lock(mutex_);
    return held_.begin()->second;  // it stays there for `cancel`
  }
  std::vector<std::vector<int32_t>> prompts() {
    const std::scoped_lock lock(mutex_);
    return prompts_;
  }
  Signal held_signal_, cancelled_;
  TwinLoad load_;

 private:
  std::mutex mutex_;
  bool hold_ = false;
  uint64_t last_id_ = 0;
  std::map<uint64_t, std::pair<TwinRequest, std::shared_ptr<TwinSink>>> held_;
  std::vector<std::vector<int32_t>> prompts_;
};

class SurfaceTest : public testing::Test {
 protected:
  SurfaceTest() {
    options_.model = "ondol-test";
    options_.artifact = "fake.fxb";
    options_.api_key = "sk-test";
    options_.created = 1795501780;
    options_.piece_bytes = 1;
  }
  ~SurfaceTest() override {
    if (server_ != nullptr) server_->stop(0);
  }
  void start(std::shared_ptr<TwinSurface> (*make)(const SurfaceOptions&, std::shared_ptr<TwinEngine>)) {
    const auto surface = make(options_, engine_);
    HttpServerOptions server;
    server.max_body_bytes = kMaxSurfaceBody;
    auto started = HttpServer::start(server, metrics_, [surface](const std::shared_ptr<Exchange>& exchange) { surface->handle(exchange); });
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  TestSocket send(std::string_view method, std::string_view path, const std::string& body) {
    TestSocket socket(server_->port());
    const std::string head =
        std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" +
        "Authorization: Bearer sk-test\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    EXPECT_TRUE(socket.send(head + body));
    return socket;
  }
  std::string ask(std::string_view method, std::string_view path, const std::string& body = "") {
    return send(method, path, body).read_all();
  }

  SurfaceOptions options_;
  std::shared_ptr<ScriptedEngine> engine_ = std::make_shared<ScriptedEngine>();
  Registry metrics_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace ondol
