// What compiling a grammar may cost, and the meter that holds it to that.
//
// Owner: GrammarLimits is a value; a CompileBudget belongs to one compilation, one thread. Bounded: every loop of the compilers that can
// grow with the source asks the budget, so a hostile schema or pattern gets kInvalidArgument or kResourceExhausted, never a hang.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace ondol {

struct GrammarLimits {
  size_t max_source_bytes = 1 << 20;  // of all literals, patterns and schemas together
  size_t max_nodes = 300'000;         // of the automaton; it has at most 8 edges a node on average
  int max_schema_depth = 64;          // nesting of the schema's JSON, and of groups in a pattern
  size_t max_refs = 10'000;           // `$ref`s followed
  size_t max_dfa_states = 60'000;     // of one pattern, or of what a string must satisfy altogether
  int max_answer_depth = 32;          // arrays and objects open at one time in an answer
  int64_t time_us = 2'000'000;        // of compiling
  const Clock* clock = nullptr;       // outlives the call; nothing: the machine's steady clock
};

class CompileBudget {
 public:
  explicit CompileBudget(const GrammarLimits& limits) : limits_(limits), clock_(limits.clock ? limits.clock : &steady_) {
    deadline_us_ = clock_->now_us() + limits.time_us;
  }
  CompileBudget(const CompileBudget&) = delete;
  CompileBudget& operator=(const CompileBudget&) = delete;

  const GrammarLimits& limits() const { return limits_; }

  // kResourceExhausted once the time is used up. Looks at the clock every 64th time.
  Status check_time() {
    if (late_) return too_late();
    if ((++calls_ & 63) != 0) return {};
    late_ = clock_->now_us() > deadline_us_;
    return late_ ? too_late() : Status{};
  }

 private:
  Status too_late() const {
    return fail(Code::kResourceExhausted, "compiling the grammar takes longer than " + std::to_string(limits_.time_us / 1000) +
                                              " ms; simplify the schema or pattern (fewer branches, smaller counts)");
  }

  GrammarLimits limits_;
  SteadyClock steady_;
  const Clock* clock_;
  int64_t deadline_us_ = 0;
  uint32_t calls_ = 63;
  bool late_ = false;
};

}  // namespace ondol
