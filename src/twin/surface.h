// The HTTP surface of one twin engine: what a vendor's server answers, over a TwinEngine.
//
// Owner: whoever starts the HttpServer that calls `handle`; shared with the answers in progress. `handle` runs on the server's thread and
// does not block. Bounded: a body by the server, an answer by the model's context, answers in progress by the engine's queue.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/server.h"
#include "twin/twin_engine.h"

namespace ondol {

class TextRelay;

struct SurfaceOptions {
  std::string model;                    // the served name
  std::string artifact;                 // furiosa-llm's artifact_id; "" = the model's name and ".fxb"
  std::string api_key;                  // "" = everyone may call
  std::string leader_device = "npu:0";  // a label of furiosa-llm's metrics
  int64_t max_model_len = 4096;
  int64_t created = 0;    // of the model card, seconds since 1970
  bool dev_mode = false;  // furiosa-llm: /reset_prefix_cache
  int piece_bytes = 4;    // see TwinTokenizer
  uint64_t seed = 1;
  // As its engine has them.
  double speed = 1;
  bool prefix_cache = true;
  int64_t kv_capacity_tokens = 0;
  std::shared_ptr<TextRelay> relay = {};  // who is asked for the text; none = filler
};

class TwinSurface {
 public:
  virtual ~TwinSurface() = default;
  virtual void handle(const std::shared_ptr<Exchange>& exchange) = 0;
};

// furiosa-llm 2026.4, observed by running its HTTP layer; vllm serve 0.19, by its documentation. The body limit of the server is theirs to
// set: kMaxSurfaceBody.
std::shared_ptr<TwinSurface> make_furiosa_surface(const SurfaceOptions& options, std::shared_ptr<TwinEngine> engine);
std::shared_ptr<TwinSurface> make_vllm_surface(const SurfaceOptions& options, std::shared_ptr<TwinEngine> engine);
inline constexpr size_t kMaxSurfaceBody = 8 << 20;

}  // namespace ondol
