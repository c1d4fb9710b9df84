// What each kind of server calls things: its paths, its metrics, what it can do. Tables and pure functions.
//
// Owner: static data. Any thread.
#pragma once

#include <string_view>

#include "endpoint/endpoint.h"
#include "endpoint/prometheus.h"

namespace ondol {

struct EndpointDialect {
  EndpointKind kind;
  std::string_view probe_target;         // 200 = ready
  bool probe_is_a_guess = false;         // there is no health path: any answer but a refusal of the key or a 5xx will do
  std::string_view metrics_target = {};  // empty = there is none
  std::string_view version_target = {};
  EndpointCapabilities traits = {};  // what is known without asking
  EndpointLoad (*read_load)(const PrometheusSamples&) = nullptr;
};

const EndpointDialect& furiosa_dialect();  // furiosa-llm 2026.2 to 2026.4
const EndpointDialect& vllm_dialect();     // V1 engine, and the names of V0 where they differ
const EndpointDialect& openai_dialect();
const EndpointDialect& ondol_dialect();  // the built-in engine, too
const EndpointDialect& dialect_of(EndpointKind kind);

// A count from a metric; none if there is none or it is negative.
std::optional<int64_t> count_of(std::optional<double> value);
// a / b within 0..1; none without b.
std::optional<double> share_of(std::optional<double> a, std::optional<double> b);

}  // namespace ondol
