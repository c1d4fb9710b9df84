#include "meter/meter.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ondol {
namespace {

double seconds(int64_t us) { return static_cast<double>(us) * 1e-6; }

}  // namespace

std::string_view energy_source_name(EnergySource source) {
  switch (source) {
    case EnergySource::kCounter: return "counter";
    case EnergySource::kPower: return "power";
    case EnergySource::kEstimate: return "estimate";
  }
  return "estimate";
}

void DeviceMeter::work(uint64_t id, int64_t begin_us, int64_t end_us, double weight) {
  if (end_us < begin_us) return;
  if (end_us == begin_us) ++end_us;  // shorter than the clock can tell
  if (!std::isfinite(weight) || weight < 0) weight = 0;
  const std::scoped_lock lock(mutex_);
  if (last_us_ && end_us <= *last_us_) return;
  bool claimed = accounts_.contains(id);
  if (!claimed && accounts_.size() < kMaxRequests && !finished_.contains(id)) {
    accounts_.emplace(id, EnergyAccount{.source = EnergySource::kEstimate});
    claimed = true;
  }
  works_.push_back({id, claimed, begin_us, end_us, weight / static_cast<double>(end_us - begin_us)});
  if (works_.size() >= kMaxWorks) merge_works();
}

// Only while no reading comes: the works of a request become one, from the first to the last of them. Its gaps count as busy, then.
void DeviceMeter::merge_works() {
  for (Work& work : works_) {
    work.claimed = work.claimed && accounts_.contains(work.id);
    if (!work.claimed) work.id = 0;
  }
  const auto key = [](const Work& work) { return std::pair(work.claimed, work.id); };
  std::sort(works_.begin(), works_.end(), [&](const Work& a, const Work& b) { return key(a) < key(b); });
  std::vector<Work> merged;
  for (const Work& work : works_) {
    if (merged.empty() || key(merged.back()) != key(work)) {
      merged.push_back(work);
      continue;
    }
    Work& into = merged.back();
    const auto weight = [](const Work& of) { return of.rate * static_cast<double>(of.end_us - of.begin_us); };
    const double sum = weight(into) + weight(work);
    into.begin_us = std::min(into.begin_us, work.begin_us);
    into.end_us = std::max(into.end_us, work.end_us);
    into.rate = sum / static_cast<double>(into.end_us - into.begin_us);
  }
  works_ = std::move(merged);
}

bool DeviceMeter::begins(int64_t at_us) {
  if (last_us_ && at_us >= *last_us_) return false;
  begin_anew(at_us);
  return true;
}

void DeviceMeter::begin_anew(int64_t at_us) {
  last_us_ = at_us;
  last_power_w_.reset();
  counter_.reset();
  std::erase_if(works_, [&](const Work& work) { return work.end_us <= at_us; });
}

void DeviceMeter::power(int64_t at_us, double power_w) {
  if (!std::isfinite(power_w) || power_w < 0) return;
  const std::scoped_lock lock(mutex_);
  if (!begins(at_us)) {
    const double mean_w = (last_power_w_.value_or(power_w) + power_w) / 2;
    close(at_us, mean_w * seconds(at_us - *last_us_), EnergySource::kPower);
  }
  last_power_w_ = power_w;
}

void DeviceMeter::counter(int64_t at_us, double energy_j) {
  if (!std::isfinite(energy_j)) return;
  const std::scoped_lock lock(mutex_);
  if (!begins(at_us)) {
    if (counter_ && energy_j >= counter_->last_j) {
      counter_->last_j = energy_j;
      // Microjoules of two readings at one time wait for the next; so does what estimates had booked too much.
      if (at_us == *last_us_) return;
      close(at_us, std::max(0.0, energy_j - counter_->origin_j - counter_->booked_j), EnergySource::kCounter);
      return;
    }
    // The first value tells nothing yet, nor does one after a reset: power may.
    if (!counter_ && last_power_w_) {
      close(at_us, *last_power_w_ * seconds(at_us - *last_us_), EnergySource::kPower);
    } else {
      begin_anew(at_us);
    }
  }
  counter_ = CounterState{.origin_j = energy_j, .last_j = energy_j, .booked_j = 0};
}

void DeviceMeter::estimate(int64_t at_us, double busy_power_w) {
  if (!std::isfinite(busy_power_w) || busy_power_w < 0) busy_power_w = idle_power_w_;
  const std::scoped_lock lock(mutex_);
  last_power_w_.reset();  // of an earlier time
  if (begins(at_us)) return;
  const int64_t busy = busy_us(at_us);
  close(at_us, idle_power_w_ * seconds(at_us - *last_us_ - busy) + busy_power_w * seconds(busy), EnergySource::kEstimate);
}

int64_t DeviceMeter::busy_us(int64_t at_us) {
  std::sort(works_.begin(), works_.end(), [](const Work& a, const Work& b) { return a.begin_us < b.begin_us; });
  int64_t busy = 0, covered_us = *last_us_;
  for (const Work& work : works_) {
    const int64_t begin = std::max(work.begin_us, covered_us);
    const int64_t end = std::min(work.end_us, at_us);
    if (end <= begin) continue;
    busy += end - begin;
    covered_us = end;
  }
  return busy;
}

void DeviceMeter::close(int64_t at_us, double energy_j, EnergySource source) {
  if (at_us == *last_us_) return;
  const int64_t busy = busy_us(at_us);
  const double idle_s = seconds(at_us - *last_us_ - busy);
  const double idle_j = busy == 0 ? energy_j : std::min(energy_j, std::max(0.0, idle_power_w_ * idle_s));
  totals_.idle_s += idle_s;
  totals_.busy_s += seconds(busy);
  totals_.device_j += energy_j;
  totals_.idle_j += idle_j;
  totals_.requests_j += energy_j - idle_j;
  if (counter_) counter_->booked_j += energy_j;
  if (busy > 0) share(at_us, energy_j - idle_j, seconds(busy), source);
  std::erase_if(works_, [&](const Work& work) { return work.end_us <= at_us; });
  last_us_ = at_us;
}

void DeviceMeter::share(int64_t at_us, double energy_j, double busy_s, EnergySource source) {
  const auto overlap = [&](const Work& work) {
    return static_cast<double>(std::max<int64_t>(0, std::min(work.end_us, at_us) - std::max(work.begin_us, *last_us_)));
  };
  double weights = 0, times = 0;
  for (const Work& work : works_) {
    weights += work.rate * overlap(work);
    times += overlap(work);
  }
  for (const Work& work : works_) {
    const double time = overlap(work);
    if (time <= 0) continue;
    // Works that say nothing of their weight share by time.
    const double part = weights > 0 ? work.rate * time / weights : time / times;
    const auto found = work.claimed ? accounts_.find(work.id) : accounts_.end();
    if (found == accounts_.end()) {
      totals_.unclaimed_j += energy_j * part;
      continue;
    }
    EnergyAccount& account = found->second;
    account.source = account.device_s > 0 ? std::max(account.source, source) : source;
    account.energy_j += energy_j * part;
    account.device_s += busy_s * part;
  }
}

EnergyAccount DeviceMeter::account(uint64_t id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = accounts_.find(id);
  return found == accounts_.end() ? EnergyAccount{.source = EnergySource::kEstimate} : found->second;
}

EnergyAccount DeviceMeter::finish(uint64_t id) {
  const std::scoped_lock lock(mutex_);
  EnergyAccount account{.source = EnergySource::kEstimate};
  if (const auto found = accounts_.find(id); found != accounts_.end()) {
    account = found->second;
    accounts_.erase(found);
  }
  if (!finished_.insert(id).second) return account;
  finished_order_.push_back(id);
  if (finished_order_.size() > kMaxFinished) {
    finished_.erase(finished_order_.front());
    finished_order_.pop_front();
  }
  return account;
}

MeterTotals DeviceMeter::totals() const {
  const std::scoped_lock lock(mutex_);
  return totals_;
}

}  // namespace ondol
