// The way to an engine that may be gone: a client can leave after the Api did. Any thread.
#pragma once

#include <memory>
#include <mutex>

#include "engine/engine.h"

namespace ondol {

class EngineGate {
 public:
  explicit EngineGate(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}
  Result<uint64_t> submit(GenerateRequest request, std::shared_ptr<TokenSink> sink);
  void cancel(uint64_t id);
  void close();  // drops the engine; afterwards submit fails and cancel does nothing

 private:
  std::shared_ptr<Engine> engine() const;

  mutable std::mutex mutex_;
  std::shared_ptr<Engine> engine_;
};

}  // namespace ondol
