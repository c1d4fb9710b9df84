#include "app/node_runner.h"

#include "base/thread_name.h"
#include "node/process.h"

namespace ondol {

NodeRunner::~NodeRunner() {
  if (!thread_.joinable()) return;
  drain();
  drain();
  thread_.join();
}

Status NodeRunner::start(DeclaredNode declared, std::function<void()> ended) {
  ONDOL_TRY_STATUS(node_->declare(std::move(declared)));
  adopt_orphans();
  thread_ = std::thread([node = node_.get(), ended = std::move(ended)] {
    name_this_thread("ondol-node");
    node->run();
    if (ended) ended();
  });
  return {};
}

void NodeRunner::stop() {
  if (!thread_.joinable()) return;
  drain();
  thread_.join();
}

}  // namespace ondol
