// CPU time of one poll of RNGD cards in a fabricated tree (google-benchmark): device_bench. The tree lies in the folder for temporary
// files; the argument is the number of cards. "moving": every file of the readings changes between two polls, outside the measured time.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "device/device.h"
#include "device/rngd_tree.h"

namespace ondol {
namespace {

std::string folder() { return (std::filesystem::temp_directory_path() / ("ondol_device_bench_" + std::to_string(::getpid()))).string(); }

void poll_cards(benchmark::State& state) {
  const int cards = static_cast<int>(state.range(0));
  const bool moving = state.range(1) != 0;
  auto tree = RngdTree::create(folder(), cards);
  if (!tree) return state.SkipWithError(tree.error().message.c_str());
  const auto reader = make_rngd_reader({folder(), false});
  RngdState card;
  size_t seen = 0;
  for (auto _ : state) {
    if (moving) {
      state.PauseTiming();
      card.power_w += 0.001;
      ++card.heartbeat;
      for (auto& pe : card.pes) pe = {true, pe.cycles + 1000, pe.task_cycles + 700, 0};
      for (int i = 0; i < cards; ++i) (void)tree->update(i, card).has_value();
      state.ResumeTiming();
    }
    seen += reader->read().size();
  }
  if (seen != static_cast<size_t>(cards) * state.iterations()) state.SkipWithError("cards are missing");
  std::filesystem::remove_all(folder());
}
BENCHMARK(poll_cards)
    ->ArgNames({"cards", "moving"})
    ->Args({1, 0})
    ->Args({8, 0})
    ->Args({8, 1})
    ->Args({64, 0})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace ondol

BENCHMARK_MAIN();
