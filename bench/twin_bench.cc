// How true and how cheap twin engines are.
//
//   twin_bench tpot [--seconds 4]: one engine in real time; the time of a token at 1, 8 and 32 streams beside the cost model's.
//   twin_bench floor [--cards 8] [--seconds 10]: what a floor of idle cards and their tree in /dev/shm costs of a core.
//   twin_bench cpu [--engines 16] [--streams 32] [--seconds 10] [--speed 1]: what so many engines cost of a core.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "twin/twin_engine.h"
#include "twin/twin_floor.h"

namespace ondol {
namespace {

constexpr size_t kPrompt = 256;
constexpr int64_t kAnswer = 4096;  // 32 of these fit one RNGD; at 15 ms a token a minute passes before they end

struct Options {
  int engines = 16, streams = 32;
  int cards = 8;
  double seconds = 0, speed = 1;
};

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double cpu_s() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Result<CostModel> cost_of(const char* device) {
  ONDOL_TRY(const DeviceProfile profile, builtin_device(device));
  ONDOL_TRY(const ModelShape model, builtin_model("llama-3.1-8b"));
  return CostModel::make(profile, model, {});
}

class Times final : public TwinSink {
 public:
  void on_token(int64_t) override {
    const std::scoped_lock lock(mutex_);
    at_.push_back(now_s());
  }
  void on_finish(TwinFinish, const TwinUsage&) override {}
  std::vector<double> at() {
    const std::scoped_lock lock(mutex_);
    return at_;
  }

 private:
  std::mutex mutex_;
  std::vector<double> at_;
};

std::vector<std::shared_ptr<Times>> submit_all(TwinEngine& engine, int streams) {
  std::vector<std::shared_ptr<Times>> sinks;
  for (int i = 0; i < streams; ++i) {
    sinks.push_back(std::make_shared<Times>());
    const TwinRequest request{std::vector<int32_t>(kPrompt, i), kAnswer};
    if (const auto id = engine.submit(request, sinks.back()); !id) std::fprintf(stderr, "%s\n", id.error().message.c_str());
  }
  return sinks;
}

// The cost model's time of the steps that gave `leader` its tokens `from` to the last, one by one: in each the others are as many tokens
// behind as when they began.
double predict_s(const CostModel& cost, const std::vector<double>& leader, size_t from, std::span<const std::shared_ptr<Times>> sinks) {
  std::vector<size_t> begins;
  for (const auto& sink : sinks) {
    begins.push_back(static_cast<size_t>(std::ranges::lower_bound(leader, sink->at().front() - 1e-3) - leader.begin()));
  }
  double seconds = 0;
  for (size_t n = from; n < leader.size(); ++n) {
    size_t sum = 0;
    for (const size_t begin : begins) sum += kPrompt + n - begin;
    StepBatch batch;
    batch.decodes = static_cast<int>(begins.size());
    batch.decode_context = static_cast<int64_t>(sum);
    batch.longest_context = static_cast<int64_t>(kPrompt + n);
    seconds += cost.step(batch).seconds;
  }
  return seconds;
}

// While all streams decode: from the last one's second token on.
void tpot(const char* device, const TwinEngineOptions& options, int streams, double seconds) {
  const auto engine = TwinEngine::start(options);
  const auto sinks = submit_all(*engine, streams);
  while (sinks.back()->at().size() < 2) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const std::vector<double> leader = sinks.front()->at();
  const auto from = static_cast<size_t>(std::ranges::lower_bound(leader, sinks.back()->at()[1] - 1e-3) - leader.begin());
  const size_t steps = leader.size() - 1 - from;
  double longest = 0;
  for (size_t i = from; i + 1 < leader.size(); ++i) longest = std::max(longest, leader[i + 1] - leader[i]);
  const double measured = (leader.back() - leader[from]) / static_cast<double>(steps);
  const double predicted = predict_s(options.cost, leader, from + 1, sinks) / static_cast<double>(steps);
  std::printf("%-14s %2d streams: %7.3f ms measured, %7.3f ms predicted, %+5.2f %%; longest gap %.2f ms; %zu tokens each\n", device,
              streams, measured * 1e3, predicted * 1e3, 100 * (measured / predicted - 1), longest * 1e3, steps);
}

void cpu(const TwinEngineOptions& options, const Options& wanted) {
  std::vector<std::unique_ptr<TwinEngine>> engines;
  std::vector<std::shared_ptr<Times>> sinks;
  for (int i = 0; i < wanted.engines; ++i) {
    engines.push_back(TwinEngine::start(options));
    std::ranges::copy(submit_all(*engines.back(), wanted.streams), std::back_inserter(sinks));
  }
  const auto tokens = [&] {
    int64_t sum = 0;
    for (const auto& engine : engines) sum += engine->load().generated_tokens;
    return sum;
  };
  const double start = now_s(), start_cpu = cpu_s();
  const int64_t start_tokens = tokens();
  std::this_thread::sleep_for(std::chrono::duration<double>(wanted.seconds));
  const double wall = now_s() - start, used = cpu_s() - start_cpu;
  std::printf("%d engines x %d streams, speed %g: %.1f %% of a core, %.0f tokens/s\n", wanted.engines, wanted.streams, wanted.speed,
              100 * used / wall, static_cast<double>(tokens() - start_tokens) / wall);
}

int floor_cpu(const Options& wanted) {
  FloorSpec spec;
  for (int i = 0; i < wanted.cards; ++i) {
    spec.devices.push_back({.kind = FloorDeviceKind::kNpu, .profile = "rngd"});
    FloorEngine engine;
    engine.name = "e" + std::to_string(i);
    engine.model = "llama-3.1-8b";
    engine.devices = "npu:" + std::to_string(i);
    spec.engines.push_back(engine);
  }
  auto plan = plan_floor(std::move(spec), [](const std::string&) -> Result<std::string> { return fail(Code::kNotFound, "no file"); });
  if (!plan) return std::fprintf(stderr, "%s\n", plan.error().message.c_str()), 1;
  const std::string tree = "/dev/shm/twin_bench." + std::to_string(::getpid());
  const auto running = TwinFloor::start(std::move(*plan), {.tree = tree, .port_base = 0});
  if (!running) return std::fprintf(stderr, "%s\n", running.error().message.c_str()), 1;
  const double start = now_s(), start_cpu = cpu_s();
  std::this_thread::sleep_for(std::chrono::duration<double>(wanted.seconds > 0 ? wanted.seconds : 10));
  std::printf("%d cards: %.2f %% of a core\n", wanted.cards, 100 * (cpu_s() - start_cpu) / (now_s() - start));
  return 0;
}

int run(const char* what, const Options& wanted) {
  if (std::strcmp(what, "floor") == 0) return floor_cpu(wanted);
  for (const char* device : {"rngd", "rtx-pro-6000"}) {
    const Result<CostModel> cost = cost_of(device);
    if (!cost) return std::fprintf(stderr, "%s\n", cost.error().message.c_str()), 1;
    const TwinEngineKind kind = std::strcmp(device, "rngd") == 0 ? TwinEngineKind::kFuriosaLlm : TwinEngineKind::kVllm;
    const TwinEngineOptions options{.kind = kind, .cost = *cost, .speed = wanted.speed};
    if (std::strcmp(what, "tpot") == 0) {
      for (const int streams : {1, 8, 32}) tpot(device, options, streams, wanted.seconds > 0 ? wanted.seconds : 4);
    } else {
      Options all = wanted;
      if (all.seconds <= 0) all.seconds = 10;
      std::printf("%-14s ", device);
      cpu(options, all);
    }
  }
  return 0;
}

}  // namespace
}  // namespace ondol

int main(int argc, char** argv) {
  ondol::Options options;
  for (int i = 2; i + 1 < argc; i += 2) {
    const double value = std::atof(argv[i + 1]);
    if (std::strcmp(argv[i], "--engines") == 0) options.engines = static_cast<int>(value);
    if (std::strcmp(argv[i], "--cards") == 0) options.cards = static_cast<int>(value);
    if (std::strcmp(argv[i], "--streams") == 0) options.streams = static_cast<int>(value);
    if (std::strcmp(argv[i], "--seconds") == 0) options.seconds = value;
    if (std::strcmp(argv[i], "--speed") == 0) options.speed = value;
  }
  const std::string_view what = argc < 2 ? "" : argv[1];
  if (what != "tpot" && what != "cpu" && what != "floor") {
    std::fprintf(stderr, "usage: twin_bench tpot|cpu|floor [--cards N] [--engines N] [--streams N] [--seconds S] [--speed X]\n");
    return 1;
  }
  return ondol::run(argv[1], options);
}
