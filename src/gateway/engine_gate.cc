#include "gateway/engine_gate.h"

#include <utility>

namespace ondol {

std::shared_ptr<Engine> EngineGate::engine() const {
  const std::scoped_lock lock(mutex_);
  return engine_;
}

Result<uint64_t> EngineGate::submit(GenerateRequest request, std::shared_ptr<TokenSink> sink) {
  const std::shared_ptr<Engine> engine = this->engine();
  if (engine == nullptr) return fail(Code::kUnavailable, "The server is shutting down.");
  return engine->submit(std::move(request), std::move(sink));
}

void EngineGate::cancel(uint64_t id) {
  if (const std::shared_ptr<Engine> engine = this->engine(); engine != nullptr) engine->cancel(id);
}

void EngineGate::close() {
  std::shared_ptr<Engine> engine;
  const std::scoped_lock lock(mutex_);
  engine.swap(engine_);
}

}  // namespace ondol
