#include "app/load_output.h"

#include <fmt/format.h>

#include <initializer_list>
#include <string_view>

#include "app/table.h"

namespace ondol {
namespace {

constexpr int64_t kPlainLineUs = 10'000'000;

std::string heading(const LoadReport& report) {
  const RunInfo& info = report.info;
  std::string out = fmt::format("{} at {} ({})\n{}; {}; seed {}\n", ondol::quoted(info.model, 200), ondol::quoted(info.target, 200),
                                info.endpoint, info.arrivals, info.prompts, info.seed);
  if (info.interrupted) out += fmt::format("Ended early: {} of {} requests are counted.\n", report.completed + report.failed, info.planned);
  return out + "\n";
}

std::string totals(const LoadReport& report) {
  std::string out = fmt::format("{} answers, {} failed, in {:.2f} s\n", report.completed, report.failed, report.duration_s);
  out +=
      fmt::format("{:.3f} requests/s, {:.1f} output tokens/s, {:.1f} input tokens/s ({} of {} input tokens cached)\n",
                  report.requests_per_s, report.output_tokens_per_s, report.input_tokens_per_s, report.cached_tokens, report.input_tokens);
  if (!report.slo.any()) return out;
  std::string limits;
  if (report.slo.ttft_ms) limits += fmt::format("TTFT <= {:g} ms", *report.slo.ttft_ms);
  if (report.slo.tpot_ms) limits += fmt::format("{}TPOT <= {:g} ms", limits.empty() ? "" : ", ", *report.slo.tpot_ms);
  return out + fmt::format("goodput {:.3f} requests/s, {:.1f} % ({})\n", report.good_per_s, report.good_share * 100, limits);
}

std::string distributions(const LoadReport& report) {
  if (report.completed == 0 && report.lateness_ms.count == 0) return "";
  Table table;
  table.column("");
  for (const char* title : {"MEAN", "P50", "P90", "P95", "P99", "MAX"}) table.column(title, Table::Align::kRight);
  const auto row = [&](const char* name, const Summary& s, std::string_view format) {
    if (s.count == 0) return;
    std::vector<std::string> cells{name};
    for (const double value : {s.mean, s.p50, s.p90, s.p95, s.p99, s.max}) cells.push_back(fmt::format(fmt::runtime(format), value));
    table.row(std::move(cells));
  };
  row("TTFT ms", report.ttft_ms, "{:.1f}");
  row("TPOT ms", report.tpot_ms, "{:.2f}");
  row("ITL ms", report.itl_ms, "{:.2f}");
  row("longest gap ms", report.max_gap_ms, "{:.1f}");
  row("whole answer ms", report.e2e_ms, "{:.1f}");
  row("prompt tokens", report.prompt_tokens, "{:.0f}");
  row("answer tokens", report.completion_tokens, "{:.0f}");
  row("generator late ms", report.lateness_ms, "{:.2f}");
  return "\n" + table.render();
}

std::string remarks(const LoadReport& report) {
  std::string out;
  for (size_t kind = 1; kind < report.errors.size(); ++kind) {
    if (report.errors[kind] == 0) continue;
    out += fmt::format("{} x {}, first: {}\n", report.errors[kind], sample_error_name(static_cast<SampleError>(kind)),
                       report.first_messages[kind]);
  }
  if (report.lagged) {
    out += fmt::format(
        "The generator lagged (p99 {:.1f} ms late, {} requests held back): the load was lower than asked for. Raise "
        "--max-in-flight, or run it on a machine of its own.\n",
        report.lateness_ms.p99, report.info.held_back);
  }
  if (report.without_usage > 0) out += fmt::format("{} answers came without usage: their chunks count as tokens.\n", report.without_usage);
  if (report.short_answers > 0) out += fmt::format("{} answers have fewer tokens than asked for.\n", report.short_answers);
  if (report.gaps_left_out > 0) out += fmt::format("ITL leaves out {} gaps beyond what is kept.\n", report.gaps_left_out);
  return out.empty() ? out : "\n" + out;
}

}  // namespace

std::string load_progress_line(const RunProgress& progress) {
  std::string line = fmt::format("{}/{} done, {} running", progress.done, progress.total, progress.running);
  if (progress.failed > 0) line += fmt::format(", {} failed", progress.failed);
  if (progress.elapsed_us > 0) {
    line += fmt::format(", {:.0f} tok/s", static_cast<double>(progress.chunks) * 1e6 / static_cast<double>(progress.elapsed_us));
  }
  if (progress.ttft_us >= 0) line += fmt::format(", TTFT p50 {:.0f} ms", static_cast<double>(progress.ttft_us) / 1000);
  return line;
}

LoadProgress::~LoadProgress() {
  if (!drawn_) return;
  fmt::print(out_, "\r\x1b[K");
  std::fflush(out_);
}

void LoadProgress::update(const RunProgress& progress) {
  if (!terminal_ && progress.elapsed_us - printed_us_ < kPlainLineUs) return;
  const std::string line = load_progress_line(progress);
  if (terminal_) {
    fmt::print(out_, "\r\x1b[K{}", line);
  } else {
    fmt::print(out_, "{}\n", line);
  }
  std::fflush(out_);
  drawn_ = terminal_;
  printed_us_ = progress.elapsed_us;
}

std::string load_report_text(const LoadReport& report) {
  return heading(report) + totals(report) + distributions(report) + remarks(report);
}

}  // namespace ondol
