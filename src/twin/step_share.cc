#include "twin/step_share.h"

namespace ondol {
namespace {

// Tokens of context that the part's tokens look at, all together.
double looked_at(const StepPart& part) {
  const auto tokens = static_cast<double>(part.tokens);
  return tokens * (static_cast<double>(part.context) + (tokens + 1) / 2);
}

}  // namespace

void step_shares(const StepCost& cost, std::span<const StepPart> parts, std::vector<double>& shares) {
  double tokens = 0;
  double contexts = 0;
  for (const StepPart& part : parts) {
    tokens += static_cast<double>(part.tokens);
    contexts += looked_at(part);
  }
  const double attention_s = cost.term_s[static_cast<size_t>(CostTerm::kAttention)] + cost.term_s[static_cast<size_t>(CostTerm::kKvRead)];
  const double attention = cost.seconds > 0 ? attention_s / cost.seconds : 0;
  shares.clear();
  for (const StepPart& part : parts) {
    shares.push_back(attention * looked_at(part) / contexts + (1 - attention) * static_cast<double>(part.tokens) / tokens);
  }
}

}  // namespace ondol
