#include "door/door.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <thread>

#include "endpoint/scripted_server_test_util.h"
#include "net/async_client.h"

namespace ondol {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EndpointConformance);  // of the scripted server's header

namespace {

namespace json = boost::json;

constexpr const char* kChat = "/v1/chat/completions";
const std::string kPiece = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"m\"}}]}\n\n";
const std::string kUsage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n";
const std::string kDone = "data: [DONE]\n\n";

// A far server that lists the model "far" and answers chats.
std::unique_ptr<ScriptedSubject> far_server() {
  auto server = std::make_unique<ScriptedSubject>(EndpointKind::kVllm, "/health");
  server->on("GET", "/health", "", {.body = ""});
  server->on("GET", "/v1/models", "", {.body = R"({"object":"list","data":[{"id":"far","object":"model","max_model_len":512}]})"});
  server->on("POST", kChat, "", {.content_type = "text/event-stream", .chunks = {kPiece, kPiece, kUsage, kDone}});
  server->on("POST", "/v1/completions", "", {.body = R"({"choices":[{"text":"hi"}],"usage":{"prompt_tokens":9,"completion_tokens":2}})"});
  return server;
}

class DoorTest : public testing::Test {
 protected:
  using Sink = CollectSink<HttpSink>;

  ~DoorTest() override {
    if (front_ != nullptr) front_->stop(0);
  }

  // Starts a door before the servers, and waits until it knows them.
  void open(size_t ready) {
    meter_ = std::make_shared<DeviceMeter>(10);
    const MeteredDevice device{.name = "npu0",
                               .meter = meter_,
                               .settle = [this] { read_meter(); },
                               .prices = std::make_shared<PriceTable>(PriceTable{.electricity_per_kwh = micro_won(150)}),
                               .metrics = std::make_shared<EnergyMetrics>(metrics_)};
    std::vector<DoorEndpoint> endpoints;
    for (const auto& server : servers_) {
      endpoints.push_back({.endpoint = server->make({.name = "far-" + std::to_string(endpoints.size())}), .devices = {device}});
    }
    door_ = std::make_shared<Door>(std::move(endpoints), metrics_, clock_);
    booked_ = door_;
    door_->start();
    const auto count = [&] { return std::ranges::count(door_->endpoints(), EndpointState::kReady, &DoorListing::state); };
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::cmp_less(count(), ready) && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    ASSERT_EQ(count(), ready);
    auto front = HttpServer::start({}, front_metrics_, [this](const std::shared_ptr<Exchange>& exchange) {
      HttpResponse nobody;
      nobody.status = 404;
      if (!door_->take(exchange, "req_1")) exchange->respond(std::move(nobody));
    });
    ASSERT_TRUE(front);
    front_ = std::move(*front);
  }

  std::shared_ptr<Sink> ask(const std::string& path, const std::string& body, HttpHeaders headers = {}) {
    auto sink = std::make_shared<Sink>();
    AsyncRequest request;
    request.url = parse_url("http://127.0.0.1:" + std::to_string(front_->port()) + path).value();
    request.headers = std::move(headers);
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = body;
    const auto sent = client_->send(std::move(request), sink);
    EXPECT_TRUE(sent);
    last_id_ = sent.value_or(0);
    return sink;
  }
  void read_meter() {
    if (const auto held = booked_.lock()) held->book(clock_.now_us());
    meter_->power(clock_.now_us(), 100);
  }

  SteadyClock clock_;
  Registry metrics_, front_metrics_;
  std::shared_ptr<DeviceMeter> meter_;
  std::vector<std::unique_ptr<ScriptedSubject>> servers_;
  std::shared_ptr<Door> door_;
  std::weak_ptr<Door> booked_;  // while it goes, the meter may be read
  std::unique_ptr<HttpServer> front_;
  std::unique_ptr<AsyncClient> client_ = AsyncClient::start();
  uint64_t last_id_ = 0;
};

TEST_F(DoorTest, WholeAnswersCarryTheirAccount) {
  servers_.push_back(far_server());
  open(1);
  read_meter();
  const auto sink = ask("/v1/completions", R"({"model":"far","prompt":"hello"})");
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->status(), 200);
  const json::value usage = json::parse(sink->body()).at("usage");
  EXPECT_EQ(usage.at("completion_tokens"), 2);
  EXPECT_EQ(usage.at("ondol").at("device"), "npu0");
  EXPECT_EQ(usage.at("ondol").at("energy_source"), "power");
  EXPECT_GT(usage.at("ondol").at("energy_j").as_double(), 0);
  EXPECT_GT(usage.at("ondol").at("cost_krw").as_double(), 0);
  EXPECT_EQ(sink->header("x-request-id"), "req_1");
  EXPECT_EQ(sink->header("x-ondol-endpoint"), "far-0");
}

TEST_F(DoorTest, StreamsCarryItInTheirLastChunk) {
  servers_.push_back(far_server());
  open(1);
  const auto sink = ask(kChat, R"({"model":"far","messages":[],"stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_TRUE(sink->body().starts_with(kPiece + kPiece)) << sink->body();
  EXPECT_NE(sink->body().find("\"completion_tokens\":2,\"ondol\":{\"energy_j\":"), std::string::npos) << sink->body();
  EXPECT_TRUE(sink->body().ends_with(kDone));
}

TEST_F(DoorTest, StreamsThatAskForNoUsageAreMeteredAllTheSame) {
  servers_.push_back(far_server());
  open(1);
  read_meter();
  const auto sink = ask(kChat, R"({"model":"far","messages":[],"stream":true})");
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->body(), kPiece + kPiece + kDone);
  const MeterTotals totals = meter_->totals();
  EXPECT_GT(totals.requests_j, 0);
  EXPECT_EQ(totals.unclaimed_j, 0);
  EXPECT_NEAR(totals.device_j, totals.requests_j + totals.idle_j, 1e-9);
  EXPECT_NE(metrics_.render().find("ondol_endpoint_requests_total{endpoint=\"far-0\",model=\"far\",status=\"200\"} 1"), std::string::npos);
}

TEST_F(DoorTest, LeavesOtherModelsAndBrokenBodiesAlone) {
  servers_.push_back(far_server());
  open(1);
  for (const char* body : {R"({"model":"near"})", "{}", "{", R"({"model":["far"]})", ""}) {
    EXPECT_EQ(ask(kChat, body)->wait_end(), "") << body;
  }
  EXPECT_EQ(servers_[0]->arrived.count(), 0);
  ASSERT_EQ(door_->models().size(), 1u);
  EXPECT_EQ(door_->models()[0].name, "far");
  EXPECT_EQ(door_->models()[0].max_context, 512);
}

TEST_F(DoorTest, AnotherEndpointAnswersForOneThatIsGone) {
  for (int i = 0; i < 2; ++i) servers_.push_back(far_server());
  open(2);
  servers_[0]->go_down();
  for (int i = 0; i < 2; ++i) {
    const auto sink = ask("/v1/completions", R"({"model":"far","prompt":"hello"})");
    EXPECT_EQ(sink->wait_end(), "");
    EXPECT_EQ(sink->status(), 200) << sink->body();
    EXPECT_EQ(sink->header("x-ondol-endpoint"), "far-1");
  }
  servers_[1]->go_down();
  const auto sink = ask("/v1/completions", R"({"model":"far","prompt":"hello"})");
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->status(), 503);
  EXPECT_EQ(json::parse(sink->body()).at("error").at("code"), "endpoint_unavailable") << sink->body();
}

TEST_F(DoorTest, AStreamThatBreaksOffSaysSo) {
  servers_.push_back(far_server());
  open(1);
  servers_[0]->set_mode(ConformanceSubject::Mode::kHalf);
  const auto sink = ask(kChat, R"({"model":"far","messages":[],"stream":true})");
  EXPECT_TRUE(sink->wait_body(kPiece));
  servers_[0]->break_off();
  EXPECT_EQ(sink->wait_end(), "data_loss");
  EXPECT_NE(sink->body().find("\"code\":\"endpoint_broke_off\""), std::string::npos) << sink->body();
  EXPECT_EQ(door_->endpoints()[0].in_flight, 0u);
}

TEST_F(DoorTest, HalfAnEventIsNotPassedOn) {
  servers_.push_back(std::make_unique<ScriptedSubject>(EndpointKind::kVllm, "/health"));
  servers_[0]->on("POST", kChat, "", {.content_type = "text/event-stream", .chunks = {kPiece, "data: {\"choi"}});
  servers_[0]->on("GET", "/health", "", {.body = ""});
  servers_[0]->on("GET", "/v1/models", "", {.body = R"({"data":[{"id":"far"}]})"});
  open(1);
  const auto sink = ask(kChat, R"({"model":"far","messages":[],"stream":true})");
  EXPECT_EQ(sink->wait_end(), "data_loss");
  EXPECT_EQ(sink->body().find("{\"choi\n"), std::string::npos);
  EXPECT_TRUE(sink->body().starts_with(kPiece + "data: {\"error\":")) << sink->body();
}

TEST_F(DoorTest, AClientThatLeavesFreesTheEngine) {
  servers_.push_back(far_server());
  open(1);
  servers_[0]->set_mode(ConformanceSubject::Mode::kSilent);
  const auto sink = ask(kChat, R"({"model":"far","messages":[],"stream":true})");
  EXPECT_TRUE(servers_[0]->arrived.wait());
  EXPECT_NE(metrics_.render().find("ondol_endpoint_requests_in_flight{endpoint=\"far-0\"} 1"), std::string::npos);
  client_->cancel(last_id_);
  EXPECT_EQ(sink->wait_end(), "cancelled");
  EXPECT_TRUE(servers_[0]->freed.wait());
}

TEST_F(DoorTest, TheClientsKeyStaysHere) {
  servers_.push_back(far_server());
  open(1);
  EXPECT_EQ(ask("/v1/completions", R"({"model":"far","prompt":"hello"})", {{"Authorization", "Bearer secret"}})->wait_end(), "");
  EXPECT_EQ(servers_[0]->last_authorization(), "");
}

TEST_F(DoorTest, PassesOnWhateverAnEndpointSays) {
  servers_.push_back(far_server());
  servers_[0]->on("POST", "/v1/embeddings", "", {.status = 418, .content_type = "text/html", .body = "<html>no</html>"});
  servers_[0]->on("POST", "/v1/rerank", "", {.body = R"({"usage":{},"x":")" + std::string(6 << 20, 'x') + "\"}"});
  servers_[0]->on("POST", "/v1/audio", "", {.body = std::string(Door::kMaxWholeBytes + 1, 'x')});
  open(1);
  const auto page = ask("/v1/embeddings", R"({"model":"far"})");
  EXPECT_EQ(page->wait_end(), "");
  EXPECT_EQ(page->status(), 418);
  EXPECT_EQ(page->body(), "<html>no</html>");
  EXPECT_EQ(page->header("content-type"), "text/html");
  const auto large = ask("/v1/rerank", R"({"model":"far"})");
  EXPECT_EQ(large->wait_end(), "");
  EXPECT_NE(large->body().find(R"("usage":{"ondol":{)"), std::string::npos);
  EXPECT_GT(large->body().size(), size_t{6} << 20);
  const auto too_large = ask("/v1/audio", R"({"model":"far"})");
  EXPECT_EQ(too_large->wait_end(), "");
  EXPECT_EQ(too_large->status(), 502);
  EXPECT_EQ(json::parse(too_large->body()).at("error").at("code"), "endpoint_broke_off");
}

TEST_F(DoorTest, EndsWhatIsInFlight) {
  servers_.push_back(far_server());
  open(1);
  servers_[0]->set_mode(ConformanceSubject::Mode::kSilent);
  const auto sink = ask(kChat, R"({"model":"far","messages":[]})");
  EXPECT_TRUE(servers_[0]->arrived.wait());
  door_.reset();
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->status(), 503);
}

}  // namespace
}  // namespace ondol
