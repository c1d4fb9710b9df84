#include "door/endpoint_board.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace ondol {
namespace {

bool lists_model(const EndpointSight& sight, std::string_view model) {
  return std::ranges::any_of(sight.models, [&](const EndpointModel& listed) { return listed.id == model; });
}

}  // namespace

std::optional<size_t> least_loaded(const std::vector<EndpointSight>& endpoints, std::string_view model, const std::vector<size_t>& tried) {
  std::optional<size_t> best;
  const auto key = [&](size_t i) { return std::tie(endpoints[i].in_flight, endpoints[i].last_used); };
  for (size_t i = 0; i < endpoints.size(); ++i) {
    if (endpoints[i].state != EndpointState::kReady || !lists_model(endpoints[i], model)) continue;
    if (std::ranges::find(tried, i) != tried.end()) continue;
    if (!best || key(i) < key(*best)) best = i;
  }
  return best;
}

void EndpointBoard::set_state(size_t index, EndpointState state, std::string reason) {
  const std::scoped_lock lock(mutex_);
  sights_.at(index).state = state;
  sights_[index].reason = std::move(reason);
}

void EndpointBoard::set_models(size_t index, std::vector<EndpointModel> models) {
  const std::scoped_lock lock(mutex_);
  sights_.at(index).models = std::move(models);
}

bool EndpointBoard::lists(std::string_view model) const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(sights_, [&](const EndpointSight& sight) { return lists_model(sight, model); });
}

std::optional<size_t> EndpointBoard::take(std::string_view model, const std::vector<size_t>& tried) {
  const std::scoped_lock lock(mutex_);
  const std::optional<size_t> chosen = least_loaded(sights_, model, tried);
  if (!chosen) return chosen;
  ++sights_[*chosen].in_flight;
  sights_[*chosen].last_used = ++choices_;
  return chosen;
}

void EndpointBoard::release(size_t index) {
  const std::scoped_lock lock(mutex_);
  if (sights_.at(index).in_flight > 0) --sights_[index].in_flight;
}

std::vector<EndpointSight> EndpointBoard::sights() const {
  const std::scoped_lock lock(mutex_);
  return sights_;
}

}  // namespace ondol
