#include "endpoint/prometheus.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

namespace ondol {
namespace {

bool is_name_byte(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':'; }

void skip_blanks(std::string_view& line) {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
}

// Where the braces end; npos if they do not. A brace inside quotes is part of a value.
size_t labels_end(std::string_view text) {
  bool quoted_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted_text && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted_text = !quoted_text;
    } else if (text[i] == '}' && !quoted_text) {
      return i;
    }
  }
  return std::string_view::npos;
}

std::optional<PrometheusSample> parse_sample(std::string_view line) {
  PrometheusSample sample;
  const auto name_end = std::ranges::find_if_not(line, is_name_byte);
  sample.name = line.substr(0, static_cast<size_t>(name_end - line.begin()));
  if (sample.name.empty()) return std::nullopt;
  line.remove_prefix(sample.name.size());
  skip_blanks(line);
  if (line.starts_with('{')) {
    const size_t end = labels_end(line.substr(1));
    if (end == std::string_view::npos) return std::nullopt;
    sample.labels = line.substr(1, end);
    line.remove_prefix(end + 2);
    skip_blanks(line);
  }
  if (line.starts_with('+')) line.remove_prefix(1);
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), sample.value);
  if (error == std::errc::invalid_argument) return std::nullopt;
  if (error != std::errc{}) sample.value = std::nan("");                                   // out of range
  const std::string_view rest(end, static_cast<size_t>(line.data() + line.size() - end));  // a timestamp, an exemplar
  if (!rest.empty() && rest.front() != ' ' && rest.front() != '\t') return std::nullopt;
  return sample;
}

struct Total {
  double sum = 0;
  size_t series = 0;
};

Total total_of(const PrometheusSamples& page, std::initializer_list<std::string_view> names, std::string_view labels) {
  for (const std::string_view name : names) {
    Total total;
    for (const PrometheusSample& sample : page) {
      if (sample.name != name || !std::isfinite(sample.value) || sample.labels.find(labels) == std::string_view::npos) continue;
      total.sum += sample.value;
      ++total.series;
    }
    if (total.series > 0) return total;
  }
  return {};
}

}  // namespace

Result<PrometheusSamples> parse_prometheus(std::string_view text) {
  PrometheusSamples out;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    skip_blanks(line);
    if (line.empty() || line.starts_with('#')) continue;
    const auto sample = parse_sample(line);
    if (!sample) return fail(Code::kDataLoss, "line " + std::to_string(number) + " of the metrics is no sample: " + quoted(line));
    if (out.size() == kMaxPrometheusSamples) {
      return fail(Code::kResourceExhausted, "the metrics have more than " + std::to_string(kMaxPrometheusSamples) + " samples");
    }
    out.push_back(*sample);
  }
  return out;
}

std::optional<double> metric_sum(const PrometheusSamples& page, std::initializer_list<std::string_view> names, std::string_view labels) {
  const Total total = total_of(page, names, labels);
  return total.series == 0 ? std::nullopt : std::optional(total.sum);
}

std::optional<double> metric_mean(const PrometheusSamples& page, std::initializer_list<std::string_view> names) {
  const Total total = total_of(page, names, {});
  return total.series == 0 ? std::nullopt : std::optional(total.sum / static_cast<double>(total.series));
}

}  // namespace ondol
