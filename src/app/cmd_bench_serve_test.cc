#include "app/cmd_bench_serve.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>
#include <memory>
#include <mutex>
#include <set>

#include "app/load_output.h"
#include "base/metrics.h"
#include "base/test_folder_test_util.h"
#include "net/server.h"

namespace ondol {
namespace {

// Lists one model and answers every completion with two chunks and its usage.
class FakeServer {
 public:
  FakeServer() {
    server_ = HttpServer::start({}, metrics_, [this](std::shared_ptr<Exchange> exchange) { handle(*exchange); }).value();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()) + "/v1"; }
  std::multiset<std::string> bodies() {
    const std::scoped_lock lock(mutex_);
    return bodies_;
  }
  int refuse_with = 0;

 private:
  void handle(Exchange& exchange) {
    HttpResponse response;
    if (exchange.request().path == "/v1/models") {
      response.body = R"({"data":[{"id":"first"}]})";
      return exchange.respond(std::move(response));
    }
    {
      const std::scoped_lock lock(mutex_);
      bodies_.insert(exchange.request().body);
    }
    if (refuse_with != 0) {
      response.status = refuse_with;
      response.body = R"({"error":{"message":"not today"}})";
      return exchange.respond(std::move(response));
    }
    exchange.begin_stream(200, "text/event-stream", {});
    exchange.write("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
    exchange.write("data: {\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"length\"}]}\n\n");
    exchange.write("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n");
    exchange.finish();
  }

  std::mutex mutex_;
  std::multiset<std::string> bodies_;
  Registry metrics_;
  std::unique_ptr<HttpServer> server_;
};

struct Printed {
  Status status;
  std::string out;
};

Printed run(const BenchServeOptions& options) {
  testing::internal::CaptureStdout();
  Status status = run_bench_serve(options);
  return {std::move(status), testing::internal::GetCapturedStdout()};
}

BenchServeOptions small_run(const FakeServer& server) {
  BenchServeOptions options;
  options.target.url = server.url();
  options.shape = {.requests = 6, .input_tokens = 5, .output_tokens = 2};
  options.concurrency = 2;
  return options;
}

TEST(BenchServe, ReportsAsJsonAndAgainFromItsFile) {
  FakeServer server;
  const TestFolder folder;
  BenchServeOptions options = small_run(server);
  options.json = true;
  options.save = folder.path("run.jsonl");
  options.html = folder.path("report.html");
  const Printed printed = run(options);
  ASSERT_TRUE(printed.status) << printed.status.error().message;
  const auto json = boost::json::parse(printed.out);
  EXPECT_EQ(json.at("settings").at("model"), "first");
  EXPECT_EQ(json.at("settings").at("arrivals"), "closed loop of 2");
  EXPECT_EQ(json.at("requests").at("completed"), 6);
  EXPECT_EQ(json.at("requests").at("failed"), 0);
  EXPECT_EQ(json.at("tokens").at("input"), 42);
  EXPECT_EQ(json.at("tokens").at("output"), 12);
  EXPECT_EQ(json.at("ttft_ms").at("count"), 6);
  EXPECT_EQ(server.bodies().size(), 7u);  // with one to warm up
  EXPECT_NE(folder.read("report.html").find("6 whole, 0 failed"), std::string::npos);

  BenchServeOptions again;
  again.from = options.save;
  again.json = true;
  const Printed repeated = run(again);
  ASSERT_TRUE(repeated.status) << repeated.status.error().message;
  EXPECT_EQ(repeated.out, printed.out);
}

TEST(BenchServe, PrintsATable) {
  FakeServer server;
  BenchServeOptions options = small_run(server);
  options.slo.ttft_ms = 60'000;
  const Printed printed = run(options);
  ASSERT_TRUE(printed.status) << printed.status.error().message;
  EXPECT_NE(printed.out.find("6 answers, 0 failed"), std::string::npos) << printed.out;
  EXPECT_NE(printed.out.find("100.0 % (TTFT <= 60000 ms)"), std::string::npos) << printed.out;
  EXPECT_NE(printed.out.find("TTFT ms"), std::string::npos);
  EXPECT_NE(printed.out.find("prompt tokens"), std::string::npos);
}

TEST(BenchServe, PlaysATrace) {
  FakeServer server;
  BenchServeOptions options = small_run(server);
  options.trace = std::string(ONDOL_SOURCE_DIR) + "/tests/traces/tracelab_sessions.csv";
  options.limit = 3;
  options.speed = 1000;
  options.warmup = 0;
  options.json = true;
  const Printed printed = run(options);
  ASSERT_TRUE(printed.status) << printed.status.error().message;
  const auto json = boost::json::parse(printed.out);
  EXPECT_EQ(json.at("requests").at("completed"), 3);
  EXPECT_EQ(json.at("settings").at("open_loop"), true);
  EXPECT_EQ(json.at("generator").at("lateness_ms").at("count"), 3);
  EXPECT_EQ(server.bodies().size(), 3u);
}

TEST(BenchServe, SaysWhyNothingWasAnswered) {
  FakeServer server;
  server.refuse_with = 401;
  BenchServeOptions options = small_run(server);
  const Printed warm = run(options);
  ASSERT_FALSE(warm.status);
  EXPECT_NE(warm.status.error().message.find("not today"), std::string::npos) << warm.status.error().message;
  EXPECT_EQ(warm.out, "");
  options.warmup = 0;
  const Printed cold = run(options);
  EXPECT_FALSE(cold.status);
  EXPECT_NE(cold.out.find("6 x http_4xx, first: HTTP 401: \"not today\""), std::string::npos) << cold.out;
}

TEST(BenchServe, NamesTheFileThatIsWrong) {
  const TestFolder folder;
  folder.write("trace", "hello\n");
  BenchServeOptions options;
  options.trace = folder.path("trace");
  const Printed printed = run(options);
  ASSERT_FALSE(printed.status);
  EXPECT_TRUE(printed.status.error().message.starts_with(folder.path("trace") + ": line 1")) << printed.status.error().message;
  options.trace = folder.path("none");
  EXPECT_FALSE(run(options).status);
}

TEST(BenchServeOptions, FillTheirPlaces) {
  CLI::App app;
  BenchServeOptions options;
  bind_bench_serve(app, options);
  app.parse(
      "--url http://h --model m --endpoint completions --api-key k --timeout 7 --rate 2.5 --requests 9 --seed 4 --warmup 2 "
      "--input-tokens 11 --output-tokens 12 --spread 0.5 --shared-prefix 3 --temperature 0.5 --standard-only --slo-ttft-ms 100 "
      "--slo-itl-ms 20 --json --html h --save s --max-in-flight 33");
  EXPECT_EQ(options.target.url, "http://h");
  EXPECT_EQ(options.target.api_key, "k");
  EXPECT_EQ(options.target.timeout_s, 7);
  EXPECT_EQ(options.target.temperature, 0.5);
  EXPECT_TRUE(options.target.standard_only && options.json);
  EXPECT_EQ(options.endpoint, "completions");
  EXPECT_EQ(options.rate, 2.5);
  EXPECT_EQ(options.shape.requests, 9);
  EXPECT_EQ(options.shape.seed, 4u);
  EXPECT_EQ(options.shape.input_tokens, 11);
  EXPECT_EQ(options.shape.output_tokens, 12);
  EXPECT_EQ(options.shape.spread, 0.5);
  EXPECT_EQ(options.shape.shared_prefix, 3);
  EXPECT_EQ(options.max_in_flight, 33);
  EXPECT_EQ(options.slo.ttft_ms, 100);
  EXPECT_EQ(options.slo.tpot_ms, 20);
}

TEST(BenchServeOptions, RefuseWhatDoesNotGoTogether) {
  for (const char* line : {"--rate 2 --concurrency 3", "--trace t --rate 2", "--speed 2", "--limit 2", "--from a --save b",
                           "--prompts p --input-tokens 3", "--endpoint responses", "--rate 0"}) {
    CLI::App app;
    BenchServeOptions options;
    bind_bench_serve(app, options);
    EXPECT_THROW(app.parse(line), CLI::ParseError) << line;
  }
}

TEST(LoadProgressLine, ShowsWhatIsKnown) {
  EXPECT_EQ(load_progress_line({.total = 9, .done = 0, .running = 2}), "0/9 done, 2 running");
  EXPECT_EQ(
      load_progress_line({.total = 200, .done = 120, .failed = 2, .running = 8, .chunks = 824, .elapsed_us = 2'000'000, .ttft_us = 84'400}),
      "120/200 done, 8 running, 2 failed, 412 tok/s, TTFT p50 84 ms");
}

}  // namespace
}  // namespace ondol
