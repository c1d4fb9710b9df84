// What was observed of one request, and of the run it belongs to. Written by the runner, saved and read by samples_file, counted by report.
//
// Owner: value types. Bounded: kMaxGapsPerRequest gaps of one answer, kMaxGaps of a run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ondol {

inline constexpr size_t kMaxGapsPerRequest = 16384;
inline constexpr size_t kMaxGaps = 1 << 24;

enum class SampleError {
  kNone,
  kConnect,      // no connection: refused, host unknown, TLS
  kTimeout,      // not whole within the time allowed
  kCutOff,       // the connection or the stream ended before the answer did
  kBadAnswer,    // not a stream of completion events
  kServerError,  // an error event in the stream
  kHttp429,
  kHttp503,
  kHttp4xx,
  kHttp5xx,
  kHttpOther,    // neither 2xx nor an error
  kEmpty,        // a whole answer without a token
  kTooLarge,     // an event, or an answer, beyond the client's limits
  kInterrupted,  // given up because the run was ended; counts neither as an answer nor as a failure
};
inline constexpr int kSampleErrors = static_cast<int>(SampleError::kInterrupted) + 1;

// "", "connect", "timeout", "cut_off", "http_429" ...: the keys of reports.
std::string_view sample_error_name(SampleError error);
std::optional<SampleError> sample_error_from_name(std::string_view name);

// Times are microseconds from the start of the run; -1 = did not happen.
struct RequestSample {
  int32_t index = 0;  // in the plan
  int64_t due_us = 0;
  int64_t sent_us = 0;        // before the connection is opened
  int64_t first_us = -1;      // first chunk with text
  int64_t last_us = -1;       // last chunk with text
  int64_t end_us = 0;         // the answer was whole, or had failed
  int32_t planned_input = 0;  // 0 = unknown
  int32_t planned_output = 0;
  int32_t prompt_tokens = -1;  // from usage; -1 = the server did not say
  int32_t cached_tokens = 0;
  int32_t completion_tokens = -1;
  int32_t chunks = 0;      // with text
  int64_t max_gap_us = 0;  // longest time between two of them
  std::vector<uint32_t> gaps_us;
  bool gaps_complete = true;  // false: some were left out for their number
  int32_t status = 0;         // HTTP; 0 = none came
  SampleError error = SampleError::kNone;
  std::string message;  // of the error, printable

  bool ok() const { return error == SampleError::kNone; }
  // The server's count; without one, chunks stand for tokens.
  int32_t output_tokens() const { return completion_tokens >= 0 ? completion_tokens : chunks; }
};

// The settings of a run that a report shows. No secrets.
struct RunInfo {
  std::string target;  // URL without user and password
  std::string model;
  std::string endpoint;  // "chat" or "completions"
  std::string arrivals;  // "closed loop of 8"
  std::string prompts;   // "128 tokens in, 128 out"
  uint64_t seed = 0;
  bool open_loop = false;
  int32_t planned = 0;    // requests
  int32_t held_back = 0;  // requests that were due while the generator had no free place
  bool interrupted = false;
  int64_t started_unix_s = 0;
};

}  // namespace ondol
