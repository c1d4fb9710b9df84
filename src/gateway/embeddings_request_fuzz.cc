// A body of any bytes through the scan and the parsers of /v1/embeddings and /v1/rerank: an error or a request, never more.
#include "gateway/embeddings_request.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/json_scan.h"
#include "gateway/rerank_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = parse_json(text, {.max_bytes = 1 << 16, .max_depth = 16, .max_values = 4096});
  if (!value) return 0;
  if (const auto request = parse_embeddings_request(*value); request) {
    if (request->inputs.empty() || request->inputs.size() > kMaxEmbeddingInputs || request->dimensions.value_or(1) < 1) __builtin_trap();
    for (const EmbeddingInput& input : request->inputs) {
      for (const int32_t id : input.ids) {
        if (id < 0) __builtin_trap();
      }
    }
  } else if (error_json(request.error()).empty()) {
    __builtin_trap();
  }
  if (const auto request = parse_rerank_request(*value); request) {
    if (request->documents.empty() || request->query.empty() || request->top_n > request->documents.size()) __builtin_trap();
  }
  return 0;
}
