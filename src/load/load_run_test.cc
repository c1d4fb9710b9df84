#include "load/load_run.h"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "net/test_server.h"

namespace ondol {
namespace {

const std::string kText = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const std::string kEnd = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";

class LoadRunTest : public ServerTest {
 protected:
  LoadTarget target(int timeout_s = 60) const {
    return {.url = "http://127.0.0.1:" + std::to_string(server_->port()), .model = "m", .timeout_s = timeout_s};
  }
  static void answer(Exchange& exchange) {
    exchange.begin_stream(200, "text/event-stream", {});
    exchange.write(kText);
    exchange.write(kText + kEnd);
    exchange.finish();
  }
  static bool never() { return false; }
};

RequestShape shape(int requests) { return {.requests = requests, .input_tokens = 4, .output_tokens = 2}; }

TEST_F(LoadRunTest, SendsEveryRequestOnce) {
  std::mutex mutex;
  std::map<std::string, int> bodies;
  start([&](const std::shared_ptr<Exchange>& exchange) {
    {
      const std::scoped_lock lock(mutex);
      ++bodies[exchange->request().body];
    }
    answer(*exchange);
  });
  const LoadPlan plan = plan_closed_loop(shape(40), 4);
  const auto outcome = run_load(plan, target(), never);
  stop();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_FALSE(outcome->interrupted);
  ASSERT_EQ(outcome->samples.size(), 40u);
  for (size_t i = 0; i < 40; ++i) {
    const RequestSample& sample = outcome->samples[i];
    EXPECT_EQ(sample.index, static_cast<int32_t>(i));
    EXPECT_TRUE(sample.ok()) << sample.message;
    EXPECT_EQ(sample.due_us, sample.sent_us);
    EXPECT_EQ(sample.planned_output, 2);
    EXPECT_EQ(bodies[load_request_body(target(), prompt_of(plan, plan.requests[i]), 2)], 1);
  }
  EXPECT_EQ(bodies.size(), 40u);
}

TEST_F(LoadRunTest, KeepsAsManyInFlightAsAskedFor) {
  // Answers only once three are there: with fewer in flight the run would not end, with more the count below would show it.
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> waiting;
  size_t most = 0;
  start([&](std::shared_ptr<Exchange> exchange) {
    std::vector<std::shared_ptr<Exchange>> ready;
    {
      const std::scoped_lock lock(mutex);
      waiting.push_back(std::move(exchange));
      most = std::max(most, waiting.size());
      if (waiting.size() == 3) ready.swap(waiting);
    }
    for (const auto& one : ready) answer(*one);
  });
  const auto outcome = run_load(plan_closed_loop(shape(12), 3), target(), never);
  stop();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->samples.size(), 12u);
  for (const auto& sample : outcome->samples) EXPECT_TRUE(sample.ok()) << sample.message;
  EXPECT_EQ(most, 3u);
  EXPECT_EQ(outcome->held_back, 0);
}

TEST_F(LoadRunTest, OpenLoopSendsNothingBeforeItIsDue) {
  start([](const std::shared_ptr<Exchange>& exchange) { answer(*exchange); });
  const LoadPlan plan = plan_poisson(shape(20), 400, 32);
  const auto outcome = run_load(plan, target(), never);
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_EQ(outcome->samples.size(), 20u);
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(outcome->samples[i].due_us, plan.requests[i].due_us);
    EXPECT_GE(outcome->samples[i].sent_us, plan.requests[i].due_us);
    EXPECT_TRUE(outcome->samples[i].ok());
  }
}

TEST_F(LoadRunTest, SaysHowManyWereHeldBack) {
  // One place, and an answer only when the run has counted the other requests as held back.
  start(keep());
  LoadPlan plan = plan_closed_loop(shape(3), 1);
  plan.open_loop = true;
  std::jthread server([&] {
    for (size_t i = 0; i < 3; ++i) answer(*kept(i));
  });
  const auto outcome = run_load(plan, target(), never);
  server.join();
  release_kept();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->held_back, 2);
  EXPECT_EQ(outcome->samples.size(), 3u);
}

TEST_F(LoadRunTest, AFollowerWaitsForTheOneBefore) {
  start([](const std::shared_ptr<Exchange>& exchange) { answer(*exchange); });
  LoadPlan plan = plan_closed_loop(shape(3), 8);
  plan.open_loop = true;
  plan.requests[1].previous = 0;
  plan.requests[1].wait_us = 20'000;
  plan.requests[2].previous = 1;
  const auto outcome = run_load(plan, target(), never);
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_EQ(outcome->samples.size(), 3u);
  const auto& samples = outcome->samples;
  EXPECT_EQ(samples[1].due_us, samples[0].end_us + 20'000);
  EXPECT_GE(samples[1].sent_us, samples[1].due_us);
  EXPECT_EQ(samples[2].due_us, samples[1].end_us);
}

TEST_F(LoadRunTest, AFollowerComesAfterAFailureToo) {
  start([](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    response.status = 503;
    exchange->respond(std::move(response));
  });
  LoadPlan plan = plan_closed_loop(shape(2), 1);
  plan.requests[1].previous = 0;
  const auto outcome = run_load(plan, target(), never);
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_EQ(outcome->samples.size(), 2u);
  for (const auto& sample : outcome->samples) EXPECT_EQ(sample.error, SampleError::kHttp503);
}

// Sends a little every few milliseconds for as long as the client is there.
class DrippingServer {
 public:
  DrippingServer() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_.fd(), reinterpret_cast<const sockaddr*>(&at), sizeof at);
    ::listen(listener_.fd(), 4);
    socklen_t length = sizeof at;
    ::getsockname(listener_.fd(), reinterpret_cast<sockaddr*>(&at), &length);
    port_ = ntohs(at.sin_port);
    thread_ = std::jthread([this] { drip(); });
  }
  ~DrippingServer() { ::shutdown(listener_.fd(), SHUT_RDWR); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  void drip() {
    const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    TestSocket socket{TestSocket::Adopted{fd}};
    const std::string head = socket.read_until("\r\n\r\n");
    socket.read_bytes(std::stoul(head.substr(head.find("Content-Length: ") + 16)));
    socket.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    pollfd client{fd, POLLIN, 0};
    while (::poll(&client, 1, 5) == 0 && socket.send(kText)) continue;
  }

  TestSocket listener_;
  uint16_t port_ = 0;
  std::jthread thread_;
};

TEST_F(LoadRunTest, EndsAnAnswerThatNeverEnds) {
  // Never a second without a byte: only the deadline of the whole can end it.
  DrippingServer server;
  const auto outcome = run_load(plan_closed_loop(shape(1), 1), {.url = server.url(), .model = "m", .timeout_s = 1}, never);
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_EQ(outcome->samples.size(), 1u);
  const RequestSample& sample = outcome->samples[0];
  EXPECT_EQ(sample.error, SampleError::kTimeout) << sample.message;
  EXPECT_EQ(sample.message, "not whole after 1 s");
  EXPECT_GT(sample.chunks, 0);
}

TEST_F(LoadRunTest, StopsWhenToldTo) {
  start(keep());
  const auto stopped = [this] { return arrived_.count() >= 2; };
  const auto outcome = run_load(plan_closed_loop(shape(50), 2), target(), stopped);
  release_kept();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(outcome->interrupted);
  ASSERT_EQ(outcome->samples.size(), 2u);
  for (const auto& sample : outcome->samples) EXPECT_EQ(sample.error, SampleError::kInterrupted);
}

TEST_F(LoadRunTest, TellsHowFarItIs) {
  start([](const std::shared_ptr<Exchange>& exchange) { answer(*exchange); });
  bool called = false;
  const auto outcome = run_load(plan_closed_loop(shape(5), 1), target(), never, [&](const RunProgress& progress) {
    called = true;
    EXPECT_EQ(progress.total, 5u);
    EXPECT_LE(progress.done, 5u);
    EXPECT_LE(progress.running, 1);
  });
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(called);
}

}  // namespace
}  // namespace ondol
