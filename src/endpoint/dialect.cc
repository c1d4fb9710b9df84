#include "endpoint/dialect.h"

#include <algorithm>

namespace ondol {

std::optional<int64_t> count_of(std::optional<double> value) {
  constexpr double kMost = 9e18;
  if (!value || *value < 0) return std::nullopt;
  return static_cast<int64_t>(std::min(*value, kMost));
}

std::optional<double> share_of(std::optional<double> a, std::optional<double> b) {
  if (!a || !b || *b <= 0) return std::nullopt;
  return std::clamp(*a / *b, 0.0, 1.0);
}

const EndpointDialect& openai_dialect() {
  // OpenAI's API has neither health nor metrics; the list of models is what every server of it has.
  static const EndpointDialect kDialect{.kind = EndpointKind::kOpenAi, .probe_target = "/v1/models", .probe_is_a_guess = true};
  return kDialect;
}

const EndpointDialect& dialect_of(EndpointKind kind) {
  switch (kind) {
    case EndpointKind::kFuriosaLlm: return furiosa_dialect();
    case EndpointKind::kVllm: return vllm_dialect();
    case EndpointKind::kOpenAi: return openai_dialect();
    case EndpointKind::kBuiltin:
    case EndpointKind::kOndol: return ondol_dialect();
  }
  return openai_dialect();
}

}  // namespace ondol
