// Traces of real traffic: when requests came, how long their prompts and answers were, and what the prompts shared.
//
// Pure functions over text; any thread. Bounded: kMaxTraceBytes of file, kMaxRequests rows, kMaxPromptTokens each, kMaxTraceBlocks.
//
// Formats, told apart by their first line:
//   Azure LLM inference traces 2023 and 2024 (CSV): TIMESTAMP,ContextTokens,GeneratedTokens
//   Mooncake FAST'25 (JSON lines): timestamp (ms), input_length, output_length, hash_ids: one for each 512 tokens of prompt; prompts that
//     begin with the same ids begin with the same text
//   TraceLab agent sessions (CSV): session_id,arrival_time (ms),round_idx,prefix_len,input_len,output_len,tool_wait_after_ms; a round
//     begins that long after the end of the one before it, with that one's prompt and answer as its prefix
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

inline constexpr size_t kMaxTraceBytes = 256 << 20;
inline constexpr int kMaxRequests = 1 << 20;
inline constexpr int kMaxPromptTokens = 1 << 20;
inline constexpr int kMaxOutputTokens = 1 << 20;
inline constexpr size_t kMaxTraceBlocks = 1 << 22;  // hash ids of a whole trace
inline constexpr int kTraceBlockTokens = 512;

enum class TraceKind { kAzure, kMooncake, kSessions };
std::string_view trace_kind_name(TraceKind kind);

struct TraceRequest {
  int64_t at_us = 0;  // after the first of the trace
  int32_t input_tokens = 1;
  int32_t output_tokens = 1;
  std::vector<int64_t> blocks;  // Mooncake's hash_ids
  int32_t session = -1;         // TraceLab: from 0 in order of appearance
  int32_t previous = -1;        // TraceLab: the round before, as an index of the trace; at_us counts only without one
  int64_t wait_us = 0;          // TraceLab: from that round's end
};

struct Trace {
  TraceKind kind = TraceKind::kAzure;
  std::vector<TraceRequest> requests;  // in order of time; rounds of sessions in the file's order
};

// The first `limit` rows (0 = all). kInvalidArgument names the line and what is wrong there; a trace without a row is an error.
Result<Trace> parse_trace(std::string_view text, int limit = 0);

}  // namespace ondol
