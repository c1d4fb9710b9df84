// A node on a thread of its own, beside whatever else this process does.
//
// Owner: `ondol node` or `ondol up`, on the main thread, which starts no other processes while it runs (see kill_orphans). `report` and
// `drain` from any thread. Bounded as Node is.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "node/node.h"

namespace ondol {

class NodeRunner {
 public:
  explicit NodeRunner(const DeviceReaderOptions& devices = {}) : node_(Node::create({}, devices)) {}
  ~NodeRunner();  // kills what still runs
  NodeRunner(const NodeRunner&) = delete;

  // Once. kInvalidArgument as Node::declare: nothing runs then. `ended` is called on the node's thread when all engines have ended.
  Status start(DeclaredNode declared, std::function<void()> ended = nullptr);
  Status declare(DeclaredNode declared) { return node_->declare(std::move(declared)); }
  std::vector<EngineReport> report() const { return node_->report(); }
  void drain() { node_->stop(); }  // begins it; the second time kills
  void stop();  // drains, and returns when all have ended: after the longest `drain` of them at most, and a moment to kill

 private:
  const std::unique_ptr<Node> node_;
  std::thread thread_;  // starts all processes and outlives them
};

}  // namespace ondol
