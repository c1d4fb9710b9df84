// The models that a server knows: loaded when they are asked for, given back when nobody used them for a while or another one needs the
// memory.
//
// Owner: the Api. Any thread; loading and unloading happen on one thread of its own, one model at a time. Bounded: by the models that were
// named at the start, and kMaxWaiting requests that wait for one to load.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "gateway/engine_gate.h"
#include "gateway/grammar_cache.h"
#include "gateway/model_metrics.h"
#include "gateway/served_model.h"

namespace ondol {

// A model under its public name, and how to get it into memory: it is there already, or `load` gets it.
struct ServedSource {
  std::string name;
  std::function<Result<ServedModel>()> load = {};  // slow; on the pool's thread. Empty: `ready` stays as long as the pool
  std::optional<ServedModel> ready = {};
};

struct LoadedModel {
  ServedModel served;
  std::shared_ptr<EngineGate> gate;
  std::shared_ptr<ModelMetrics> metrics;
  std::unique_ptr<GrammarCache> grammars;
  std::vector<std::string> control_names;  // see control_text.h
  std::string fingerprint;                 // changes when the same seed may give another answer: other weights, another program
};

// As long as somebody holds it, the model stays.
using ModelLease = std::shared_ptr<const LoadedModel>;

struct ModelPoolOptions {
  int64_t idle_unload_us = 0;  // a model that nobody used for this long is given back; 0 = never
  int max_loaded = 0;          // models in memory at most, the least recently used goes; 0 = as many as fit
};

enum class ModelState { kUnloaded, kLoading, kReady, kFailed };
std::string_view model_state_name(ModelState state);

struct ModelInfo {
  std::string name;
  ModelState state = ModelState::kUnloaded;
  std::string error;    // of the last attempt to load, for kFailed
  int max_context = 0;  // 0 until it was loaded once
  int64_t created_unix_s = 0;
};

class ModelPool {
 public:
  static constexpr size_t kMaxWaiting = 1024;
  using Taker = std::function<void(Result<ModelLease>)>;

  ModelPool(std::vector<ServedSource> sources, Registry& metrics, const ModelPoolOptions& options, const Clock& clock);
  ~ModelPool();  // those who wait get kUnavailable; engines are stopped, so that leases which are out may go at any time

  // Calls `take` with the model: at once if it is in memory, else when it was loaded, on the pool's thread. Errors: kNotFound (names the
  // models there are), what loading says, kResourceExhausted (too many wait, or no memory even with every idle model gone).
  void acquire(const std::string& name, Taker take);
  // The same without loading: null if it is not in memory.
  ModelLease peek(const std::string& name) const;

  std::vector<ModelInfo> list() const;
  // Copies the engines' figures into the metrics.
  void update_metrics() const;
  // Gives back what is idle now; called by the pool's own thread, and by tests with a clock of their own. Returns how many went.
  int unload_idle();

 private:
  struct Slot {
    ServedSource source;
    ModelInfo info;
    std::shared_ptr<const LoadedModel> loaded;
    std::vector<Taker> takers;
    int64_t used_us = 0;
  };
  void store(Slot& slot, std::shared_ptr<const LoadedModel> loaded);
  std::shared_ptr<const LoadedModel> wrap(ServedModel served) const;
  Slot* find(const std::string& name);
  void work();
  void load(Slot& slot);
  Result<std::shared_ptr<const LoadedModel>> load_with_room(Slot& slot);
  bool unload_one(int64_t unused_since_us, const Slot* keep);
  bool idle_expired(int64_t now_us) const;

  Registry& registry_;
  const ModelPoolOptions options_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Slot> slots_;  // fixed after construction
  size_t waiting_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace ondol
