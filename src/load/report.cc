#include "load/report.h"

#include <algorithm>
#include <limits>

namespace ondol {
namespace {

// Late by more than this at the 99th percentile, a generator no longer sends the load that was asked for.
constexpr double kLateMs = 10;

double ms(int64_t us) { return static_cast<double>(us) / 1000; }

struct Distributions {
  std::vector<double> ttft, itl, tpot, e2e, max_gap, prompt, completion, lateness;
};

void count_answer(const RequestSample& sample, LoadReport& report, Distributions& out) {
  ++report.completed;
  report.input_tokens += std::max(0, sample.prompt_tokens);
  report.cached_tokens += sample.cached_tokens;
  report.output_tokens += sample.output_tokens();
  if (sample.completion_tokens < 0) ++report.without_usage;
  if (sample.completion_tokens >= 0 && sample.completion_tokens < sample.planned_output) ++report.short_answers;
  if (keeps(sample, report.slo)) ++report.good;
  if (!sample.gaps_complete) report.gaps_left_out += std::max<int64_t>(0, sample.chunks - 1 - static_cast<int64_t>(sample.gaps_us.size()));
  out.e2e.push_back(ms(sample.end_us - sample.sent_us));
  out.completion.push_back(sample.output_tokens());
  if (sample.prompt_tokens >= 0) out.prompt.push_back(sample.prompt_tokens);
  if (sample.first_us >= 0) out.ttft.push_back(ms(sample.first_us - sample.sent_us));
  if (const auto tpot = tpot_ms(sample)) out.tpot.push_back(*tpot);
  if (sample.chunks > 1) out.max_gap.push_back(ms(sample.max_gap_us));
  for (const uint32_t gap : sample.gaps_us) out.itl.push_back(ms(gap));
}

void summarize_all(Distributions& from, LoadReport& report) {
  report.ttft_ms = summarize(std::move(from.ttft));
  report.itl_ms = summarize(std::move(from.itl));
  report.tpot_ms = summarize(std::move(from.tpot));
  report.e2e_ms = summarize(std::move(from.e2e));
  report.max_gap_ms = summarize(std::move(from.max_gap));
  report.prompt_tokens = summarize(std::move(from.prompt));
  report.completion_tokens = summarize(std::move(from.completion));
  report.lateness_ms = summarize(std::move(from.lateness));
  report.lagged = report.info.held_back > 0 || report.lateness_ms.p99 > kLateMs;
}

void compute_rates(LoadReport& report) {
  const int counted = report.completed + report.failed;
  if (counted > 0) report.good_share = static_cast<double>(report.good) / counted;
  if (report.duration_s <= 0) return;
  report.requests_per_s = report.completed / report.duration_s;
  report.input_tokens_per_s = static_cast<double>(report.input_tokens) / report.duration_s;
  report.output_tokens_per_s = static_cast<double>(report.output_tokens) / report.duration_s;
  report.good_per_s = report.good / report.duration_s;
}

// First sending and last end, in microseconds; the same moment twice without samples.
struct Span {
  int64_t from_us = 0, to_us = 0;
};

Span span_of(const std::vector<RequestSample>& samples) {
  if (samples.empty()) return {};
  Span span{std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
  for (const RequestSample& sample : samples) {
    span.from_us = std::min(span.from_us, sample.sent_us);
    span.to_us = std::max(span.to_us, sample.end_us);
  }
  return span;
}

void spread_tokens(const RequestSample& sample, const auto& add) {
  if (sample.first_us < 0 || sample.chunks == 0) return;
  const double per_chunk = static_cast<double>(sample.output_tokens()) / sample.chunks;
  int64_t at_us = sample.first_us;
  add(at_us, per_chunk);
  for (const uint32_t gap : sample.gaps_us) add(at_us += gap, per_chunk);
  const auto kept = static_cast<int32_t>(sample.gaps_us.size()) + 1;
  if (kept < sample.chunks) add(sample.last_us, per_chunk * (sample.chunks - kept));
}

}  // namespace

std::optional<double> tpot_ms(const RequestSample& sample) {
  if (sample.first_us < 0 || sample.output_tokens() < 2 || sample.chunks < 2) return std::nullopt;
  return ms(sample.last_us - sample.first_us) / (sample.output_tokens() - 1);
}

bool keeps(const RequestSample& sample, const Slo& slo) {
  if (!sample.ok()) return false;
  if (slo.ttft_ms && (sample.first_us < 0 || ms(sample.first_us - sample.sent_us) > *slo.ttft_ms)) return false;
  const auto tpot = tpot_ms(sample);
  return !slo.tpot_ms || !tpot || *tpot <= *slo.tpot_ms;
}

LoadReport make_report(const RunInfo& info, const std::vector<RequestSample>& samples, const Slo& slo) {
  LoadReport report;
  report.info = info;
  report.slo = slo;
  Distributions distributions;
  for (const RequestSample& sample : samples) {
    const auto kind = static_cast<size_t>(sample.error);
    if (info.open_loop) distributions.lateness.push_back(ms(sample.sent_us - sample.due_us));
    if (sample.ok()) {
      count_answer(sample, report, distributions);
      continue;
    }
    ++(sample.error == SampleError::kInterrupted ? report.interrupted : report.failed);
    ++report.errors[kind];
    if (report.first_messages[kind].empty()) report.first_messages[kind] = sample.message;
  }
  const Span span = span_of(samples);
  report.duration_s = static_cast<double>(span.to_us - span.from_us) / 1e6;
  summarize_all(distributions, report);
  compute_rates(report);
  return report;
}

Timeline make_timeline(const std::vector<RequestSample>& samples, size_t buckets) {
  const Span span = span_of(samples);
  Timeline out;
  if (buckets == 0 || span.to_us <= span.from_us) return out;
  const double bucket_us = static_cast<double>(span.to_us - span.from_us) / static_cast<double>(buckets);
  out.bucket_s = bucket_us / 1e6;
  out.tokens_per_s.resize(buckets);
  out.running.resize(buckets);
  const auto bucket_of = [&](int64_t us) {
    const double place = static_cast<double>(us - span.from_us) / bucket_us;
    return static_cast<size_t>(std::clamp(place, 0.0, static_cast<double>(buckets - 1)));
  };
  for (const RequestSample& sample : samples) {
    spread_tokens(sample, [&](int64_t us, double tokens) { out.tokens_per_s[bucket_of(us)] += tokens / out.bucket_s; });
    for (size_t i = bucket_of(sample.sent_us); i <= bucket_of(sample.end_us); ++i) {
      const double begin = static_cast<double>(span.from_us) + static_cast<double>(i) * bucket_us;
      const double overlap =
          std::min(begin + bucket_us, static_cast<double>(sample.end_us)) - std::max(begin, static_cast<double>(sample.sent_us));
      out.running[i] += std::max(0.0, overlap) / bucket_us;
    }
  }
  return out;
}

}  // namespace ondol
