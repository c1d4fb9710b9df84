// One live twin engine, behind its vendor's HTTP surface, as the far side of an endpoint in tests: what a scripted server is told to do,
// this one does by faults.
//
// Owner: a test. A thread of the object's own looks at the twin every few milliseconds. Bounded by what the test sends.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "app/floor_file.h"
#include "endpoint/prometheus.h"
#include "endpoint/scripted_server_test_util.h"
#include "net/client.h"
#include "twin/twin_floor.h"

namespace ondol {

class TwinSubject final : public ConformanceSubject {
 public:
  explicit TwinSubject(EndpointKind kind) : kind_(kind) {
    const bool npu = kind == EndpointKind::kFuriosaLlm;
    start(std::string("speed: 20\ndevices:\n  - kind: ") + (npu ? "rngd" : "h100") +
          "\nengines:\n  - {name: e, kind: " + std::string(endpoint_kind_name(kind)) +
          ", model: llama-3.1-8b, served_name: m, devices: " + (npu ? "npu:0" : "gpu:0") + ", max_context: 8192}\n");
    const std::string common = R"({"model":"m","messages":[{"role":"user","content":"hello there"}],)";
    chat = post_json("/v1/chat/completions", common + R"("max_tokens":8})");
    stream = post_json("/v1/chat/completions", common + R"("max_tokens":200,"stream":true})");
    bad = post_json("/v1/chat/completions", common + R"("temperature":-1})");
    answer = R"("content":"Lorem)";
    streamed = R"("content":"Lore)";
    bad_body = npu ? R"("object":"error")" : R"({"error":{)";
    dies_unready = true;
    load = {.running = 0, .waiting = 0, .kv_used = {}, .prefix_hit_rate = {}, .prompt_tokens_total = 0, .generated_tokens_total = 0};
    if (!npu) load.kv_used = 0;
    capabilities = {.models = {{"m", 8192}}, .multiple_choices = !npu, .model_is_ignored = npu, .version = npu ? "2026.4.0" : "0.19.0"};
  }
  ~TwinSubject() override {
    ending_ = true;
    if (watcher_.joinable()) watcher_.join();
  }

  std::unique_ptr<Endpoint> make(const EndpointOptions& options) override {
    auto made = make_http_endpoint(kind_, url_, options);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  // Half an answer: slow from the first step on, so that there is time to hang after the first token.
  void set_mode(Mode mode) override {
    const std::scoped_lock lock(mutex_);
    hang_after_ = -1;
    if (mode == Mode::kAnswer) return inject({});
    if (mode == Mode::kSilent) return inject({.kind = TwinFault::Kind::kHang});
    hang_after_ = state().load.generated_tokens;
    inject({.kind = TwinFault::Kind::kSlow, .factor = 100});
  }
  void set_ready(bool ready) override {
    {
      const std::scoped_lock lock(mutex_);
      inject({.kind = ready ? TwinFault::Kind::kNone : TwinFault::Kind::kCrash});
    }
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (ready && !serves() && std::chrono::steady_clock::now() < end) ::poll(nullptr, 0, 5);
  }
  // Its process dies.
  bool break_off() override {
    const std::scoped_lock lock(mutex_);
    floor_.reset();
    return true;
  }
  bool go_down() override { return break_off(); }

  // Its engine dies, and its server tells.
  void crash() {
    const std::scoped_lock lock(mutex_);
    hang_after_ = -1;
    inject({.kind = TwinFault::Kind::kCrash});
  }

 private:
  void start(const std::string& file) {
    auto spec = parse_floor(file);
    ASSERT_TRUE(spec) << spec.error().message;
    auto plan = plan_floor(std::move(*spec), [](const std::string&) { return fail(Code::kNotFound, "no files here"); });
    ASSERT_TRUE(plan) << plan.error().message;
    auto floor = TwinFloor::start(std::move(*plan), {.host = "127.0.0.1", .tree = "", .port_base = 0});
    ASSERT_TRUE(floor) << floor.error().message;
    floor_ = std::move(*floor);
    url_ = floor_->engines().at(0).url;
    watcher_ = std::thread([this] { watch(); });
  }
  TwinListing state() const { return floor_->engines().at(0); }
  void inject(const TwinFault& fault) {
    const Status injected = floor_->inject("e", fault);
    EXPECT_TRUE(injected) << injected.error().message;
  }
  bool serves() {
    const std::scoped_lock lock(mutex_);
    return state().serving && state().load.fault == TwinFault::Kind::kNone;
  }

  // Raises what its own figures tell: requests that are in it, and those that were aborted.
  void watch() {
    int aborted = 0;
    for (int in_it = 0; !ending_; ::poll(nullptr, 0, 2)) {
      {
        const std::scoped_lock lock(mutex_);
        if (floor_ == nullptr) return;
        const TwinLoad now = state().load;
        for (int i = in_it; i < now.running + now.waiting; ++i) arrived.raise();
        in_it = now.running + now.waiting;
        if (hang_after_ >= 0 && now.generated_tokens > hang_after_) {
          hang_after_ = -1;
          inject({.kind = TwinFault::Kind::kHang});
        }
      }
      for (const int now = aborts(); aborted < now; ++aborted) freed.raise();
    }
  }
  int aborts() const {
    ClientRequest request;
    request.url = url_ + "/metrics";
    const auto page = http_fetch(request);
    if (!page) return 0;
    const auto samples = parse_prometheus(page->body);
    if (!samples) return 0;
    return static_cast<int>(
        metric_sum(*samples, {"furiosa_llm_request_success_total", "vllm:request_success_total"}, "\"abort\"").value_or(0));
  }

  const EndpointKind kind_;
  std::mutex mutex_;
  std::unique_ptr<TwinFloor> floor_;  // null once its process has died
  std::string url_;
  int64_t hang_after_ = -1;  // so many tokens
  std::atomic<bool> ending_ = false;
  std::thread watcher_;
};

}  // namespace ondol
