#include "app/progress_bar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace ondol {
namespace {

TEST(ProgressLine, ShowsShareSpeedAndRemainingTime) {
  ProgressState state{.label = "fetching", .done = 60 << 20, .total = 100 << 20, .done_at_start = 20 << 20, .elapsed_us = 4'000'000};
  const std::string line = progress_line(state, 100);
  EXPECT_NE(line.find(" 60%"), std::string::npos) << line;
  EXPECT_NE(line.find("60.0 MiB of 100 MiB"), std::string::npos) << line;
  EXPECT_NE(line.find("10.0 MiB/s"), std::string::npos) << line << ": bytes that were there before do not count as speed";
  EXPECT_NE(line.find("0:04 left"), std::string::npos) << line;
  EXPECT_NE(line.find("[=================>            ]"), std::string::npos) << line;
}

TEST(ProgressLine, NeverIsWiderThanTheTerminal) {
  const ProgressState state{.label = "a rather long label for a bar", .done = 1, .total = 3, .elapsed_us = 1};
  for (const int columns : {1, 10, 40, 79}) EXPECT_LE(progress_line(state, columns).size(), static_cast<size_t>(columns));
}

TEST(ProgressLine, LivesWithUnknownTotals) {
  EXPECT_EQ(progress_line({.label = "fetching", .done = 2048}, 80), "fetching  2.00 KiB");
  EXPECT_EQ(progress_line({.label = "loading", .unit = ProgressUnit::kShare, .done = 5, .total = 5}, 20), "loading  100%");
}

class Output {
 public:
  std::FILE* file() { return file_.get(); }
  std::string text() {
    std::fflush(file_.get());
    return std::string(buffer_, size_);
  }
  ~Output() {
    file_.reset();
    std::free(buffer_);
  }

 private:
  char* buffer_ = nullptr;
  size_t size_ = 0;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{::open_memstream(&buffer_, &size_), &std::fclose};
};

TEST(ProgressBar, PrintsALineEveryTenSecondsWhereThereIsNoTerminal) {
  Output out;
  ManualClock clock;
  clock.advance_us(1'000'000'000);
  ProgressBar bar("loading", ProgressUnit::kShare, out.file(), false, clock);
  for (int i = 0; i <= 100; ++i) {
    bar.update_share(i / 100.0);
    clock.advance_us(250'000);
  }
  EXPECT_EQ(out.text(), "loading   40%\nloading   80%\n");
}

TEST(ProgressBar, RedrawsATerminalTenTimesASecond) {
  Output out;
  ManualClock clock;
  {
    ProgressBar bar("loading", ProgressUnit::kShare, out.file(), true, clock);
    for (int i = 0; i < 1000; ++i) {
      bar.update(static_cast<uint64_t>(i), 1000);
      clock.advance_us(1000);
    }
  }
  const std::string text = out.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 11) << "one draw per 100 ms, and the final clearing";
  EXPECT_TRUE(text.ends_with("\r\x1b[K"));
}

}  // namespace
}  // namespace ondol
