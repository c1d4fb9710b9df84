// What a step computes: a pure policy, shared by the live engine and the simulator.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ondol {

// A running sequence as the policy sees it, the most urgent and then the earliest first.
struct SequenceView {
  int64_t computed = 0;    // tokens whose KV is in the cache
  int64_t pending = 0;     // tokens behind them that are known: 1 = a stream that waits for its next token
  bool waits = false;      // another sequence is computing the block that this one needs next
  bool answering = false;  // its prompt is done: more than one pending token was forced by a grammar, or is computed again
  int drafts = 0;          // guesses of what follows, which could be checked in the same step
  bool scored = false;     // log-probabilities of the prompt are wanted: each of its rows needs logits
};

// Prompt rows with logits in a step, of all sequences together: a row has as many as the vocabulary has tokens, some 600 KB. A block's
// worth: so many rows already take longer to compute than the weights take to read.
inline constexpr int kScoredRows = 32;

struct StepLimits {
  int step_tokens = 512;   // rows of a step
  int mixed_prefill = 64;  // of which prompt rows at most, while streams run
  int align = 32;          // chunks end on KV block edges, so that others can share what they computed
  int draft_rows = 8;      // guesses of all streams together
};

// Forced tokens up to this many go with the streams; a longer tail (an answer that was preempted) is computed as prompts are.
inline constexpr int64_t kStreamRows = 32;

bool is_stream(const SequenceView& view);

// Tokens to compute for each sequence in this step; 0 = not in this step. More than a sequence's pending ones are drafts.
//
// Running streams come first: they keep their pace. Guesses come next, for the first streams: they share `draft_rows`. Prompts share what
// is left of the budget in order; while streams run it is at most `mixed_prefill`, since every prompt row delays all of them by the same
// matrix work. A single prompt without streams takes the whole budget. Of prompts that are scored at most kScoredRows are taken.
std::vector<int> plan_step(std::span<const SequenceView> sequences, const StepLimits& limits);

}  // namespace ondol
