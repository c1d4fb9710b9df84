#include "load/report_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/version.h"
#include "load/report_json.h"
#include "load/svg_plot.h"

namespace ondol {
namespace {

constexpr size_t kBuckets = 160;

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#5b6470;--grid:#e4e7eb;--c0:#1f6fb2;--c1:#c2570c;--c2:#3b7d3b;--warn:#9a3412}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e6e8eb;--dim:#9aa4af;--grid:#2b3138;--c0:#6cb2f0;--c1:#f0a35e;--c2:#7fc97f;--warn:#fdba74}}
body{background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,sans-serif;max-width:1340px;margin:24px auto;padding:0 16px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:26px 0 8px}p{margin:4px 0}.dim{color:var(--dim)}.warn{color:var(--warn)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:16px}
.wide{overflow-x:auto}table{border-collapse:collapse}td,th{padding:4px 14px 4px 0;text-align:left;border-bottom:1px solid var(--grid);vertical-align:top}
th{font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums}
svg{width:100%;height:auto}.grid{stroke:var(--grid)}.axis{stroke:var(--dim)}.tick{fill:var(--dim);font-size:11px}
.label{fill:var(--dim);font-size:12px}.title{fill:var(--fg);font-size:14px;font-weight:600}
.line{fill:none;stroke-width:1.8}.dot{fill-opacity:.55}
.line.s0{stroke:var(--c0)}.line.s1{stroke:var(--c1)}.line.s2{stroke:var(--c2)}
.dot.s0,.key.s0{fill:var(--c0)}.dot.s1,.key.s1{fill:var(--c1)}.dot.s2,.key.s2{fill:var(--c2)}
</style>
)";

double ms(int64_t us) { return static_cast<double>(us) / 1000; }

std::string heading(const LoadReport& report) {
  const RunInfo& info = report.info;
  std::string out = fmt::format("<title>ondol bench serve: {0}</title></head><body>\n<h1>{0}</h1>\n", escape_html(info.model));
  out += fmt::format("<p>{} ({}) &middot; {} &middot; {}</p>\n", escape_html(info.target), escape_html(info.endpoint),
                     escape_html(info.arrivals), escape_html(info.prompts));
  out += fmt::format("<p class=\"dim\">started {} &middot; seed {} &middot; ondol bench serve {}</p>\n", utc_time(info.started_unix_s),
                     info.seed, kVersion);
  if (info.interrupted) {
    out += fmt::format("<p class=\"warn\">The run was ended early: {} of {} requests were answered.</p>\n",
                       report.completed + report.failed, info.planned);
  }
  if (report.lagged) {
    out += fmt::format(
        "<p class=\"warn\">The generator itself lagged (p99 {:.1f} ms late, {} requests held back): the load was lower than "
        "asked for.</p>\n",
        report.lateness_ms.p99, info.held_back);
  }
  return out;
}

std::string figures(const LoadReport& report) {
  std::string out = "<h2>Totals</h2>\n<div class=\"wide\"><table>\n";
  const auto row = [&](std::string_view name, const std::string& value) {
    out += fmt::format("<tr><th>{}</th><td class=\"n\">{}</td></tr>\n", name, value);
  };
  row("Answers", fmt::format("{} whole, {} failed", report.completed, report.failed));
  row("Duration", fmt::format("{:.2f} s", report.duration_s));
  row("Requests", fmt::format("{:.3f} /s", report.requests_per_s));
  row("Output", fmt::format("{:.1f} tokens/s ({} tokens)", report.output_tokens_per_s, report.output_tokens));
  row("Input",
      fmt::format("{:.1f} tokens/s ({} tokens, {} of them cached)", report.input_tokens_per_s, report.input_tokens, report.cached_tokens));
  if (report.slo.any()) {
    std::string limits;
    if (report.slo.ttft_ms) limits += fmt::format("TTFT &le; {:g} ms ", *report.slo.ttft_ms);
    if (report.slo.tpot_ms) limits += fmt::format("TPOT &le; {:g} ms", *report.slo.tpot_ms);
    row("Goodput", fmt::format("{:.3f} /s, {:.1f} % ({})", report.good_per_s, report.good_share * 100, limits));
  }
  return out + "</table></div>\n";
}

std::string distributions(const LoadReport& report) {
  std::string out =
      "<h2>Distributions</h2>\n<div class=\"wide\"><table>\n<tr><th></th><th class=\"n\">mean</th><th class=\"n\">p50</th>"
      "<th class=\"n\">p90</th><th class=\"n\">p95</th><th class=\"n\">p99</th><th class=\"n\">max</th></tr>\n";
  const auto row = [&](std::string_view name, const Summary& s) {
    if (s.count == 0) return;
    out += fmt::format("<tr><th>{}</th>", name);
    for (const double value : {s.mean, s.p50, s.p90, s.p95, s.p99, s.max}) out += fmt::format("<td class=\"n\">{:.2f}</td>", value);
    out += "</tr>\n";
  };
  row("Time to first token, ms", report.ttft_ms);
  row("Time per output token, ms", report.tpot_ms);
  row("Between chunks, ms", report.itl_ms);
  row("Longest gap of an answer, ms", report.max_gap_ms);
  row("Whole answer, ms", report.e2e_ms);
  row("Prompt tokens", report.prompt_tokens);
  row("Answer tokens", report.completion_tokens);
  row("Lateness of the generator, ms", report.lateness_ms);
  return out + "</table></div>\n";
}

std::string errors(const LoadReport& report) {
  if (report.failed == 0) return "";
  std::string out =
      "<h2>Failures</h2>\n<div class=\"wide\"><table>\n<tr><th>kind</th><th class=\"n\">count</th><th>the first of them</th></tr>\n";
  for (size_t kind = 1; kind < report.errors.size(); ++kind) {
    if (report.errors[kind] == 0) continue;
    out += fmt::format("<tr><td>{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n", sample_error_name(static_cast<SampleError>(kind)),
                       report.errors[kind], escape_html(report.first_messages[kind]));
  }
  return out + "</table></div>\n";
}

std::string distribution_plots(const std::vector<RequestSample>& samples) {
  std::vector<double> ttft, tpot, itl;
  for (const RequestSample& sample : samples) {
    if (!sample.ok()) continue;
    if (sample.first_us >= 0) ttft.push_back(ms(sample.first_us - sample.sent_us));
    if (const auto value = tpot_ms(sample)) tpot.push_back(*value);
    for (const uint32_t gap : sample.gaps_us) itl.push_back(ms(gap));
  }
  const Plot first{.title = "Time to first token",
                   .x_label = "milliseconds",
                   .y_label = "share of answers",
                   .log_x = true,
                   .y_max = 1,
                   .series = {{"TTFT", cumulative_share(std::move(ttft))}}};
  const Plot between{
      .title = "Between tokens",
      .x_label = "milliseconds",
      .y_label = "share",
      .log_x = true,
      .y_max = 1,
      .series = {{"chunk to chunk (ITL)", cumulative_share(std::move(itl))}, {"per token (TPOT)", cumulative_share(std::move(tpot))}}};
  return render_svg(first) + render_svg(between);
}

std::string time_plots(const std::vector<RequestSample>& samples) {
  const Timeline timeline = make_timeline(samples, std::clamp<size_t>(samples.size(), 20, kBuckets));
  PlotSeries tokens{"output tokens/s", {}}, running{"running", {}};
  for (size_t i = 0; i < timeline.running.size(); ++i) {
    const double at_s = (static_cast<double>(i) + 0.5) * timeline.bucket_s;
    tokens.points.push_back({at_s, timeline.tokens_per_s[i]});
    running.points.push_back({at_s, timeline.running[i]});
  }
  int64_t start_us = samples.empty() ? 0 : samples.front().sent_us;
  for (const RequestSample& sample : samples) start_us = std::min(start_us, sample.sent_us);
  PlotSeries whole{"whole answer", {}, true}, first{"first token", {}, true};
  for (const RequestSample& sample : samples) {
    if (!sample.ok()) continue;
    const double at_s = ms(sample.sent_us - start_us) / 1000;
    whole.points.push_back({at_s, ms(sample.end_us - sample.sent_us)});
    if (sample.first_us >= 0) first.points.push_back({at_s, ms(sample.first_us - sample.sent_us)});
  }
  const std::string time = "seconds from the start";
  return render_svg({.title = "Throughput", .x_label = time, .y_label = "output tokens/s", .series = {std::move(tokens)}}) +
         render_svg({.title = "Requests in flight", .x_label = time, .y_label = "requests", .series = {std::move(running)}}) +
         render_svg({.title = "Latency by time of sending",
                     .x_label = time,
                     .y_label = "milliseconds",
                     .series = {std::move(whole), std::move(first)}});
}

}  // namespace

std::string report_html(const LoadReport& report, const std::vector<RequestSample>& samples) {
  std::string out(kHead);
  out += heading(report) + figures(report) + distributions(report) + errors(report);
  out += "<h2>Plots</h2>\n<div class=\"plots\">\n" + distribution_plots(samples) + time_plots(samples) + "</div>\n";
  return out +
         "<p class=\"dim\">Times start before the connection is opened. Rates count whole answers, from the first sending to the last "
         "end.</p>\n</body></html>\n";
}

}  // namespace ondol
