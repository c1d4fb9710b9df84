#include "load/trace.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "load/text_file.h"

namespace ondol {
namespace json = boost::json;
namespace {

constexpr size_t kMaxLineBytes = 64 << 10;
constexpr int64_t kMaxMilliseconds = int64_t{366} * 24 * 3600 * 1000;
constexpr std::string_view kAzureHeader = "TIMESTAMP,ContextTokens,GeneratedTokens";
constexpr std::string_view kSessionsHeader = "session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms";

Result<int64_t> whole_number(std::string_view name, std::string_view text, int64_t max) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= 0 && value <= max) return value;
  return fail(Code::kInvalidArgument,
              std::string(name) + " is " + quoted(text, 40) + ", and must be a whole number from 0 to " + std::to_string(max));
}

// Servers refuse empty prompts and answers of no tokens.
Result<int32_t> token_count(std::string_view name, std::string_view text, int max) {
  ONDOL_TRY(const int64_t value, whole_number(name, text, max));
  return static_cast<int32_t>(std::max<int64_t>(1, value));
}

template <size_t kCount>
Result<std::array<std::string_view, kCount>> split_fields(std::string_view line) {
  std::array<std::string_view, kCount> fields;
  const auto commas = static_cast<size_t>(std::ranges::count(line, ','));
  if (commas + 1 != kCount) {
    return fail(Code::kInvalidArgument, std::to_string(commas + 1) + " fields instead of " + std::to_string(kCount));
  }
  for (std::string_view& field : fields) {
    field = line.substr(0, line.find(','));
    line.remove_prefix(std::min(line.size(), field.size() + 1));
  }
  return fields;
}

// "2023-11-16 18:17:03.9799600", with or without a fraction and "+00:00": microseconds since 1970.
Result<int64_t> timestamp_us(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::kInvalidArgument, "TIMESTAMP is " + quoted(text, 40) + ", and must look like 2023-11-16 18:17:03.9799600");
  };
  std::string_view rest = text;
  if (rest.ends_with("+00:00")) rest.remove_suffix(6);
  constexpr std::string_view kShape = "dddd-dd-dd dd:dd:dd";
  if (rest.size() < kShape.size() || rest.size() > kShape.size() + 10) return wrong();
  for (size_t i = 0; i < rest.size(); ++i) {
    const char expected = i < kShape.size() ? kShape[i] : i == kShape.size() ? '.' : 'd';
    const bool digit = rest[i] >= '0' && rest[i] <= '9';
    if (expected == 'd' ? !digit : rest[i] != expected) return wrong();
  }
  const auto number = [&](size_t at, size_t length) {
    int value = 0;
    std::from_chars(rest.data() + at, rest.data() + at + length, value);
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year(number(0, 4)), std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (!date.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 60) return wrong();
  int64_t fraction_us = 0;
  for (size_t i = 0, at = kShape.size() + 1; i < 6; ++i, ++at) fraction_us = fraction_us * 10 + (at < rest.size() ? rest[at] - '0' : 0);
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (days * 86400 + number(11, 2) * 3600 + number(14, 2) * 60 + number(17, 2)) * 1'000'000 + fraction_us;
}

Result<TraceRequest> azure_row(std::string_view line) {
  ONDOL_TRY(const auto fields, split_fields<3>(line));
  TraceRequest row;
  ONDOL_TRY(row.at_us, timestamp_us(fields[0]));
  ONDOL_TRY(row.input_tokens, token_count("ContextTokens", fields[1], kMaxPromptTokens));
  ONDOL_TRY(row.output_tokens, token_count("GeneratedTokens", fields[2], kMaxOutputTokens));
  return row;
}

Result<int64_t> json_number(const json::object& object, std::string_view name, int64_t max) {
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  double number = -1;
  if (value != nullptr && value->is_number()) number = value->to_number<double>();
  if (number >= 0 && number <= static_cast<double>(max)) return static_cast<int64_t>(number);
  return fail(Code::kInvalidArgument, std::string(name) + " is missing, or no number from 0 to " + std::to_string(max));
}

Result<TraceRequest> mooncake_row(std::string_view line) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(line.data(), line.size()), error);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return fail(Code::kInvalidArgument, quoted(line, 40) + " is no JSON object");
  TraceRequest row;
  ONDOL_TRY(const int64_t at_ms, json_number(*object, "timestamp", kMaxMilliseconds));
  ONDOL_TRY(const int64_t input, json_number(*object, "input_length", kMaxPromptTokens));
  ONDOL_TRY(const int64_t output, json_number(*object, "output_length", kMaxOutputTokens));
  row.at_us = at_ms * 1000;
  row.input_tokens = static_cast<int32_t>(std::max<int64_t>(1, input));
  row.output_tokens = static_cast<int32_t>(std::max<int64_t>(1, output));
  const json::value* ids = object->if_contains("hash_ids");
  if (ids == nullptr) return row;
  if (!ids->is_array()) return fail(Code::kInvalidArgument, "hash_ids is no array");
  for (const json::value& id : ids->get_array()) {
    if (!id.is_int64()) return fail(Code::kInvalidArgument, "hash_ids holds something that is no whole number");
    row.blocks.push_back(id.get_int64());
  }
  return row;
}

// Rows of agent sessions depend on the ones before them.
class SessionRows {
 public:
  Result<TraceRequest> row(std::string_view line, int32_t index) {
    ONDOL_TRY(const auto fields, split_fields<7>(line));
    TraceRequest row;
    ONDOL_TRY(const int64_t at_ms, whole_number("arrival_time", fields[1], kMaxMilliseconds));
    ONDOL_TRY(const int64_t round, whole_number("round_idx", fields[2], kMaxRequests));
    ONDOL_TRY(const int64_t prefix, whole_number("prefix_len", fields[3], kMaxPromptTokens));
    ONDOL_TRY(const int64_t input, whole_number("input_len", fields[4], kMaxPromptTokens));
    ONDOL_TRY(row.output_tokens, token_count("output_len", fields[5], kMaxOutputTokens));
    ONDOL_TRY(const int64_t wait_ms, whole_number("tool_wait_after_ms", fields[6], kMaxMilliseconds));
    if (prefix + input > kMaxPromptTokens) {
      return fail(Code::kInvalidArgument, "prefix_len and input_len are more than " + std::to_string(kMaxPromptTokens) + " together");
    }
    row.at_us = at_ms * 1000;
    row.input_tokens = static_cast<int32_t>(std::max<int64_t>(1, prefix + input));
    const auto [entry, is_new] = sessions_.try_emplace(std::string(fields[0]));
    Session& session = entry->second;
    if (is_new) session.number = static_cast<int32_t>(sessions_.size()) - 1;
    if (round != session.next_round) {
      return fail(Code::kInvalidArgument, "round_idx is " + std::to_string(round) + ", and must be " + std::to_string(session.next_round) +
                                              ": the rounds of a session follow one another from 0");
    }
    row.session = session.number;
    row.previous = session.last_row;
    row.wait_us = session.wait_us;
    session.next_round = round + 1;
    session.last_row = index;
    session.wait_us = wait_ms * 1000;
    return row;
  }

 private:
  struct Session {
    int32_t number = 0;
    int64_t next_round = 0;
    int32_t last_row = -1;
    int64_t wait_us = 0;
  };
  std::map<std::string, Session> sessions_;
};

std::optional<TraceKind> kind_of(std::string_view first_line) {
  if (first_line == kAzureHeader) return TraceKind::kAzure;
  if (first_line == kSessionsHeader) return TraceKind::kSessions;
  if (first_line.starts_with('{')) return TraceKind::kMooncake;
  return std::nullopt;
}

void count_from_first(Trace& trace) {
  int64_t first_us = std::numeric_limits<int64_t>::max();
  for (const TraceRequest& row : trace.requests) first_us = std::min(first_us, row.at_us);
  for (TraceRequest& row : trace.requests) row.at_us -= first_us;
  if (trace.kind == TraceKind::kSessions) return;
  // By time, then in the file's order.
  std::vector<std::pair<int64_t, size_t>> order;
  for (size_t i = 0; i < trace.requests.size(); ++i) order.emplace_back(trace.requests[i].at_us, i);
  std::ranges::sort(order);
  std::vector<TraceRequest> sorted;
  for (const auto& [at_us, i] : order) sorted.push_back(std::move(trace.requests[i]));
  trace.requests = std::move(sorted);
}

}  // namespace

std::string_view trace_kind_name(TraceKind kind) {
  switch (kind) {
    case TraceKind::kAzure: return "azure";
    case TraceKind::kMooncake: return "mooncake";
    case TraceKind::kSessions: return "sessions";
  }
  return "azure";
}

Result<Trace> parse_trace(std::string_view text, int limit) {
  LineReader lines(text);
  std::string_view line;
  const std::optional<TraceKind> kind = lines.next(line) ? kind_of(line) : std::nullopt;
  if (!kind) {
    return fail(Code::kInvalidArgument, "line 1: this is no trace that is known; the first line must be \"" + std::string(kAzureHeader) +
                                            "\", \"" + std::string(kSessionsHeader) +
                                            "\" or a JSON object with timestamp and input_length");
  }
  Trace trace{*kind, {}};
  SessionRows sessions;
  size_t blocks = 0;
  const auto most = static_cast<size_t>(limit > 0 ? std::min(limit, kMaxRequests) : kMaxRequests);
  for (bool more = *kind == TraceKind::kMooncake || lines.next(line); more; more = lines.next(line)) {
    if (line.empty()) continue;
    if (trace.requests.size() == most) break;
    if (line.size() > kMaxLineBytes) {
      return fail(Code::kInvalidArgument, lines.here() + ": the line is longer than " + std::to_string(kMaxLineBytes) + " bytes");
    }
    Result<TraceRequest> row = *kind == TraceKind::kAzure      ? azure_row(line)
                               : *kind == TraceKind::kMooncake ? mooncake_row(line)
                                                               : sessions.row(line, static_cast<int32_t>(trace.requests.size()));
    if (!row) return fail(row.error(), lines.here());
    blocks += row->blocks.size();
    if (blocks > kMaxTraceBlocks) {
      return fail(Code::kResourceExhausted,
                  lines.here() + ": more than " + std::to_string(kMaxTraceBlocks) + " hash ids so far; take fewer rows with --limit");
    }
    trace.requests.push_back(std::move(*row));
  }
  if (trace.requests.empty()) return fail(Code::kInvalidArgument, "the trace has no rows below its first line");
  count_from_first(trace);
  return trace;
}

}  // namespace ondol
