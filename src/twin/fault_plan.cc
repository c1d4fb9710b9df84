#include "twin/fault_plan.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace ondol {
namespace {

using Kind = TwinFault::Kind;
constexpr std::array<std::pair<Kind, std::string_view>, 7> kNames = {{{Kind::kNone, "none"},
                                                                      {Kind::kHang, "hang"},
                                                                      {Kind::kSlow, "slow"},
                                                                      {Kind::kThrottle, "throttle"},
                                                                      {Kind::kCrash, "crash"},
                                                                      {Kind::kLost, "lost"},
                                                                      {Kind::kGarbage, "garbage"}}};
constexpr double kMaxSeconds = 1e9;
constexpr double kMaxFactor = 1000;

}  // namespace

FaultPlan::FaultPlan(std::vector<FloorFault> faults, uint64_t seed) : faults_(std::move(faults)), random_(seed) {
  for (const FloorFault& fault : faults_) next_s_.push_back(fault.every_s > 0 ? gap(fault.every_s) : fault.at_s);
}

std::vector<TwinFault> FaultPlan::due(double now_s) {
  std::vector<TwinFault> out;
  for (size_t i = 0; i < faults_.size(); ++i) {
    if (next_s_[i] > now_s) continue;
    out.push_back(faults_[i].fault);
    next_s_[i] = faults_[i].every_s > 0 ? now_s + gap(faults_[i].every_s) : std::numeric_limits<double>::infinity();
  }
  return out;
}

double FaultPlan::gap(double mean_s) {
  const double uniform = (static_cast<double>(random_() >> 11) + 0.5) * 0x1p-53;  // the same on every machine
  return -mean_s * std::log(uniform);
}

Result<TwinFault::Kind> parse_fault_kind(std::string_view name) {
  std::string known;
  for (const auto& [kind, text] : kNames) {
    if (text == name) return kind;
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  return fail(Code::kInvalidArgument, "there is no fault " + quoted(name) + "; the faults are " + known);
}

std::string_view fault_kind_name(TwinFault::Kind kind) {
  for (const auto& [known, text] : kNames)
    if (known == kind) return text;
  return "none";
}

Status check_fault(const TwinFault& fault) {
  if (!(fault.seconds >= 0 && fault.seconds <= kMaxSeconds)) {
    return fail(Code::kInvalidArgument, "seconds must be 0 (until it is cleared) or more");
  }
  const bool slows = fault.kind == Kind::kSlow || fault.kind == Kind::kThrottle;
  if (slows && !(fault.factor > 1 && fault.factor <= kMaxFactor)) {
    return fail(Code::kInvalidArgument, "a fault that slows down needs a factor above 1 (and at most 1000), as factor: 3");
  }
  if (!slows && fault.factor != 1) return fail(Code::kInvalidArgument, "factor goes with slow and throttle only");
  return {};
}

}  // namespace ondol
