#include "load/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace ondol {
namespace {

constexpr double kWidth = 640, kHeight = 300;
constexpr double kLeft = 58, kRight = 14, kTop = 34, kBottom = 46;
constexpr int kColours = 3;

struct Range {
  double low = 0, high = 1;
};

// Places values within the frame; on a logarithmic axis it works on the logarithms.
struct Scale {
  Range x, y;
  bool log_x = false;

  double inner(double value) const { return log_x ? std::log10(std::max(value, kSmallestLogX)) : value; }
  double px(double value) const {
    const double low = inner(x.low);
    return kLeft + (inner(value) - low) / (inner(x.high) - low) * (kWidth - kLeft - kRight);
  }
  double py(double value) const { return kHeight - kBottom - (value - y.low) / (y.high - y.low) * (kHeight - kTop - kBottom); }
};

std::vector<PlotPoint> drawn_points(const std::vector<PlotPoint>& points) {
  std::vector<PlotPoint> finite;
  std::ranges::copy_if(points, std::back_inserter(finite), [](const PlotPoint& p) { return std::isfinite(p.x) && std::isfinite(p.y); });
  if (finite.size() <= kMaxPlotPoints) return finite;
  std::vector<PlotPoint> chosen;
  for (size_t i = 0; i < kMaxPlotPoints; ++i) chosen.push_back(finite[i * (finite.size() - 1) / (kMaxPlotPoints - 1)]);
  return chosen;
}

// A range of some width, so that nothing is divided by zero.
Range widened(Range range) {
  if (range.high - range.low < 1e-9) return {range.low, range.low + std::max(1.0, std::abs(range.low) * 0.1)};
  return range;
}

Scale scale_for(const Plot& plot, const std::vector<std::vector<PlotPoint>>& drawn) {
  Scale scale{.x = {0, 0}, .y = {0, plot.y_max}, .log_x = plot.log_x};
  bool first = true;
  for (const auto& points : drawn) {
    for (const PlotPoint& point : points) {
      const double x = plot.log_x ? std::max(point.x, kSmallestLogX) : point.x;
      if (first && plot.log_x) scale.x = {x, x};
      first = false;
      scale.x = {std::min(scale.x.low, x), std::max(scale.x.high, x)};
      if (plot.y_max <= 0) scale.y = {std::min(scale.y.low, point.y), std::max(scale.y.high, point.y)};
    }
  }
  if (plot.log_x && scale.x.low <= 0) scale.x = {1, 10};
  scale.x = widened(scale.x);
  scale.y = widened(scale.y);
  return scale;
}

std::string axes(const Plot& plot, const Scale& scale) {
  std::string out;
  const double bottom = kHeight - kBottom, right = kWidth - kRight;
  for (const double tick : linear_ticks(scale.y.low, scale.y.high, 5)) {
    const double y = scale.py(tick);
    out += fmt::format("<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>", kLeft, y, right, y);
    out += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>", kLeft - 6, y + 4, tick);
  }
  const auto ticks = scale.log_x ? log_ticks(scale.x.low, scale.x.high) : linear_ticks(scale.x.low, scale.x.high, 7);
  for (const double tick : ticks) {
    const double x = scale.px(tick);
    out += fmt::format("<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>", x, kTop, x, bottom);
    out += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:g}</text>", x, bottom + 16, tick);
  }
  out += fmt::format("<line class=\"axis\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>", kLeft, bottom, right, bottom);
  out += fmt::format("<text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", (kLeft + right) / 2, kHeight - 8,
                     escape_html(plot.x_label));
  out += fmt::format("<text class=\"label\" x=\"14\" y=\"{0:.1f}\" text-anchor=\"middle\" transform=\"rotate(-90 14 {0:.1f})\">{1}</text>",
                     (kTop + bottom) / 2, escape_html(plot.y_label));
  return out;
}

std::string marks(const PlotSeries& series, const std::vector<PlotPoint>& points, const Scale& scale, int colour) {
  if (points.empty()) return "";
  std::string out;
  if (series.dots) {
    for (const PlotPoint& point : points) {
      out += fmt::format("<circle class=\"dot s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"/>", colour, scale.px(point.x), scale.py(point.y));
    }
    return out;
  }
  out = fmt::format("<polyline class=\"line s{}\" points=\"", colour);
  for (const PlotPoint& point : points) out += fmt::format("{:.1f},{:.1f} ", scale.px(point.x), scale.py(point.y));
  out.back() = '"';
  return out + "/>";
}

std::string legend(const Plot& plot) {
  if (plot.series.size() < 2) return "";
  std::string out;
  double x = kWidth - kRight;
  for (size_t i = plot.series.size(); i-- > 0;) {
    const std::string& name = plot.series[i].name;
    x -= 26 + 7 * static_cast<double>(name.size());
    out += fmt::format("<rect class=\"key s{}\" x=\"{:.1f}\" y=\"12\" width=\"10\" height=\"10\"/>", i % kColours, x);
    out += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"21\">{}</text>", x + 14, escape_html(name));
  }
  return out;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n') out += c;
    }
  }
  return out;
}

std::vector<double> linear_ticks(double low, double high, int count) {
  const double rough = (high - low) / std::max(1, count);
  if (!(rough > 0) || !std::isfinite(rough)) return {};
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double factor = rough / power;
  const double step = power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
  std::vector<double> ticks;
  for (int i = 0; i <= 2 * count + 2; ++i) {
    const double tick = (std::ceil(low / step - 1e-9) + i) * step;
    if (tick > high + step * 1e-9) break;
    ticks.push_back(tick);
  }
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  std::vector<double> ticks;
  if (!(low > 0) || !(high >= low) || !std::isfinite(high)) return ticks;
  const bool powers_only = std::log10(high / low) > 3;
  const int from = static_cast<int>(std::floor(std::log10(low))), to = static_cast<int>(std::ceil(std::log10(high)));
  for (int exponent = from; exponent <= to; ++exponent) {
    for (const int factor : {1, 2, 5}) {
      const double tick = factor * std::pow(10, exponent);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9) && (factor == 1 || !powers_only)) ticks.push_back(tick);
    }
  }
  return ticks;
}

std::vector<PlotPoint> cumulative_share(std::vector<double> values) {
  std::ranges::sort(values);
  std::vector<PlotPoint> points;
  points.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    points.push_back({values[i], static_cast<double>(i + 1) / static_cast<double>(values.size())});
  }
  return points;
}

std::string render_svg(const Plot& plot) {
  std::vector<std::vector<PlotPoint>> drawn;
  bool empty = true;
  for (const PlotSeries& series : plot.series) {
    drawn.push_back(drawn_points(series.points));
    empty = empty && drawn.back().empty();
  }
  std::string out =
      fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">", kWidth, kHeight, escape_html(plot.title));
  out += fmt::format("<text class=\"title\" x=\"{:.1f}\" y=\"21\">{}</text>", 8.0, escape_html(plot.title));
  if (empty) {
    return out + fmt::format("<text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">no data</text></svg>\n", kWidth / 2,
                             kHeight / 2);
  }
  const Scale scale = scale_for(plot, drawn);
  out += axes(plot, scale);
  for (size_t i = 0; i < drawn.size(); ++i) out += marks(plot.series[i], drawn[i], scale, static_cast<int>(i) % kColours);
  return out + legend(plot) + "</svg>\n";
}

}  // namespace ondol
