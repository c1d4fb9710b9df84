#include "endpoint/endpoint.h"

#include <array>
#include <utility>

namespace ondol {
namespace {

constexpr std::array<std::pair<EndpointKind, std::string_view>, 5> kNames{{{EndpointKind::kBuiltin, "builtin"},
                                                                           {EndpointKind::kFuriosaLlm, "furiosa-llm"},
                                                                           {EndpointKind::kVllm, "vllm"},
                                                                           {EndpointKind::kOpenAi, "openai"},
                                                                           {EndpointKind::kOndol, "ondol"}}};

}  // namespace

std::string_view endpoint_kind_name(EndpointKind kind) {
  for (const auto& [known, name] : kNames)
    if (known == kind) return name;
  return "unknown";
}

std::string_view endpoint_state_name(EndpointState state) {
  constexpr std::string_view kStates[] = {"unknown", "ready", "not ready", "down"};
  return kStates[static_cast<size_t>(state)];
}

Result<EndpointKind> parse_endpoint_kind(std::string_view name) {
  for (const auto& [kind, known] : kNames)
    if (known == name) return kind;
  return fail(Code::kInvalidArgument,
              "there is no kind of endpoint " + quoted(name) + "; write builtin, furiosa-llm, vllm, openai or ondol");
}

}  // namespace ondol
