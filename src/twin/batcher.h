// Which requests a step of the real engine would compute, and which of them it would give a token: the policies of furiosa-llm and vLLM.
//
// Owner: one TwinCore or replay; no locking, no clock: a step is planned, takes as long as it takes, and is finished. Bounded: KV by
// kv_tokens; requests by the caller.
//
// vLLM (V1 scheduler, as documented): the running sequences in order of arrival, one token each or the rest of their prompt, then new ones
// while step_tokens, max_running and the KV last. KV in blocks of 16 tokens, taken as they are needed; when there is none the youngest is
// put back and computed again later. A step is planned while the one before runs (asynchronous scheduling). furiosa-llm: a prompt is
// computed alone, in chunks of step_tokens, before the sequences that decode go on (published TTFTs of N clients that start at once grow by
// the time of one prompt for each, whatever the batch); KV in blocks of one token. It documents no preemption, so a request is let in when
// its whole length fits.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "cost/cost_model.h"
#include "twin/kv_tree.h"
#include "twin/twin_engine.h"

namespace ondol {

struct BatcherOptions {
  int max_running = 256;
  int64_t step_tokens = 2048;  // of one step, all sequences together
  int64_t kv_tokens = 1 << 18;
  int64_t kv_block = 16;
  bool prefill_alone = false;  // furiosa-llm's order; else vLLM's
  bool reserve_whole = false;  // KV for prompt and answer at admission; else as it is needed, with preemption
  bool prefix_cache = true;
  bool plan_ahead = false;  // a step is planned when the one before begins: who comes later joins the next but one
};

// What `kind` does on these devices; 0s of the options are filled in.
BatcherOptions batcher_options(const TwinEngineOptions& options);
// Tokens that a request may have, prompt and answer: max_context, the model's, or the KV if that is less.
int64_t twin_context(const TwinEngineOptions& options);

struct BatcherRequest {
  uint64_t id = 0;
  int64_t prompt_tokens = 1;
  int64_t max_tokens = 1;
  int64_t stop_after = 0;         // as in TwinRequest
  std::vector<int32_t> ids = {};  // of the prompt, and of the answer if it is known; empty = nothing is shared
};

// One sequence in a step.
struct StepPart {
  uint64_t id = 0;
  int64_t tokens = 0;   // that are computed
  int64_t context = 0;  // that were in the KV before
};

struct StepToken {
  uint64_t id = 0;
  int64_t index = 0;   // of the answer
  int64_t cached = 0;  // prompt tokens that the prefix cache had
  std::optional<TwinFinish> finish = {};
};

struct BatcherCounts {
  int running = 0, waiting = 0;
  double kv_used = 0;  // 0..1; furiosa-llm's counts what only the prefix cache holds, vLLM's does not
  int64_t prompt_tokens = 0, generated_tokens = 0, cached_tokens = 0, prefix_queries = 0;
  uint64_t preemptions = 0;
};

class Batcher {
 public:
  explicit Batcher(const BatcherOptions& options);

  // prompt_tokens + max_tokens must fit the KV.
  void add(BatcherRequest request);
  // False if it is not there (any more). A step under way still takes its time.
  bool cancel(uint64_t id);
  // All requests and the prefix cache; the counters stay.
  void clear();

  // What the next step computes; nothing if there is no request. Its span is valid until the next `plan`.
  std::optional<StepBatch> plan();
  std::span<const StepPart> parts() const { return parts_; }  // of the step that is planned and not finished
  // The requests that came out of the queue for the first time with this plan.
  std::span<const uint64_t> admitted() const { return admitted_; }
  // The step is over: its tokens, appended in order of the parts.
  void finish(std::vector<StepToken>& tokens);

  bool idle() const { return sequences_.empty(); }
  BatcherCounts counts() const;
  const BatcherOptions& options() const { return options_; }

 private:
  struct Sequence {
    BatcherRequest request;
    int64_t order = 0;     // of arrival
    int64_t computed = 0;  // tokens whose KV is there, or will be at the end of the step
    int64_t generated = 0;
    int64_t cached = 0;
    bool queried = false;  // its prompt was looked up and counted
    bool running = false;
    KvTree::Node* node = nullptr;  // pinned: what it has in the tree
    int64_t held = 0;              // KV tokens besides, whole blocks
    int64_t known() const { return request.prompt_tokens + generated; }
    int64_t pending() const { return known() - computed; }
    bool decodes() const { return generated > 0 && pending() == 1 && computed > 0; }
  };

  int64_t whole_blocks(int64_t tokens) const;
  int64_t free_tokens() const;
  bool take(Sequence& sequence, int64_t tokens);
  void hold(Sequence& sequence, int64_t tokens);
  void share(Sequence& sequence);
  void release(Sequence& sequence);
  void forget(Sequence& sequence);
  bool make_room(Sequence& sequence, int64_t tokens);
  Sequence* admit(int64_t budget);
  void find_prefix(Sequence& sequence);
  void schedule(Sequence& sequence, int64_t tokens);
  void plan_alone();
  void plan_mixed();

  BatcherOptions options_;
  std::unordered_map<uint64_t, std::unique_ptr<Sequence>> sequences_;
  std::map<int64_t, Sequence*> waiting_;  // by arrival: those that were put back stand in front
  std::vector<Sequence*> running_;        // by arrival
  std::unique_ptr<KvTree> tree_;
  int64_t held_ = 0;  // by all sequences
  int64_t last_order_ = 0;
  int64_t seen_ = 0;     // plan_ahead: the last to arrive before the step under way was planned
  int64_t visible_ = 0;  // the last to arrive that the plan may let in
  StepBatch batch_;
  std::vector<StepPart> parts_;
  std::vector<PrefillPart> prefills_;
  std::vector<uint64_t> admitted_;
  BatcherCounts totals_;  // its counters
};

}  // namespace ondol
