// A rerank request at work in an engine: every prompt is read once, a few at a time, and the log-probabilities of two tokens are taken.
//
// Owner: shared by the engine, whose sinks hold it, and the one that starts it. Any thread; what it does under its mutex is short. Bounded:
// kInFlight prompts are in the engine, so that one request does not fill its queue; the rest wait here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "gateway/model_pool.h"
#include "gateway/rerank_prompt.h"

namespace ondol {

class ChatRerank : public std::enable_shared_from_this<ChatRerank> {
 public:
  static constexpr size_t kInFlight = 16;
  // By document: P(yes) / (P(yes) + P(no)). On the engine's step thread; returns at once.
  using Taker = std::function<void(Result<std::vector<double>>)>;

  ChatRerank(ModelLease model, RerankPrompts prompts, Taker take);

  // Hands the first prompts to the engine. On an error `take` is not called; else it is, once. Called once.
  Status start();
  // The client left: frees the engine's work.
  void cancel();

 private:
  class Sink;
  Status submit_more();
  void judged(size_t index, const FinishEvent& event);
  void give_up(Error error);

  const ModelLease model_;
  const RerankPrompts prompts_;
  std::mutex mutex_;
  Taker take_;
  size_t next_ = 0;
  std::map<size_t, uint64_t> at_work_;  // the engine's ids, by document
  std::vector<double> scores_;
  std::optional<Error> error_;
};

}  // namespace ondol
