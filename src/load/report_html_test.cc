#include "load/report_html.h"

#include <gtest/gtest.h>

#include <set>

#include "load/sample_test_util.h"
#include "load/svg_plot.h"

namespace ondol {
namespace {

// What is wrong with the nesting of tags; "" for nothing. Content may hold no '<' and no '&' that is not an escape.
std::string nesting_error(std::string_view page) {
  static const std::set<std::string> kVoid{"meta", "!doctype"};
  std::vector<std::string> open;
  for (size_t at = 0; at < page.size();) {
    if (page[at] == '&') {
      const std::string_view escape = page.substr(at, page.find(';', at) - at + 1);
      if (escape.size() > 9) return "a bare &: " + std::string(page.substr(at, 20));
    }
    if (page[at] != '<') {
      ++at;
      continue;
    }
    const size_t end = page.find('>', at);
    if (end == std::string_view::npos) return "a tag without an end";
    const std::string tag(page.substr(at + 1, end - at - 1));
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    at = end + 1;
    if (tag.front() == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return tag + " closes " + (open.empty() ? "nothing" : open.back());
      open.pop_back();
    } else if (tag.back() != '/' && !kVoid.contains(name)) {
      open.push_back(name);
    }
    if (name == "style") at = page.find("</style>", at);  // CSS
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

TEST(ReportHtml, IsWellFormedAndHasTheNumbers) {
  const auto samples = test_samples();
  const std::string page = report_html(make_report(test_info(), samples, {.ttft_ms = 150, .tpot_ms = 15}), samples);
  EXPECT_EQ(nesting_error(page), "");
  EXPECT_NE(page.find("12.0 tokens/s (6 tokens)"), std::string::npos);
  EXPECT_NE(page.find("2 whole, 2 failed"), std::string::npos);
  EXPECT_NE(page.find("25.0 %"), std::string::npos);
  EXPECT_NE(page.find("<td>http_429</td><td class=\"n\">2</td>"), std::string::npos);
  size_t plots = 0;
  for (size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1)) ++plots;
  EXPECT_EQ(plots, 5u);
}

TEST(ReportHtml, NeedsNothingElseAndEscapesWhatCameFromOutside) {
  const auto samples = test_samples();
  const std::string page = report_html(make_report(test_info(), samples, {}), samples);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(&#39;m&#39;)&lt;/script&gt;"), std::string::npos);
  EXPECT_NE(page.find("&lt;slow&gt; &amp; low"), std::string::npos);
  for (const char* outside : {"src=", "href=", "@import", "url("}) EXPECT_EQ(page.find(outside), std::string::npos) << outside;
}

TEST(ReportHtml, SurvivesARunWithoutAnswers) {
  const std::string page = report_html(make_report(test_info(), {}, {}), {});
  EXPECT_EQ(nesting_error(page), "");
  EXPECT_NE(page.find("no data"), std::string::npos);
  const std::vector<RequestSample> failed{failed_sample(0, 0, SampleError::kConnect)};
  EXPECT_EQ(nesting_error(report_html(make_report(test_info(), failed, {}), failed)), "");
}

TEST(SvgPlot, DrawsWithinItsFrame) {
  const std::string svg = render_svg({.title = "a < b", .x_label = "x", .y_label = "y", .series = {{"one", {{0, 0}, {10, 5}}, false}}});
  EXPECT_EQ(nesting_error(svg), "");
  EXPECT_NE(svg.find("a &lt; b"), std::string::npos);
  EXPECT_NE(svg.find("points=\"58.0,254.0 626.0,34.0\""), std::string::npos) << svg;
}

TEST(SvgPlot, IsBoundedAndLeavesOutWhatIsNoNumber) {
  PlotSeries series{"many", {}, true};
  for (int i = 0; i < 100'000; ++i) series.points.push_back({static_cast<double>(i), 1.0 / (i % 7)});  // some infinite
  const std::string svg = render_svg({.title = "t", .x_label = "x", .y_label = "y", .series = {series}});
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  size_t dots = 0;
  for (size_t at = svg.find("<circle"); at != std::string::npos; at = svg.find("<circle", at + 1)) ++dots;
  EXPECT_EQ(dots, kMaxPlotPoints);
}

TEST(SvgPlot, OnePointHasAFrameToo) {
  for (const bool log_x : {false, true}) {
    const std::string svg = render_svg({.title = "t", .x_label = "x", .y_label = "y", .log_x = log_x, .series = {{"one", {{3, 3}}, true}}});
    EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
    EXPECT_NE(svg.find("<circle"), std::string::npos);
  }
}

TEST(Ticks, AreRound) {
  EXPECT_EQ(linear_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(linear_ticks(0, 430, 5), (std::vector<double>{0, 100, 200, 300, 400}));
  EXPECT_TRUE(linear_ticks(1, 1, 5).empty());
  EXPECT_EQ(log_ticks(2, 60), (std::vector<double>{2, 5, 10, 20, 50}));
  EXPECT_EQ(log_ticks(1, 100'000), (std::vector<double>{1, 10, 100, 1000, 10'000, 100'000}));
  EXPECT_TRUE(log_ticks(0, 10).empty());
}

TEST(CumulativeShare, EndsAtOne) {
  const auto points = cumulative_share({30, 10, 20, 40});
  ASSERT_EQ(points.size(), 4u);
  EXPECT_EQ(points[0].x, 10);
  EXPECT_EQ(points[0].y, 0.25);
  EXPECT_EQ(points[3].x, 40);
  EXPECT_EQ(points[3].y, 1);
}

}  // namespace
}  // namespace ondol
