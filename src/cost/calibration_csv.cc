// The CSV of `ondol cost calibrate`.
#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "cost/calibrate.h"

namespace ondol {
namespace {

constexpr size_t kMaxColumns = 32;
constexpr size_t kMaxLineBytes = 4096;
using Fields = std::map<std::string, std::string_view, std::less<>>;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\"";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> cells;
  while (cells.size() <= kMaxColumns) {
    const size_t comma = line.find(',');
    cells.push_back(trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    line.remove_prefix(comma + 1);
  }
  return cells;
}

Result<double> number(const Fields& fields, std::string_view name, double min, double max) {
  const auto found = fields.find(name);
  if (found == fields.end() || found->second.empty()) return fail(Code::kInvalidArgument, "there is no " + std::string(name));
  const std::string_view text = found->second;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= min && value <= max)) {
    return fail(Code::kInvalidArgument, std::string(name) + " is " + quoted(text, 40) + ", and must be a number from " +
                                            std::to_string(min) + " to " + std::to_string(max));
  }
  return value;
}

Result<int64_t> count(const Fields& fields, std::string_view name, double max) {
  ONDOL_TRY(const double value, number(fields, name, 0, max));
  return static_cast<int64_t>(value);
}

Result<CalibrationRow> step_row(const Fields& fields) {
  CalibrationRow row;
  ONDOL_TRY(const int64_t batch, count(fields, "batch", 65536));
  row.batch = static_cast<int>(batch);
  ONDOL_TRY(row.context, count(fields, "context", 1e8));
  ONDOL_TRY(row.prefill_tokens, count(fields, "prefill_tokens", 1e8));
  ONDOL_TRY(const double ms, number(fields, "step_ms", 1e-4, 1e7));
  row.seconds = ms * 1e-3;
  const auto power = fields.find("power_w");
  if (power != fields.end() && !power->second.empty()) {
    ONDOL_TRY(row.power_w, number(fields, "power_w", 0.1, 1e6));
  }
  if (row.batch == 0 && row.prefill_tokens == 0)
    return fail(Code::kInvalidArgument, "the step computes nothing: batch and prefill_tokens are 0");
  return row;
}

Result<CalibrationRow> kernel_row(const Fields& fields) {
  CalibrationRow row;
  const std::string_view kernel = fields.find("kernel")->second;
  ONDOL_TRY(const double cycles, number(fields, "cycles", 1, 1e15));
  ONDOL_TRY(const double mhz, number(fields, "clock_mhz", 1, 1e5));
  row.seconds = cycles / (mhz * 1e6);
  if (kernel == "linear") {
    row.kind = CalibrationRow::Kind::kLinear;
    ONDOL_TRY(row.prefill_tokens, count(fields, "tokens", 65536));
    if (row.prefill_tokens == 0) return fail(Code::kInvalidArgument, "a linear kernel needs tokens");
  } else if (kernel == "attention") {
    row.kind = CalibrationRow::Kind::kAttention;
    ONDOL_TRY(const int64_t batch, count(fields, "batch", 65536));
    row.batch = static_cast<int>(batch);
    ONDOL_TRY(row.context, count(fields, "context", 1e8));
    if (row.batch == 0) return fail(Code::kInvalidArgument, "an attention kernel needs a batch");
  } else {
    return fail(Code::kInvalidArgument, "kernel is " + quoted(kernel, 40) + ", and must be \"linear\" or \"attention\"");
  }
  return row;
}

}  // namespace

Result<std::vector<CalibrationRow>> parse_calibration(std::string_view csv) {
  if (csv.size() > kMaxCalibrationBytes) {
    return fail(Code::kPayloadTooLarge, "the CSV has more than " + std::to_string(kMaxCalibrationBytes) + " bytes");
  }
  std::vector<CalibrationRow> rows;
  std::vector<std::string_view> header;
  size_t line_number = 0;
  while (!csv.empty()) {
    const size_t end = csv.find('\n');
    const std::string_view line = csv.substr(0, end);
    csv.remove_prefix(end == std::string_view::npos ? csv.size() : end + 1);
    ++line_number;
    if (trimmed(line).empty() || line.starts_with('#')) continue;
    const std::string where = "line " + std::to_string(line_number);
    if (line.size() > kMaxLineBytes)
      return fail(Code::kInvalidArgument, where + " is longer than " + std::to_string(kMaxLineBytes) + " bytes");
    const std::vector<std::string_view> cells = split(line);
    if (cells.size() > kMaxColumns)
      return fail(Code::kInvalidArgument, where + " has more than " + std::to_string(kMaxColumns) + " columns");
    if (header.empty()) {
      header = cells;
      continue;
    }
    if (cells.size() != header.size()) {
      return fail(Code::kInvalidArgument,
                  where + " has " + std::to_string(cells.size()) + " columns, and the header " + std::to_string(header.size()));
    }
    if (rows.size() == kMaxCalibrationRows) {
      return fail(Code::kInvalidArgument, where + ": more than " + std::to_string(kMaxCalibrationRows) + " measurements");
    }
    Fields fields;
    for (size_t i = 0; i < cells.size(); ++i) fields[std::string(header[i])] = cells[i];
    Result<CalibrationRow> row = fields.contains("kernel") ? kernel_row(fields) : step_row(fields);
    if (!row) return fail(row.error(), where);
    rows.push_back(*row);
  }
  if (rows.empty())
    return fail(Code::kInvalidArgument,
                "the CSV has no measurements: line 1 names the columns, such as batch,context,prefill_tokens,step_ms");
  return rows;
}

}  // namespace ondol
