#include "cost/serve_estimate.h"

#include <algorithm>
#include <cmath>

namespace ondol {
namespace {

constexpr int kRounds = 12;  // of the fixed point between streams and waiting; it halves its error each round
constexpr int kPoints = 8;   // of an answer's life

// Seconds and joules, averaged.
struct Mean {
  double seconds = 0, joules = 0;
};

class Loop {
 public:
  Loop(const CostModel& model, const ServeLoad& load) : model_(model), load_(load) {
    load_.input = std::max<int64_t>(1, load.input);
    load_.output = std::max<int64_t>(1, load.output);
    context_ = load_.input + load_.output / 2;
    out_ = static_cast<double>(load_.output);
  }

  StepCost step(double streams, int64_t prompt, int64_t context) const {
    const int decodes = static_cast<int>(streams) * std::clamp(load_.beams, 1, 64);
    const double longest = static_cast<double>(context) * std::max(1.0, load_.spread);
    const PrefillPart part{.tokens = prompt, .context = 0};
    return model_.step({.decodes = decodes,
                        .decode_context = decodes * context,
                        .longest_context = static_cast<int64_t>(longest),
                        .prefills = {&part, prompt > 0 ? size_t{1} : size_t{0}}});
  }

  // Of whole streams, over the life of an answer: with compiled widths the mean context alone would not do.
  Mean mean_step(double streams, int64_t prompt) const {
    const int points = model_.prefill_alone() && load_.spread <= 1 ? kPoints : 1;
    Mean mean;
    for (int i = 0; i < points; ++i) {
      const StepCost one = step(streams, prompt, load_.input + load_.output * (2 * i + 1) / (2 * points));
      mean.seconds += one.seconds / points;
      mean.joules += one.energy_j() / points;
    }
    return mean;
  }

  // The mean step of a number of streams that need not be whole: between the steps of its neighbours.
  Mean between(double streams, int64_t prompt) const {
    const double low = std::max(1.0, std::floor(streams)), share = std::max(0.0, streams - low);
    const Mean a = mean_step(low, prompt);
    if (share <= 0) return a;
    const Mean b = mean_step(low + 1, prompt);
    return {a.seconds * (1 - share) + b.seconds * share, a.joules * (1 - share) + b.joules * share};
  }

  // One step of every stream, and the prompts that fall on it.
  Mean round(double streams) const {
    const Mean plain = between(streams, 0);
    const double prompts = streams / out_;  // that end, so that others begin
    if (model_.prefill_alone()) {
      // Prompts of a pipeline follow each other through its stages.
      const double overlap = std::min<double>(model_.placement().pipeline_parallel, std::max(1.0, streams));
      const StepCost prompt = model_.prefill(load_.input);
      return {plain.seconds + prompts * prompt.seconds / overlap, plain.joules + prompts * prompt.energy_j() / overlap};
    }
    const double per_step = std::max(1.0, prompts);
    const Mean busy = between(streams, static_cast<int64_t>(static_cast<double>(load_.input) * per_step));
    const double share = std::min(1.0, prompts);
    return {plain.seconds * (1 - share) + busy.seconds * share, plain.joules * (1 - share) + busy.joules * share};
  }

  // A prompt that arrives while others are computed: it waits for half of one with the chance that there is one, and for a queue of
  // them when prompts differ in length as much as chats do.
  double ttft(double streams, const Mean& mean) const {
    if (!model_.prefill_alone()) return between(streams, load_.input).seconds + mean.seconds / 2;
    const double prompt = model_.prefill(load_.input).seconds;
    const double busy = std::min(0.95, streams / out_ * prompt / mean.seconds);
    const double variety = load_.spread > 1 ? 1.5 : 0.5;
    return prompt + mean.seconds / 2 + busy / (1 - busy) * variety * prompt;
  }

  double most_streams() const {
    const double batch = load_.max_batch > 0 ? load_.max_batch : model_.max_batch() * model_.placement().pipeline_parallel;
    const double cache = static_cast<double>(model_.kv_capacity_tokens()) / static_cast<double>(context_);
    return std::max(1.0, std::min(batch, cache) / std::clamp(load_.beams, 1, 64));
  }

  ServeEstimate estimate() const {
    ServeEstimate made;
    const double wanted = std::clamp(load_.concurrency, 1.0, 65536.0);
    double streams = std::min(wanted, most_streams());
    Mean mean = round(streams);
    for (int i = 0; i < kRounds; ++i) {
      made.ttft_s = ttft(streams, mean);
      const double answer = (out_ - 1) * mean.seconds;
      const double decoding = wanted * answer / (answer + made.ttft_s);
      streams = std::clamp((streams + decoding) / 2, std::min(1.0, wanted), most_streams());
      mean = round(streams);
    }
    const double first = made.ttft_s;
    made.streams = streams;
    made.tpot_s = mean.seconds;
    made.step = step(std::max(1.0, std::round(streams)), 0, context_);
    made.step_s = between(streams, 0).seconds;
    // Either the loop is full, or the requests that find no place wait for one.
    const double answer_s = first + (out_ - 1) * mean.seconds;
    made.tokens_per_s = std::min(wanted * out_ / answer_s, streams * out_ / ((out_ - 1) * mean.seconds + mean.seconds));
    const double queue = std::max(0.0, wanted * out_ / made.tokens_per_s - answer_s);
    made.ttft_s = first + (streams >= most_streams() ? queue : 0);
    made.power_w = mean.joules / mean.seconds;
    made.energy_j_per_token = made.power_w / made.tokens_per_s;
    return made;
  }

 private:
  const CostModel& model_;
  ServeLoad load_;
  int64_t context_ = 0;
  double out_ = 1;
};

}  // namespace

ServeEstimate serve_estimate(const CostModel& model, const ServeLoad& load) { return Loop(model, load).estimate(); }

}  // namespace ondol
