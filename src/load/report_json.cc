#include "load/report_json.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <chrono>
#include <cmath>
#include <string>

namespace ondol {
namespace json = boost::json;
namespace {

double three_decimals(double value) { return std::round(value * 1000) / 1000; }

json::object summary_json(const Summary& summary) {
  return {{"count", summary.count},
          {"mean", three_decimals(summary.mean)},
          {"min", three_decimals(summary.min)},
          {"p50", three_decimals(summary.p50)},
          {"p90", three_decimals(summary.p90)},
          {"p95", three_decimals(summary.p95)},
          {"p99", three_decimals(summary.p99)},
          {"max", three_decimals(summary.max)}};
}

json::object settings_json(const RunInfo& info) {
  return {{"target", info.target},
          {"model", info.model},
          {"endpoint", info.endpoint},
          {"arrivals", info.arrivals},
          {"prompts", info.prompts},
          {"seed", info.seed},
          {"open_loop", info.open_loop},
          {"planned_requests", info.planned},
          {"started", utc_time(info.started_unix_s)}};
}

json::array errors_json(const LoadReport& report) {
  json::array errors;
  for (size_t kind = 1; kind < report.errors.size(); ++kind) {
    if (report.errors[kind] == 0) continue;
    const std::string_view name = sample_error_name(static_cast<SampleError>(kind));
    errors.push_back(json::object{{"kind", json::string_view(name.data(), name.size())},
                                  {"count", report.errors[kind]},
                                  {"first_message", report.first_messages[kind]}});
  }
  return errors;
}

json::value goodput_json(const LoadReport& report) {
  if (!report.slo.any()) return nullptr;
  const auto limit = [](const std::optional<double>& value) { return value ? json::value(*value) : json::value(nullptr); };
  return json::object{{"slo_ttft_ms", limit(report.slo.ttft_ms)},
                      {"slo_tpot_ms", limit(report.slo.tpot_ms)},
                      {"requests", report.good},
                      {"requests_per_s", three_decimals(report.good_per_s)},
                      {"share", three_decimals(report.good_share)}};
}

}  // namespace

std::string utc_time(int64_t unix_s) {
  const std::chrono::sys_seconds time{std::chrono::seconds(unix_s)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

json::object report_json(const LoadReport& report) {
  json::object out{
      {"settings", settings_json(report.info)},
      {"interrupted", report.info.interrupted},
      {"duration_s", three_decimals(report.duration_s)},
      {"requests", json::object{{"completed", report.completed},
                                {"failed", report.failed},
                                {"interrupted", report.interrupted},
                                {"short_answers", report.short_answers},
                                {"without_usage", report.without_usage}}},
      {"errors", errors_json(report)},
      {"tokens", json::object{{"input", report.input_tokens}, {"cached", report.cached_tokens}, {"output", report.output_tokens}}},
      {"throughput", json::object{{"requests_per_s", three_decimals(report.requests_per_s)},
                                  {"input_tokens_per_s", three_decimals(report.input_tokens_per_s)},
                                  {"output_tokens_per_s", three_decimals(report.output_tokens_per_s)}}},
      {"ttft_ms", summary_json(report.ttft_ms)},
      {"tpot_ms", summary_json(report.tpot_ms)},
      {"itl_ms", summary_json(report.itl_ms)},
      {"e2e_ms", summary_json(report.e2e_ms)},
      {"max_gap_ms", summary_json(report.max_gap_ms)},
      {"prompt_tokens", summary_json(report.prompt_tokens)},
      {"completion_tokens", summary_json(report.completion_tokens)},
      {"itl_left_out", report.gaps_left_out},
      {"goodput", goodput_json(report)}};
  out["generator"] =
      json::object{{"lateness_ms", report.info.open_loop ? json::value(summary_json(report.lateness_ms)) : json::value(nullptr)},
                   {"held_back", report.info.held_back},
                   {"lagged", report.lagged}};
  return out;
}

}  // namespace ondol
