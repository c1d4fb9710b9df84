// What the engine tells of its steps: every row of every request once, before the request ends.
#include <gtest/gtest.h>

#include <map>

#include "engine/core.h"
#include "engine/synthetic_model_test_util.h"

namespace ondol {
namespace {

struct Seen {
  int64_t rows = 0;
  int64_t next = 0;  // where its next rows begin
};

class ReportSink final : public TokenSink {
 public:
  explicit ReportSink(const std::map<uint64_t, Seen>& seen) : seen_(seen) {}
  void on_token(const TokenEvent&) override {}
  void on_finish(const FinishEvent& event) override {
    finish = event;
    rows_at_finish = seen_.at(id).rows;
  }
  uint64_t id = 0;
  FinishEvent finish;
  int64_t rows_at_finish = 0;

 private:
  const std::map<uint64_t, Seen>& seen_;
};

TEST(CoreReport, EveryRowIsReportedOnceAndBeforeTheEnd) {
  ManualClock clock;
  Registry metrics;
  std::map<uint64_t, Seen> seen;
  int64_t last_end_us = 0;
  EngineOptions options;
  options.threads = 2;
  options.kv_bytes = 8 << 20;
  options.step_tokens = 48;  // prompts come in parts
  options.on_step = [&](const StepReport& report) {
    EXPECT_GE(report.begin_us, last_end_us);
    EXPECT_GE(report.end_us, report.begin_us);
    last_end_us = report.end_us;
    for (const StepShare& share : report.shares) {
      Seen& one = seen[share.id];
      if (one.rows > 0) {  // at first there may be tokens from the prefix cache in front
        EXPECT_EQ(share.context, one.next);
      }
      one.rows += share.rows;
      one.next = share.context + share.rows;
    }
    clock.advance_us(10);
  };
  auto core = Core::create(std::make_shared<SyntheticModel>(synthetic_spec(0, false)), options, clock, metrics);
  ASSERT_TRUE(core) << core.error().message;
  std::vector<std::shared_ptr<ReportSink>> sinks;
  for (uint64_t id = 1; id <= 5; ++id) {
    auto sink = std::make_shared<ReportSink>(seen);
    sink->id = id;
    GenerateRequest request;
    for (int i = 0; i < 100; ++i) request.prompt.push_back(i < 50 ? i : (i * static_cast<int>(id)) % 200);  // half of it is shared
    request.max_tokens = 10;
    request.sampling.temperature = 0;
    (*core)->add(id, std::move(request), sink, 0);
    sinks.push_back(sink);
  }
  for (int steps = 0; !(*core)->idle(); ++steps) {
    ASSERT_LT(steps, 5000);
    (*core)->step();
  }
  for (const auto& sink : sinks) {
    // The last token's own row is never computed.
    EXPECT_EQ(sink->rows_at_finish, sink->finish.prompt_tokens - sink->finish.cached_tokens + sink->finish.completion_tokens - 1);
    EXPECT_EQ(seen.at(sink->id).rows, sink->rows_at_finish);
  }
}

}  // namespace
}  // namespace ondol
