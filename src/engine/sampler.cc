#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace ondol {
namespace {

struct Candidate {
  float logit;
  int32_t token;
};

// Best first; equal logits by token id, so that the order is total.
bool better(const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.token < b.token; }

// Tokens whose weight is under e^-30 of the best one's are never drawn: all of a 262,144-token vocabulary together would have less than
// 3e-8 of the best one's mass.
constexpr float kNegligible = 30.0f;

void apply_penalties(std::span<float> logits, const SamplingParams& params, const TokenCounts& counts) {
  for (const LogitBias& bias : params.logit_bias) logits[static_cast<size_t>(bias.token)] += bias.bias;
  for (const auto& [token, count] : counts.of) {
    if (token < 0 || static_cast<size_t>(token) >= logits.size()) continue;
    float& logit = logits[static_cast<size_t>(token)];
    logit = logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty;
    if (count.answer == 0) continue;
    logit -= params.presence_penalty + params.frequency_penalty * static_cast<float>(count.answer);
  }
}

void apply_mask(std::span<float> logits, std::span<const uint64_t> allowed) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  for (size_t begin = 0; begin < logits.size(); begin += 64) {
    const uint64_t word = begin / 64 < allowed.size() ? allowed[begin / 64] : 0;
    if (word == ~uint64_t{0}) continue;
    const size_t end = std::min(begin + 64, logits.size());
    if (word == 0) {
      std::fill(logits.begin() + static_cast<std::ptrdiff_t>(begin), logits.begin() + static_cast<std::ptrdiff_t>(end), kNever);
      continue;
    }
    for (size_t i = begin; i < end; ++i)
      if ((word >> (i - begin) & 1) == 0) logits[i] = kNever;
  }
}

// The best `n` of the row, best first.
std::vector<Candidate> best_of(std::span<const float> logits, size_t n) {
  if (n == 0) return {};
  std::vector<Candidate> heap;  // worst on top
  for (size_t i = 0; i < logits.size(); ++i) {
    const Candidate c{logits[i], static_cast<int32_t>(i)};
    if (std::isnan(c.logit)) continue;
    if (heap.size() == n && !better(c, heap.front())) continue;
    if (heap.size() == n) {
      std::pop_heap(heap.begin(), heap.end(), better);
      heap.pop_back();
    }
    heap.push_back(c);
    std::push_heap(heap.begin(), heap.end(), better);
  }
  std::sort_heap(heap.begin(), heap.end(), better);
  return heap;
}

// Cuts `candidates` (all of the distribution that is left, total weight `total`) to the smallest set of the best whose share reaches top_p.
void keep_top_p(std::vector<Candidate>& candidates, float best, float inv_temperature, double total, float top_p) {
  const auto weight = [&](const Candidate& c) { return std::exp(static_cast<double>((c.logit - best) * inv_temperature)); };
  // Sorting everything would take 10 ms for a flat row of 150,000; the wanted few nearly always are among the best 1,024.
  size_t sorted = 0;
  for (size_t upto = std::min<size_t>(1024, candidates.size());; upto = candidates.size()) {
    const auto middle = candidates.begin() + static_cast<std::ptrdiff_t>(upto);
    if (upto < candidates.size()) std::nth_element(candidates.begin(), middle, candidates.end(), better);
    std::sort(candidates.begin(), middle, better);
    sorted = upto;
    double sum = 0;
    for (size_t i = 0; i < sorted; ++i) {
      sum += weight(candidates[i]);
      if (sum >= static_cast<double>(top_p) * total) {
        candidates.resize(i + 1);
        return;
      }
    }
    if (sorted == candidates.size()) return;
  }
}

int32_t draw(const std::vector<Candidate>& candidates, float best, float inv_temperature, double u) {
  std::vector<double> upto(candidates.size());
  double sum = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    sum += std::exp(static_cast<double>((candidates[i].logit - best) * inv_temperature));
    upto[i] = sum;
  }
  const auto place = std::upper_bound(upto.begin(), upto.end(), u * sum);
  const auto index = std::min<std::ptrdiff_t>(place - upto.begin(), static_cast<std::ptrdiff_t>(candidates.size()) - 1);
  return candidates[static_cast<size_t>(index)].token;
}

int32_t draw_token(const VectorKernels& kernels, std::span<const float> logits, const SamplingParams& params, uint64_t index) {
  const auto n = static_cast<int64_t>(logits.size());
  if (params.temperature == 0 || params.top_k == 1) return static_cast<int32_t>(kernels.argmax(logits.data(), n));
  const float best = kernels.max(logits.data(), n);
  const float inv_temperature = 1.0f / params.temperature;
  float floor = best - kNegligible * params.temperature;
  if (params.min_p > 0) floor = std::max(floor, best + params.temperature * std::log(params.min_p));
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < logits.size(); ++i)
    if (logits[i] >= floor) candidates.push_back({logits[i], static_cast<int32_t>(i)});
  if (params.top_k > 0 && candidates.size() > static_cast<size_t>(params.top_k)) {
    const auto middle = candidates.begin() + params.top_k;
    std::nth_element(candidates.begin(), middle, candidates.end(), better);
    candidates.resize(static_cast<size_t>(params.top_k));
    std::sort(candidates.begin(), candidates.end(), better);  // nth_element's order is unspecified, the draw's must not be
  }
  if (params.top_p < 1) {
    double total = 0;
    for (const Candidate& c : candidates) total += std::exp(static_cast<double>((c.logit - best) * inv_temperature));
    keep_top_p(candidates, best, inv_temperature, total, params.top_p);
  }
  return draw(candidates, best, inv_temperature, uniform(params.seed, index));
}

Result<float> best_logit(const VectorKernels& kernels, std::span<const float> logits) {
  const float best = kernels.max(logits.data(), static_cast<int64_t>(logits.size()));
  if (!std::isfinite(best)) return fail(Code::kDataLoss, "the model's output is not finite; its weights may be damaged");
  return best;
}

// What is taken from a logit to make it a log-probability.
double log_total_of(const VectorKernels& kernels, std::span<const float> logits, float best) {
  return std::log(kernels.sum_exp(logits.data(), best, 1.0f, static_cast<int64_t>(logits.size()))) + static_cast<double>(best);
}

float logprob_of(float logit, double log_total) { return static_cast<float>(static_cast<double>(logit) - log_total); }

std::vector<TokenLogprob> top_logprobs(std::span<const float> logits, int top, double log_total) {
  std::vector<TokenLogprob> out;
  for (const Candidate& c : best_of(logits, static_cast<size_t>(top))) out.push_back({c.token, logprob_of(c.logit, log_total)});
  return out;
}

uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

}  // namespace

bool needs_counts(const SamplingParams& params) {
  return params.repetition_penalty != 1.0f || params.presence_penalty != 0 || params.frequency_penalty != 0;
}

Status validate(const SamplingParams& params, int vocab) {
  const auto check = [](const char* name, float value, float low, float high) -> Status {
    if (std::isfinite(value) && value >= low && value <= high) return {};
    return fail(Code::kInvalidArgument, std::string(name) + " is " + std::to_string(value) + " but must be between " + std::to_string(low) +
                                            " and " + std::to_string(high));
  };
  ONDOL_TRY_STATUS(check("temperature", params.temperature, 0, 100));
  ONDOL_TRY_STATUS(check("top_p", params.top_p, 0, 1));
  ONDOL_TRY_STATUS(check("min_p", params.min_p, 0, 1));
  ONDOL_TRY_STATUS(check("repetition_penalty", params.repetition_penalty, 0.01f, 100));
  ONDOL_TRY_STATUS(check("presence_penalty", params.presence_penalty, -100, 100));
  ONDOL_TRY_STATUS(check("frequency_penalty", params.frequency_penalty, -100, 100));
  if (params.top_k < 0) return fail(Code::kInvalidArgument, "top_k is " + std::to_string(params.top_k) + " but must be 0 (off) or more");
  if (params.logprobs > 20)
    return fail(Code::kInvalidArgument, "logprobs is " + std::to_string(params.logprobs) + " but must be at most 20");
  for (const LogitBias& bias : params.logit_bias) {
    if (bias.token < 0 || bias.token >= vocab)
      return fail(Code::kInvalidArgument,
                  "logit_bias names token " + std::to_string(bias.token) + " of a vocabulary of " + std::to_string(vocab));
    ONDOL_TRY_STATUS(check("logit_bias", bias.bias, -1000, 1000));
  }
  return {};
}

double uniform(uint64_t seed, uint64_t index) {
  return static_cast<double>(mix(mix(seed) ^ mix(index + 0x5851F42D4C957F2Du)) >> 11) * 0x1.0p-53;
}

Result<TokenEvent> score(const VectorKernels& kernels, std::span<const float> logits, int32_t token, int top) {
  ONDOL_TRY(const float best, best_logit(kernels, logits));
  const double log_total = log_total_of(kernels, logits, best);
  TokenEvent event;
  event.token = token;
  event.logprob = logprob_of(logits[static_cast<size_t>(token)], log_total);
  event.top = top_logprobs(logits, top, log_total);
  return event;
}

Result<TokenEvent> sample(const VectorKernels& kernels, std::span<float> logits, const SamplingParams& params, const TokenCounts& counts,
                          uint64_t index, std::span<const uint64_t> allowed) {
  const auto n = static_cast<int64_t>(logits.size());
  ONDOL_TRY(const float best, best_logit(kernels, logits));
  TokenEvent event;
  double log_total = 0;
  if (params.logprobs >= 0) {
    log_total = log_total_of(kernels, logits, best);
    event.top = top_logprobs(logits, params.logprobs, log_total);
  }
  const bool changes = !counts.of.empty() || !params.logit_bias.empty() || !allowed.empty();
  std::vector<float> untouched;
  if (params.logprobs >= 0 && changes) untouched.assign(logits.begin(), logits.end());
  if (!counts.of.empty() || !params.logit_bias.empty()) apply_penalties(logits, params, counts);
  if (!allowed.empty()) {
    apply_mask(logits, allowed);
    if (!std::isfinite(kernels.max(logits.data(), n))) return fail(Code::kInternal, "the grammar allows no token here");
  }
  event.token = draw_token(kernels, logits, params, index);
  if (params.logprobs >= 0) {
    const float logit = untouched.empty() ? logits[static_cast<size_t>(event.token)] : untouched[static_cast<size_t>(event.token)];
    event.logprob = logprob_of(logit, log_total);
  }
  return event;
}

}  // namespace ondol
