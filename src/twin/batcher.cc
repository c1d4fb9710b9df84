#include "twin/batcher.h"

#include <algorithm>

namespace ondol {

Batcher::Batcher(const BatcherOptions& options) : options_(options), tree_(std::make_unique<KvTree>(options.kv_block)) {
  options_.kv_tokens = options.kv_tokens / options.kv_block * options.kv_block;
}

void Batcher::add(BatcherRequest request) {
  auto sequence = std::make_unique<Sequence>();
  sequence->order = ++last_order_;
  sequence->request = std::move(request);
  sequence->node = tree_->root();
  waiting_.emplace(sequence->order, sequence.get());
  sequences_.emplace(sequence->request.id, std::move(sequence));
}

bool Batcher::cancel(uint64_t id) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end()) return false;
  forget(*found->second);
  return true;
}

void Batcher::clear() {
  sequences_.clear();
  waiting_.clear();
  running_.clear();
  parts_.clear();
  tree_ = std::make_unique<KvTree>(options_.kv_block);
  held_ = 0;
}

std::optional<StepBatch> Batcher::plan() {
  batch_ = {};
  parts_.clear();
  prefills_.clear();
  admitted_.clear();
  visible_ = options_.plan_ahead && !running_.empty() ? seen_ : last_order_;
  seen_ = last_order_;
  if (options_.prefill_alone) {
    plan_alone();
  } else {
    plan_mixed();
  }
  if (parts_.empty()) return std::nullopt;
  batch_.prefills = prefills_;
  return batch_;
}

void Batcher::plan_alone() {
  // The one prompt that is under way is the youngest: no other is let in before it is done.
  Sequence* prompt = running_.empty() || running_.back()->generated > 0 ? nullptr : running_.back();
  if (prompt == nullptr) prompt = admit(options_.step_tokens);
  if (prompt != nullptr) return schedule(*prompt, std::min(prompt->pending(), options_.step_tokens));
  for (Sequence* sequence : running_) schedule(*sequence, 1);
}

void Batcher::plan_mixed() {
  int64_t budget = options_.step_tokens;
  const uint64_t preemptions = totals_.preemptions;
  for (size_t i = 0; i < running_.size() && budget > 0; ++i) {
    Sequence& sequence = *running_[i];
    const int64_t tokens = std::min(sequence.pending(), budget);
    if (!make_room(sequence, tokens)) break;
    schedule(sequence, tokens);
    budget -= tokens;
  }
  while (budget > 0 && totals_.preemptions == preemptions) {
    Sequence* const sequence = admit(budget);
    if (sequence == nullptr) break;
    const int64_t tokens = std::min(sequence->pending(), budget);
    schedule(*sequence, tokens);
    budget -= tokens;
  }
}

void Batcher::schedule(Sequence& sequence, int64_t tokens) {
  parts_.push_back({sequence.request.id, tokens, sequence.computed});
  const bool decode = sequence.decodes();
  if (decode) {
    ++batch_.decodes;
    batch_.decode_context += sequence.computed + 1;
    batch_.longest_context = std::max(batch_.longest_context, sequence.computed + 1);
  } else {
    prefills_.push_back({tokens, sequence.computed});
  }
  sequence.computed += tokens;
  if (!decode) share(sequence);
}

void Batcher::finish(std::vector<StepToken>& tokens) {
  for (const StepPart& part : parts_) {
    const auto found = sequences_.find(part.id);
    if (found == sequences_.end()) continue;  // cancelled during the step
    Sequence& sequence = *found->second;
    if (sequence.pending() > 0) continue;  // more of its prompt is to come
    const BatcherRequest& request = sequence.request;
    StepToken token{part.id, sequence.generated++, sequence.cached};
    ++totals_.generated_tokens;
    if (token.index == 0) totals_.prompt_tokens += request.prompt_tokens;
    if (request.stop_after > 0 && sequence.generated >= request.stop_after) {
      token.finish = TwinFinish::kStop;
    } else if (sequence.generated >= request.max_tokens) {
      token.finish = TwinFinish::kLength;
    }
    tokens.push_back(token);
    if (!token.finish) continue;
    share(sequence);
    forget(sequence);
  }
  parts_.clear();
}

BatcherCounts Batcher::counts() const {
  BatcherCounts counts = totals_;
  counts.running = static_cast<int>(running_.size());
  counts.waiting = static_cast<int>(waiting_.size());
  const int64_t used = held_ + (options_.reserve_whole ? tree_->tokens() : tree_->pinned());
  counts.kv_used = options_.kv_tokens > 0 ? static_cast<double>(used) / static_cast<double>(options_.kv_tokens) : 0;
  return counts;
}

BatcherOptions batcher_options(const TwinEngineOptions& options) {
  const CostModel& cost = options.cost;
  const bool furiosa = options.kind == TwinEngineKind::kFuriosaLlm;
  BatcherOptions out;
  out.max_running = std::max(1, options.max_concurrency > 0 ? options.max_concurrency : cost.max_batch());
  out.step_tokens = options.max_step_tokens > 0 ? options.max_step_tokens : cost.max_prefill_tokens();
  // A step of vLLM takes a token of each running sequence at least.
  out.step_tokens = furiosa ? std::clamp<int64_t>(out.step_tokens, 1, 1024) : std::max<int64_t>(out.step_tokens, out.max_running);
  out.kv_block = furiosa ? 1 : 16;
  out.kv_tokens = cost.kv_capacity_tokens();
  out.prefill_alone = furiosa;
  out.reserve_whole = furiosa;
  out.prefix_cache = options.prefix_cache;
  out.plan_ahead = !furiosa;
  return out;
}

int64_t twin_context(const TwinEngineOptions& options) {
  const BatcherOptions batcher = batcher_options(options);
  const int64_t model = options.cost.model().max_context;
  const int64_t kv = batcher.kv_tokens / batcher.kv_block * batcher.kv_block;
  const int64_t wanted = options.max_context > 0 && (model <= 0 || options.max_context < model) ? options.max_context : model;
  return wanted > 0 ? std::min(wanted, kv) : kv;
}

}  // namespace ondol
