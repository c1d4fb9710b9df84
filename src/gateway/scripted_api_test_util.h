// The API over an engine whose answers are written down, as the far side of endpoints in tests.
//
// Owner: a test. The engine answers on a thread of its own, as the step thread would. Bounded by what the test sends.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/metrics.h"
#include "endpoint/conformance_test_util.h"
#include "gateway/api.h"
#include "gateway/gateway_test_util.h"

namespace ondol {

// Answers every request with "Hello", with nothing, or with half of it, on a thread of its own as the step thread would.
class ScriptedEngine final : public Engine {
 public:
  using Mode = ConformanceSubject::Mode;
  ScriptedEngine(std::shared_ptr<const Model> model, Signal& arrived, Signal& freed)
      : model_(std::move(model)), arrived_(arrived), freed_(freed) {}

  Result<uint64_t> submit(GenerateRequest request, std::shared_ptr<TokenSink> sink) override {
    const std::scoped_lock lock(mutex_);
    const uint64_t id = ++last_id_;
    const Mode mode = mode_;
    running_[id] = sink;
    const int prompt = static_cast<int>(request.prompt.size());
    steps_.post([this, id, mode, sink, prompt] { step(id, mode, *sink, prompt); }, 0);
    arrived_.raise();
    return id;
  }
  void cancel(uint64_t id) override {
    std::shared_ptr<TokenSink> sink = take(id);
    if (sink == nullptr) return;
    steps_.post([sink] { sink->on_finish({.reason = FinishReason::kCancelled, .error = {}}); }, 0);
    freed_.raise();
  }
  void stop() override { steps_.stop(); }
  EngineStats stats() const override {
    EngineStats stats;
    stats.running = 3;
    stats.waiting = 4;
    stats.kv_blocks_total = 8;
    stats.kv_blocks_free = 6;
    stats.prompt_tokens = 100;
    stats.cached_tokens = 25;
    stats.completion_tokens = 50;
    return stats;
  }
  int max_context() const override { return 1000; }
  const EngineOptions& options() const override { return options_; }
  const Model& model() const override { return *model_; }
  void set_mode(Mode mode) {
    const std::scoped_lock lock(mutex_);
    mode_ = mode;
  }

 private:
  std::shared_ptr<TokenSink> take(uint64_t id) {
    const std::scoped_lock lock(mutex_);
    const auto found = running_.find(id);
    if (found == running_.end()) return nullptr;
    auto sink = std::move(found->second);
    running_.erase(found);
    return sink;
  }
  void step(uint64_t id, Mode mode, TokenSink& sink, int prompt) {
    if (mode == Mode::kSilent) return;
    for (const char c : std::string_view(mode == Mode::kHalf ? "Hel" : "Hello")) {
      sink.on_token({.token = static_cast<unsigned char>(c), .logprob = 0, .top = {}});
    }
    if (mode == Mode::kHalf || take(id) == nullptr) return;
    sink.on_finish({.reason = FinishReason::kStop, .error = {}, .prompt_tokens = prompt, .completion_tokens = 5});
  }

  const std::shared_ptr<const Model> model_;
  const EngineOptions options_;
  Signal &arrived_, &freed_;
  std::mutex mutex_;
  Mode mode_ = Mode::kAnswer;
  uint64_t last_id_ = 0;
  std::map<uint64_t, std::shared_ptr<TokenSink>> running_;
  WorkerPool steps_{1, 1 << 20, 1};
};

// An API of one model "tiny" over such an engine. Endpoints to it are made by who derives.
class ScriptedApiSubject : public ConformanceSubject {
 public:
  ScriptedApiSubject() : model_(std::make_shared<FakeModel>()), engine_(std::make_shared<ScriptedEngine>(model_, arrived, freed)) {
    ServedModel served;
    served.name = "tiny";
    served.model = model_;
    served.chat_template = std::make_shared<const ChatTemplate>(
        ChatTemplate::parse("{% for message in messages %}{{ message.role }}:{{ message.content }}\n{% endfor %}assistant:").value());
    served.engine = engine_;
    ApiModels models;
    models.chat.push_back({.name = served.name, .load = {}, .ready = served});
    api_ = std::make_shared<Api>(std::move(models), metrics_);
    api_->set_ready(true);
    const auto post = [](std::string body) {
      EndpointRequest request;
      request.target = "/v1/chat/completions";
      request.headers = {{"Content-Type", "application/json"}};
      request.body = std::move(body);
      return request;
    };
    chat = post(R"({"model":"tiny","messages":[{"role":"user","content":"hi"}]})");
    stream = post(R"({"model":"tiny","messages":[{"role":"user","content":"hi"}],"stream":true})");
    bad = post(R"({"model":"tiny","messages":7})");
    answer = "\"Hello\"";
    streamed = "data: {";
    bad_body = R"({"error":{)";
    load = {.running = 3, .waiting = 4, .kv_used = 0.25, .prefix_hit_rate = 0.25, .prompt_tokens_total = 100, .generated_tokens_total = 50};
    capabilities.models = {{"tiny", 1000}};
  }

  void set_mode(Mode mode) override { engine_->set_mode(mode); }
  void set_ready(bool ready) override { api_->set_ready(ready); }

 protected:
  Registry metrics_;
  const std::shared_ptr<FakeModel> model_;
  const std::shared_ptr<ScriptedEngine> engine_;
  std::shared_ptr<Api> api_;
};

}  // namespace ondol
