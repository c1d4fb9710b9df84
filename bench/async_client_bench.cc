// What the way to an engine behind HTTP costs: CPU of the asynchronous client (user and system) per small request, and per event of a
// stream. The server is another process on loopback, so that its work does not count. Arguments: requests, in flight, streams, events.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <semaphore>
#include <thread>
#include <vector>

#include "net/async_client.h"
#include "net/server.h"

namespace {

using namespace ondol;

const std::string kEvent = "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"}}]}\n\n";

double cpu_s() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Answers POST at once; keeps GETs and sends all of them an event every millisecond, as engines do.
[[noreturn]] void serve(int port_fd, int events) {
  static std::mutex mutex;
  static std::vector<std::shared_ptr<Exchange>> streams;
  Registry metrics;
  auto server = HttpServer::start({}, metrics, [](const std::shared_ptr<Exchange>& exchange) {
    if (exchange->request().method == "POST") {
      HttpResponse response;
      response.body = R"({"object":"chat.completion","choices":[]})";
      return exchange->respond(std::move(response));
    }
    exchange->begin_stream(200, "text/event-stream", {});
    const std::scoped_lock lock(mutex);
    streams.push_back(exchange);
  });
  if (!server) std::_Exit(1);
  const uint16_t port = (*server)->port();
  if (::write(port_fd, &port, sizeof port) != sizeof port) std::_Exit(1);
  std::vector<int> sent;
  while (true) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const std::scoped_lock lock(mutex);
    sent.resize(streams.size());
    for (size_t i = 0; i < streams.size(); ++i) {
      if (sent[i] > events) continue;
      if (sent[i]++ == events) {
        streams[i]->finish();
      } else {
        streams[i]->write(kEvent);
      }
    }
  }
}

class CountSink final : public HttpSink {
 public:
  CountSink(std::atomic<uint64_t>& pieces, std::counting_semaphore<>& free, std::atomic<int>& failed)
      : pieces_(pieces), free_(free), failed_(failed) {}
  void on_head(int, const HttpHeaders&) override {}
  void on_data(std::string_view) override { ++pieces_; }
  void on_end(const Status& status) override {
    if (!status) ++failed_;
    free_.release();
  }

 private:
  std::atomic<uint64_t>& pieces_;
  std::counting_semaphore<>& free_;
  std::atomic<int>& failed_;
};

struct Cost {
  double cpu_us, wall_s;
  uint64_t pieces;
  int failed;
};

Cost measure(AsyncClient& client, uint16_t port, const std::string& method, int requests, int in_flight) {
  std::atomic<uint64_t> pieces{0};
  std::atomic<int> failed{0};
  std::counting_semaphore<> free(in_flight);
  AsyncRequest request;
  request.method = method;
  request.url = parse_url("http://127.0.0.1:" + std::to_string(port) + "/v1/chat/completions").value();
  request.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer sk-x"}};
  if (method == "POST") request.body = std::string(400, 'x');
  const double cpu_before = cpu_s();
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < requests; ++i) {
    free.acquire();
    if (!client.send(request, std::make_shared<CountSink>(pieces, free, failed))) std::abort();
  }
  for (int i = 0; i < in_flight; ++i) free.acquire();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
  return {(cpu_s() - cpu_before) * 1e6, wall.count(), pieces, failed};
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, int otherwise) { return argc > i ? std::atoi(argv[i]) : otherwise; };
  const int requests = argument(1, 20000), in_flight = argument(2, 32), streams = argument(3, 32), events = argument(4, 2000);
  int ends[2];
  if (::pipe(ends) != 0) return 1;
  const pid_t server = ::fork();
  if (server == 0) serve(ends[1], events);
  uint16_t port = 0;
  if (::read(ends[0], &port, sizeof port) != sizeof port) return 1;
  const auto client = AsyncClient::start();
  (void)measure(*client, port, "POST", 1000, in_flight);
  const Cost small = measure(*client, port, "POST", requests, in_flight);
  std::printf("small requests: %d, %d in flight: %.1f us CPU each, %.0f/s, %d failed\n", requests, in_flight, small.cpu_us / requests,
              requests / small.wall_s, small.failed);
  const Cost stream = measure(*client, port, "GET", streams, streams);
  const double sent = static_cast<double>(streams) * events;
  std::printf("streams: %d of %d events: %.2f us CPU an event (%llu pieces read), %.0f events/s, %d failed\n", streams, events,
              stream.cpu_us / sent, static_cast<unsigned long long>(stream.pieces), sent / stream.wall_s, stream.failed);
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
}
