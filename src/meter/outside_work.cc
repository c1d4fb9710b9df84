#include "meter/outside_work.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ondol {
namespace {

// What an engine says of its tokens is not believed beyond these.
constexpr int64_t kMaxTokens = int64_t{1} << 24;
constexpr uint64_t kEveryone = std::numeric_limits<uint64_t>::max();
constexpr double kMaxSeconds = 1e6, kMaxJoules = 1e12;

double within(double value, double most) { return value > 0 ? std::min(value, most) : 0; }  // not a number: 0

WorkCost checked(const WorkCost& cost) { return {within(cost.seconds, kMaxSeconds), within(cost.energy_j, kMaxJoules)}; }

int64_t microseconds(double seconds) { return static_cast<int64_t>(seconds * 1e6); }
double seconds(int64_t us) { return static_cast<double>(us) * 1e-6; }

}  // namespace

WorkModel generic_work_model() {
  // Of the size of what one accelerator does (150 W, 5000 tokens of a prompt a second, 50 steps a second), so that they can be weighed
  // against another engine's modelled joules.
  constexpr double kPromptTokenS = 2e-4, kPromptTokenJ = 0.03, kStepS = 0.02;
  return {
      .prefill =
          [](int64_t tokens) { return WorkCost{kPromptTokenS * static_cast<double>(tokens), kPromptTokenJ * static_cast<double>(tokens)}; },
      .decode = [](int streams, int64_t) { return WorkCost{kStepS, 10 * kPromptTokenJ * streams}; }};
}

OutsideWork::OutsideWork(std::vector<MeteredDevice> devices, WorkModel model, uint16_t engine)
    : devices_(std::move(devices)), model_(std::move(model)), engine_(engine) {}

uint64_t OutsideWork::begin(int64_t now_us, int64_t prompt_tokens, bool streams) {
  if (devices_.empty()) return 0;
  const std::scoped_lock lock(mutex_);
  if (requests_.size() >= kMaxRequests) return 0;
  const uint64_t id = ++last_id_;
  Request& request = requests_[id];
  request.streams = streams;
  request.prompt_tokens = std::clamp<int64_t>(prompt_tokens, 0, kMaxTokens);
  request.prompt = prompt_cost(request.prompt_tokens);
  request.booked_us = now_us;
  prompts_.insert(id);
  return id;
}

void OutsideWork::tokens(uint64_t id, int64_t now_us, int64_t count) {
  if (count <= 0) return;
  const std::scoped_lock lock(mutex_);
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second.ended) return;
  Request& request = found->second;
  request.streams = true;  // whatever was said
  count = std::min(count, kMaxTokens);
  if (!request.answering) {
    compute(request);
    charge(id, request, now_us, request.prompt.energy_j - request.prompt_j);
    request.prompt_j = request.prompt.energy_j;
    answer(id, request, request.booked_us);
    --count;
  }
  request.told = std::min(request.told + count, kMaxTokens);
}

void OutsideWork::end(uint64_t id, int64_t now_us, int64_t prompt_tokens, int64_t completion_tokens) {
  const std::scoped_lock lock(mutex_);
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second.ended) return;
  Request& request = found->second;
  completion_tokens = std::min(completion_tokens, kMaxTokens);
  const bool used = prompt_tokens >= 0 || completion_tokens > 0;  // then its prompt has been computed, all of it
  book_prompts(now_us, used ? id : kEveryone);
  if (prompt_tokens >= 0) {
    request.prompt_tokens = std::min(prompt_tokens, kMaxTokens);
    request.prompt = prompt_cost(request.prompt_tokens);
  }
  if (used) compute(request);
  double energy_j = used ? std::max(0.0, request.prompt.energy_j - request.prompt_j) : 0;
  const WorkCost token = token_cost(request);
  double tokens = completion_tokens > 0 && !request.streams ? 0 : tokens_until(request, token, now_us);
  if (completion_tokens > 0) tokens = std::max(tokens, static_cast<double>(completion_tokens - 1) - request.tokens);
  energy_j += tokens * token.energy_j;
  if (request.computing) charge(id, request, now_us, energy_j);
  leave(id, request, now_us);
  request.ended = true;
}

EnergyAccount OutsideWork::finish(uint64_t id, const std::string& model) {
  EnergyAccount sum{.source = EnergySource::kEstimate};
  const std::scoped_lock lock(mutex_);
  const auto found = requests_.find(id);
  if (found == requests_.end()) return sum;
  if (!found->second.ended) leave(id, found->second, found->second.booked_us);
  requests_.erase(found);
  bool any = false;
  for (const MeteredDevice& device : devices_) {
    const EnergyAccount account = device.meter->finish(engine_ << 48 | id);
    if (device.metrics != nullptr) device.metrics->request(model, device.name, account.energy_j);
    if (account.device_s <= 0 && account.energy_j <= 0) continue;
    sum.source = any ? std::max(sum.source, account.source) : account.source;
    sum.energy_j += account.energy_j;
    sum.device_s += account.device_s;
    any = true;
  }
  return sum;
}

void OutsideWork::book(int64_t now_us) {
  const std::scoped_lock lock(mutex_);
  book_prompts(now_us, kEveryone);
  for (auto& [id, request] : requests_) {
    if (request.answering && !request.ended) book_answer(id, request, now_us);
  }
}

// From the oldest on, those before `before`: who does not stream is done when its time is over, and makes room for the next.
void OutsideWork::book_prompts(int64_t now_us, uint64_t before) {
  while (!prompts_.empty() && *prompts_.begin() < before) {
    const uint64_t id = *prompts_.begin();
    Request& request = requests_.at(id);
    compute(request);
    if (request.streams) return book_prompt(id, request, now_us);
    const int64_t done_us = request.begun_us + microseconds(request.prompt.seconds);
    book_prompt(id, request, std::min(now_us, done_us));
    if (done_us > now_us) return;
    answer(id, request, done_us);
  }
}

// The engine has come to its prompt, at the earliest when the one before was done.
void OutsideWork::compute(Request& request) const {
  if (std::exchange(request.computing, true)) return;
  request.booked_us = request.begun_us = std::max(request.booked_us, free_us_);
}

void OutsideWork::book_prompt(uint64_t id, Request& request, int64_t now_us) {
  if (now_us <= request.booked_us) return;
  const double left_j = request.prompt.energy_j - request.prompt_j;
  const double share = request.prompt.seconds > 0 ? seconds(now_us - request.booked_us) / request.prompt.seconds : 1;
  const double energy_j = std::min(left_j, request.prompt.energy_j * share);
  charge(id, request, now_us, energy_j);
  request.prompt_j += energy_j;
}

void OutsideWork::book_answer(uint64_t id, Request& request, int64_t now_us) {
  if (now_us <= request.booked_us) return;
  const WorkCost token = token_cost(request);
  const double tokens = tokens_until(request, token, now_us);
  charge(id, request, now_us, tokens * token.energy_j);
  request.tokens += tokens;
  request.told = 0;
}

// Its prompt is done; the next one's turn.
void OutsideWork::answer(uint64_t id, Request& request, int64_t now_us) {
  prompts_.erase(id);
  request.answering = true;
  request.booked_us = std::max(request.booked_us, now_us);
  free_us_ = std::max(free_us_, now_us);
  ++streams_;
}

// It does nothing any more.
void OutsideWork::leave(uint64_t id, const Request& request, int64_t now_us) {
  if (request.answering) {
    --streams_;
  } else {
    prompts_.erase(id);
    if (request.computing) free_us_ = std::max(free_us_, now_us);
  }
}

WorkCost OutsideWork::prompt_cost(int64_t tokens) const { return tokens > 0 ? checked(model_.prefill(tokens)) : WorkCost{}; }

// The next token of its answer: its share of one step of the engine as it is now.
WorkCost OutsideWork::token_cost(const Request& request) const {
  const int streams = std::max(1, streams_);
  const int64_t context = request.prompt_tokens + std::min(static_cast<int64_t>(request.tokens), kMaxTokens) + request.told;
  WorkCost cost = checked(model_.decode(streams, context));
  cost.energy_j /= streams;
  return cost;
}

// How many tokens it has had since it was booked: those that came, or as many as there were steps.
double OutsideWork::tokens_until(const Request& request, const WorkCost& token, int64_t now_us) const {
  if (request.streams) return static_cast<double>(request.told);
  if (!request.answering || now_us <= request.booked_us || token.seconds <= 0) return 0;
  return std::min(seconds(now_us - request.booked_us) / token.seconds, static_cast<double>(kMaxTokens));
}

// Books energy on all devices alike, over the time since the request was booked last.
void OutsideWork::charge(uint64_t id, Request& request, int64_t now_us, double energy_j) const {
  const int64_t from_us = std::exchange(request.booked_us, std::max(request.booked_us, now_us));
  if (from_us == request.booked_us && energy_j <= 0) return;
  const double weight = std::max(0.0, energy_j) / static_cast<double>(devices_.size());
  for (const MeteredDevice& device : devices_) device.meter->work(engine_ << 48 | id, from_us, request.booked_us, weight);
}

}  // namespace ondol
