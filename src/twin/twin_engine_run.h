// One twin engine as a process would be: it listens, it dies, it comes back.
//
// Owner: a TwinFloor, under its mutex. An engine that has crashed answers what it must, then its port closes, as the vendors' servers end
// with their engine; when the fault is over a new one starts on the same port, with an empty cache and counters at zero.
#pragma once

#include <memory>
#include <string>

#include "base/metrics.h"
#include "net/server.h"
#include "twin/floor.h"
#include "twin/surface.h"
#include "twin/text_relay.h"
#include "twin/twin_engine.h"

namespace ondol {

class TwinEngineRun {
 public:
  // kUnavailable if the port is taken; kFailedPrecondition if the relay's key is not in the environment. `port` 0 = any free one.
  static Result<std::unique_ptr<TwinEngineRun>> start(const PlannedEngine& plan, const std::string& host, int port);
  ~TwinEngineRun();

  void inject(const TwinFault& fault) { engine_->inject(fault); }
  void limit(const TwinLimits& limits) { engine_->limit(limits); }
  // Ten times a second: injects what is due, closes and opens the port.
  void tick();

  TwinLoad load() const { return engine_->load(); }
  bool serving() const { return server_ != nullptr; }
  int port() const { return port_; }
  const PlannedEngine& plan() const { return plan_; }
  const TextRelay* relay() const { return relay_.get(); }  // nullptr: filler

 private:
  TwinEngineRun(const PlannedEngine& plan, std::string host, int port);
  Status start_relay();
  Status open();
  void close();

  const PlannedEngine plan_;
  const std::string host_;
  int port_;
  FaultPlan faults_;
  int dead_ticks_ = 0;
  Registry metrics_;                  // of the HTTP servers
  std::shared_ptr<TextRelay> relay_;  // outlives engine and surface
  std::shared_ptr<TwinEngine> engine_;
  std::shared_ptr<TwinSurface> surface_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace ondol
