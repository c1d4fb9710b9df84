#include "meter/idle_share.h"

#include <algorithm>
#include <cmath>

namespace ondol {
namespace {

double weight_of(uint64_t bytes) { return std::max(1.0, static_cast<double>(bytes)); }  // of unknown size: there all the same

}  // namespace

IdleShare::Model& IdleShare::find(const std::string& name) {
  const auto found = models_.find(name);
  if (found != models_.end()) return found->second;
  return models_[models_.size() < kMaxNames ? name : kOther];
}

double IdleShare::bytes() const {
  double sum = 0;
  for (const auto& [name, model] : models_) sum += model.bytes;
  return sum;
}

void IdleShare::pass(int64_t now_us) {
  if (now_us <= last_us_) return;
  const auto passed_us = static_cast<double>(now_us - last_us_);
  (bytes() > 0 ? taken_us_ : empty_us_) += passed_us;
  for (auto& [name, model] : models_) model.byte_us += model.bytes * passed_us;
  last_us_ = now_us;
}

void IdleShare::arrive(const std::string& model, uint64_t bytes, int64_t now_us) {
  const std::scoped_lock lock(mutex_);
  pass(now_us);
  find(model).bytes += weight_of(bytes);
}

void IdleShare::leave(const std::string& model, uint64_t bytes, int64_t now_us) {
  const std::scoped_lock lock(mutex_);
  pass(now_us);
  Model& gone = find(model);
  gone.bytes = std::max(0.0, gone.bytes - weight_of(bytes));
}

void IdleShare::follow(int64_t now_us, double idle_j) {
  const std::scoped_lock lock(mutex_);
  pass(now_us);
  if (!std::isfinite(idle_j) || idle_j < 0) return;
  const double new_j = idle_j >= seen_j_ ? idle_j - seen_j_ : idle_j;
  seen_j_ = idle_j;
  if (taken_us_ + empty_us_ == 0) (bytes() > 0 ? taken_us_ : empty_us_) = 1;  // all at once: those who are there now
  double byte_us = 0;
  for (const auto& [name, model] : models_) byte_us += model.byte_us;
  const double taken_j = new_j * taken_us_ / (taken_us_ + empty_us_);
  double left_j = new_j;
  for (auto& [name, model] : models_) {
    const double part = byte_us > 0 ? model.byte_us / byte_us : taken_us_ > 0 ? model.bytes / bytes() : 0;
    model.energy_j += taken_j * part;
    left_j -= taken_j * part;
    model.byte_us = 0;
  }
  if (empty_us_ > 0) nobody_j_ += std::max(0.0, left_j);
  taken_us_ = empty_us_ = 0;
}

std::map<std::string, double> IdleShare::shares() const {
  const std::scoped_lock lock(mutex_);
  std::map<std::string, double> out;
  for (const auto& [name, model] : models_) out[name] += model.energy_j;
  if (nobody_j_ > 0) out[kNobody] += nobody_j_;
  return out;
}

}  // namespace ondol
