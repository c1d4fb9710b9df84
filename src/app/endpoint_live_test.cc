// The suite of all endpoints against live servers: twins of furiosa-llm and vLLM, and another Ondol.
#include "app/twin_subject_test_util.h"
#include "gateway/scripted_api_test_util.h"

namespace ondol {
namespace {

// Another Ondol, behind HTTP.
class OndolSubject final : public ScriptedApiSubject {
 public:
  OndolSubject() {
    auto server =
        HttpServer::start({}, http_metrics_, [api = api_](std::shared_ptr<Exchange> exchange) { api->handle(std::move(exchange)); });
    if (!server) return;
    server_ = std::move(*server);
    url_ = "http://127.0.0.1:" + std::to_string(server_->port());
    capabilities.version = "0.";
  }
  ~OndolSubject() override { go_down(); }

  std::unique_ptr<Endpoint> make(const EndpointOptions& options) override {
    auto made = make_http_endpoint(EndpointKind::kOndol, url_, options);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  bool break_off() override { return go_down(); }
  bool go_down() override {
    if (server_ != nullptr) server_->stop(0);
    return true;
  }

 private:
  Registry http_metrics_;
  std::string url_;
  std::unique_ptr<HttpServer> server_;
};

template <EndpointKind kind>
std::unique_ptr<ConformanceSubject> twin() {
  return std::make_unique<TwinSubject>(kind);
}

INSTANTIATE_TEST_SUITE_P(Live, EndpointConformance,
                         testing::Values(ConformanceCase{"TwinFuriosaLlm", twin<EndpointKind::kFuriosaLlm>},
                                         ConformanceCase{"TwinVllm", twin<EndpointKind::kVllm>},
                                         ConformanceCase{"Ondol", [] { return std::make_unique<OndolSubject>(); }}),
                         conformance_name);

class LiveTwin : public testing::TestWithParam<EndpointKind> {
 protected:
  using Sink = CollectSink<EndpointSink>;
  std::shared_ptr<Sink> send(const EndpointRequest& request) {
    auto sink = std::make_shared<Sink>();
    EXPECT_TRUE(endpoint_->send(request, sink));
    return sink;
  }
  // What `figure` of its load is, once it is `wanted` or no more patience is left.
  std::optional<int64_t> await(std::optional<int64_t> EndpointLoad::* figure, int64_t wanted) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    std::optional<int64_t> found;
    while (found != wanted && std::chrono::steady_clock::now() < end) {
      std::promise<Result<EndpointLoad>> answer;
      endpoint_->load([&](Result<EndpointLoad> load) { answer.set_value(std::move(load)); });
      const Result<EndpointLoad> load = answer.get_future().get();
      EXPECT_TRUE(load) << load.error().message;
      found = load ? (*load).*figure : std::nullopt;
    }
    return found;
  }

  TwinSubject subject_{GetParam()};
  std::unique_ptr<Endpoint> endpoint_ = subject_.make({});
};

INSTANTIATE_TEST_SUITE_P(Kinds, LiveTwin, testing::Values(EndpointKind::kFuriosaLlm, EndpointKind::kVllm),
                         [](const auto& info) { return info.param == EndpointKind::kVllm ? "Vllm" : "FuriosaLlm"; });

// An engine that dies under its server is told of in the stream, which is whole: HTTP has no other way once it has said 200.
TEST_P(LiveTwin, ACrashIsToldInsideTheStream) {
  subject_.set_mode(ConformanceSubject::Mode::kHalf);
  const auto sink = send(subject_.stream);
  EXPECT_TRUE(sink->wait_body(subject_.streamed));
  subject_.crash();
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->status(), 200);
  EXPECT_NE(sink->body().find(R"(data: {"error")"), std::string::npos) << sink->body();
  EXPECT_TRUE(sink->body().ends_with("data: [DONE]\n\n")) << sink->body();
}

TEST_P(LiveTwin, ItsLoadIsSeen) {
  subject_.set_mode(ConformanceSubject::Mode::kSilent);
  for (int i = 0; i < 3; ++i) send(subject_.chat);
  EXPECT_EQ(await(&EndpointLoad::waiting, 3), 3);
  subject_.set_mode(ConformanceSubject::Mode::kAnswer);
  EXPECT_EQ(await(&EndpointLoad::generated_tokens_total, 24), 24);
  EXPECT_EQ(await(&EndpointLoad::waiting, 0), 0);
  EXPECT_EQ(await(&EndpointLoad::running, 0), 0);
}

}  // namespace
}  // namespace ondol
