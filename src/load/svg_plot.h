// Plots as inline SVG: axes with round ticks, lines and dots, a legend. Colours come from CSS classes (s0, s1, s2; see report_html.cc).
//
// Pure functions; any thread. Bounded: kMaxPlotPoints points of a series are drawn, evenly chosen among more.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ondol {

inline constexpr size_t kMaxPlotPoints = 1500;

struct PlotPoint {
  double x = 0, y = 0;
};

struct PlotSeries {
  std::string name;
  std::vector<PlotPoint> points;  // of a line: ascending in x; what is not finite is left out
  bool dots = false;              // otherwise a line
};

struct Plot {
  std::string title = {};
  std::string x_label = {}, y_label = {};
  bool log_x = false;                   // values below kSmallestLogX count as that
  double y_max = 0;                     // 0 = what the points need
  std::vector<PlotSeries> series = {};  // three at most have colours of their own
};

inline constexpr double kSmallestLogX = 0.01;

std::string render_svg(const Plot& plot);

// Text as HTML or XML content or attribute value: & < > " ' escaped, control bytes other than tab and line feed left out.
std::string escape_html(std::string_view text);

// Round values that cover `low`..`high` in about `count` steps of 1, 2 or 5 times a power of ten.
std::vector<double> linear_ticks(double low, double high, int count);
// 1, 2 and 5 times each power of ten within; powers only, if they span more than three.
std::vector<double> log_ticks(double low, double high);

// The share of values up to each value, for a plot of the distribution.
std::vector<PlotPoint> cumulative_share(std::vector<double> values);

}  // namespace ondol
