// Stand-ins for the rooms around the gateway: a client's exchange, a byte-level tokenizer, a model, and an engine that a test drives by
// hand.
//
// Owner: the test. The test's thread plays the engine's step thread; waiting is on conditions, with a limit far beyond any real wait.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "gateway/worker_pool.h"
#include "model/model.h"
#include "model/tokenizer.h"
#include "net/server.h"

namespace ondol {

inline constexpr std::chrono::seconds kTestPatience{30};

class FakeExchange final : public Exchange {
 public:
  explicit FakeExchange(HttpRequest request) : request_(std::move(request)) {}

  const HttpRequest& request() const override { return request_; }
  void respond(HttpResponse response) override {
    change([&] {
      EXPECT_FALSE(answered_) << "answered twice";
      answered_ = true;
      response_ = std::move(response);
      done_ = true;
    });
  }
  void begin_stream(int status, const std::string& content_type, HttpHeaders headers) override {
    change([&] {
      EXPECT_FALSE(answered_) << "answered twice";
      answered_ = true;
      response_.status = status;
      response_.content_type = content_type;
      response_.headers = std::move(headers);
    });
  }
  void write(std::string data) override {
    if (before_write) before_write();
    change([&] {
      EXPECT_TRUE(answered_ && !done_);
      response_.body += data;
    });
  }
  void finish() override {
    change([&] { done_ = true; });
  }
  void abort() override {
    change([&] { done_ = aborted_ = true; });
  }
  void on_disconnect(std::function<void()> callback) override {
    bool gone = false;
    change([&] {
      gone = !connected_;
      if (!gone) callback_ = callback;
    });
    if (gone) callback();
  }
  bool connected() const override {
    const std::scoped_lock lock(mutex_);
    return connected_;
  }

  // All exchanges share one thread.
  void post(std::function<void()> task) override { server_thread().post(std::move(task), 0); }
  // Waits for what was posted so far.
  static void settle() {
    std::promise<void> done;
    server_thread().post([&] { done.set_value(); }, 0);
    done.get_future().wait();
  }

  void disconnect() {
    std::function<void()> callback;
    change([&] {
      connected_ = false;
      callback.swap(callback_);
    });
    if (callback) callback();
  }
  // Waits for the whole answer.
  HttpResponse wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kTestPatience, [&] { return done_; })) << "no answer to " << request_.path;
    return response_;
  }
  // Waits until the stream so far holds the text.
  void wait_for(std::string_view text) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kTestPatience, [&] { return response_.body.find(text) != std::string::npos; })) << response_.body;
  }
  bool answered() const {
    const std::scoped_lock lock(mutex_);
    return answered_;
  }
  bool aborted() const {
    const std::scoped_lock lock(mutex_);
    return aborted_;
  }

  std::function<void()> before_write;

 private:
  static WorkerPool& server_thread() {
    static WorkerPool thread(1, 1 << 20, 1);
    return thread;
  }

  template <class F>
  void change(F&& f) {
    {
      const std::scoped_lock lock(mutex_);
      f();
    }
    changed_.notify_all();
  }

  const HttpRequest request_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  HttpResponse response_;
  bool answered_ = false, done_ = false, aborted_ = false, connected_ = true;
  std::function<void()> callback_;
};

// Ids below 256 are bytes; then come the pieces, then the control tokens.
class FakeTokenizer : public Tokenizer {
 public:
  explicit FakeTokenizer(std::vector<std::string> pieces = {}, std::vector<std::string> controls = {"<end>"})
      : pieces_(std::move(pieces)), controls_(std::move(controls)) {}

  Result<std::vector<int32_t>> encode(std::string_view text, const EncodeOptions& options) const override {
    std::vector<int32_t> ids;
    if (options.add_special) ids.push_back(first_control());
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  std::string token_bytes(int32_t id, bool show_special) const override {
    if (id >= 0 && id < 256) return std::string(1, static_cast<char>(id));
    if (id >= 256 && id < first_control()) return pieces_[static_cast<size_t>(id - 256)];
    return show_special && is_control(id) ? controls_[static_cast<size_t>(id - first_control())] : "";
  }
  std::string_view token_name(int32_t id) const override {
    return is_control(id) ? std::string_view(controls_[static_cast<size_t>(id - first_control())]) : std::string_view();
  }
  std::optional<int32_t> find(std::string_view) const override { return std::nullopt; }
  int32_t vocab_size() const override { return first_control() + static_cast<int32_t>(controls_.size()); }
  bool is_control(int32_t id) const override { return id >= first_control() && id < vocab_size(); }
  std::optional<int32_t> bos() const override { return first_control(); }
  std::optional<int32_t> eos() const override { return first_control(); }
  bool adds_bos() const override { return true; }
  bool strips_leading_space() const override { return false; }

  int32_t first_control() const { return 256 + static_cast<int32_t>(pieces_.size()); }

 private:
  std::vector<std::string> pieces_, controls_;
};

class FakeModel final : public Model {
 public:
  explicit FakeModel(std::vector<std::string> pieces = {}) : tokenizer_(std::move(pieces)), stop_tokens_({tokenizer_.first_control()}) {}

  const ModelSpec& spec() const override { return spec_; }
  Result<Tensor> weight(Role, int, int) const override { return fail(Code::kNotFound, "no weights"); }
  bool interleaved_rope_rows() const override { return false; }
  const Tokenizer* tokenizer() const override { return &tokenizer_; }
  const std::string& tokenizer_error() const override { return empty_; }
  const std::string& chat_template() const override { return empty_; }
  const std::vector<int32_t>& stop_tokens() const override { return stop_tokens_; }
  const SamplingDefaults& sampling_defaults() const override { return defaults_; }
  const std::string& license() const override { return empty_; }
  uint64_t parameter_count() const override { return 1; }
  uint64_t file_bytes() const override { return 1; }
  std::string format() const override { return "fake"; }
  std::string quantization() const override { return "F32"; }
  void drop_resident() const override {}

  SamplingDefaults defaults_;

 private:
  ModelSpec spec_;
  FakeTokenizer tokenizer_;
  std::vector<int32_t> stop_tokens_;
  std::string empty_;
};

class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(std::shared_ptr<const Model> model) : model_(std::move(model)) {}

  Result<uint64_t> submit(GenerateRequest request, std::shared_ptr<TokenSink> sink) override {
    if (before_submit) before_submit();
    const std::scoped_lock lock(mutex_);
    if (refusal.message.size() > 0) return std::unexpected(refusal);
    requests_[++last_id_] = {std::move(request), std::move(sink)};
    changed_.notify_all();
    return last_id_;
  }
  void cancel(uint64_t id) override {
    const std::scoped_lock lock(mutex_);
    cancelled_.push_back(id);
    changed_.notify_all();
  }
  void stop() override {
    std::map<uint64_t, Submitted> dropped;
    const std::scoped_lock lock(mutex_);
    dropped.swap(requests_);
  }
  EngineStats stats() const override { return stats_now; }
  int max_context() const override { return 1000; }
  const EngineOptions& options() const override { return options_; }
  const Model& model() const override { return *model_; }

  GenerateRequest wait_submitted(uint64_t id) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kTestPatience, [&] { return requests_.contains(id); })) << "nothing was submitted";
    return requests_[id].request;
  }
  void wait_cancelled(uint64_t id) {
    std::unique_lock lock(mutex_);
    const auto cancelled = [&] { return std::find(cancelled_.begin(), cancelled_.end(), id) != cancelled_.end(); };
    EXPECT_TRUE(changed_.wait_for(lock, kTestPatience, cancelled)) << "nothing was cancelled";
  }
  size_t submits() const {
    const std::scoped_lock lock(mutex_);
    return requests_.size();
  }
  size_t cancels() const {
    const std::scoped_lock lock(mutex_);
    return cancelled_.size();
  }
  void prompt(uint64_t id, std::vector<TokenEvent> tokens) { sink(id)->on_prompt(std::move(tokens)); }
  void token(uint64_t id, int32_t token, float logprob = 0, std::vector<TokenLogprob> top = {}) {
    sink(id)->on_token({token, logprob, std::move(top)});
  }
  void text(uint64_t id, std::string_view bytes) {
    for (const char c : bytes) token(id, static_cast<unsigned char>(c));
  }
  // As the engine does: afterwards it knows the request no more.
  void finish(uint64_t id, FinishReason reason, int completion_tokens = 0, Error error = {}, std::vector<float> scores = {}) {
    FinishEvent event;
    event.scores = std::move(scores);
    event.reason = reason;
    event.error = std::move(error);
    event.prompt_tokens = static_cast<int>(wait_submitted(id).prompt.size());
    event.cached_tokens = 2;
    event.completion_tokens = completion_tokens;
    sink(id)->on_finish(event);
    const std::scoped_lock lock(mutex_);
    requests_[id].sink.reset();
  }
  bool holds_sink(uint64_t id) { return sink(id) != nullptr; }

  std::function<void()> before_submit;
  Error refusal;  // with a message: what submit answers
  EngineStats stats_now;

 private:
  struct Submitted {
    GenerateRequest request;
    std::shared_ptr<TokenSink> sink;
  };
  std::shared_ptr<TokenSink> sink(uint64_t id) {
    const std::scoped_lock lock(mutex_);
    return requests_[id].sink;
  }

  std::shared_ptr<const Model> model_;
  EngineOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, Submitted> requests_;
  std::vector<uint64_t> cancelled_;
  uint64_t last_id_ = 0;
};

}  // namespace ondol
