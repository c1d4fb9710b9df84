#include "app/progress_bar.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "app/sizes.h"
#include "app/table.h"

namespace ondol {
namespace {

constexpr int64_t kRedrawUs = 100'000;
constexpr int64_t kPlainLineUs = 10'000'000;

int terminal_columns(std::FILE* out) {
  winsize size{};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string minutes(double seconds) {
  const auto whole = static_cast<int64_t>(std::min(std::ceil(seconds), 359'999.0));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string figures(const ProgressState& state) {
  std::string text;
  if (state.total > 0) text += fmt::format("  {:3}%", std::min<uint64_t>(state.done, state.total) * 100 / state.total);
  if (state.unit == ProgressUnit::kShare) return text;
  text += "  " + format_size(state.done);
  if (state.total > 0) text += " of " + format_size(state.total);
  const uint64_t moved = state.done - std::min(state.done, state.done_at_start);
  if (state.elapsed_us <= 0 || moved == 0) return text;
  const double per_second = static_cast<double>(moved) * 1e6 / static_cast<double>(state.elapsed_us);
  text += "  " + format_size(static_cast<uint64_t>(per_second)) + "/s";
  if (state.total > state.done) text += "  " + minutes(static_cast<double>(state.total - state.done) / per_second) + " left";
  return text;
}

}  // namespace

std::string progress_line(const ProgressState& state, int columns) {
  const std::string text = figures(state);
  const int room = columns - static_cast<int>(display_width(state.label) + text.size()) - 4;
  std::string line = state.label;
  if (state.total > 0 && room >= 6) {
    const auto cells = static_cast<size_t>(std::min(room, 30));
    const size_t full = static_cast<size_t>(std::min(state.done, state.total) * cells / state.total);
    std::string bar(full, '=');
    if (full > 0 && full < cells) bar.back() = '>';
    bar.resize(cells, ' ');
    line += "  [" + bar + "]";
  }
  line += text;
  if (columns > 0 && line.size() > static_cast<size_t>(columns)) line.resize(static_cast<size_t>(columns));
  return line;
}

ProgressBar::ProgressBar(std::string label, ProgressUnit unit, std::FILE* out, bool terminal, const Clock& clock)
    : out_(out), terminal_(terminal), clock_(clock) {
  state_.label = std::move(label);
  state_.unit = unit;
}

ProgressBar::ProgressBar(std::string label, ProgressUnit unit, const Clock& clock)
    : ProgressBar(std::move(label), unit, stderr, ::isatty(STDERR_FILENO) == 1, clock) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::update(uint64_t done, uint64_t total) {
  const int64_t now_us = clock_.now_us();
  if (started_us_ < 0) {
    started_us_ = now_us;
    state_.done_at_start = done;
  }
  state_.done = done;
  state_.total = total;
  state_.elapsed_us = now_us - started_us_;
  if (terminal_) {
    if (drawn_ && now_us - drawn_us_ < kRedrawUs && done < total) return;
    fmt::print(out_, "\r\x1b[K{}", progress_line(state_, terminal_columns(out_) - 1));
    std::fflush(out_);
    drawn_us_ = now_us;
    drawn_ = true;
  } else if (now_us - std::max(drawn_us_, started_us_) >= kPlainLineUs) {
    fmt::print(out_, "{}{}\n", state_.label, figures(state_));
    std::fflush(out_);
    drawn_us_ = now_us;
  }
}

void ProgressBar::clear() {
  if (!drawn_) return;
  fmt::print(out_, "\r\x1b[K");
  std::fflush(out_);
  drawn_ = false;
}

}  // namespace ondol
