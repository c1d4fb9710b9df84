#include "load/sample.h"

#include <array>

namespace ondol {
namespace {

constexpr std::array<std::string_view, kSampleErrors> kNames = {
    "",         "connect",  "timeout",  "cut_off",    "bad_answer", "server_error", "http_429",
    "http_503", "http_4xx", "http_5xx", "http_other", "empty",      "too_large",    "interrupted"};

}  // namespace

std::string_view sample_error_name(SampleError error) { return kNames[static_cast<size_t>(error)]; }

std::optional<SampleError> sample_error_from_name(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<SampleError>(i);
  }
  return std::nullopt;
}

}  // namespace ondol
