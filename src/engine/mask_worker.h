// Works out what grammars allow next, on a thread of its own, while the forward pass runs.
//
// Owner: the core, which starts a round before the pass and waits for it behind the pass; one thread calls. The thread exists from the
// first round on. Bounded: a round has one job for each running sequence.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "grammar/matcher.h"

namespace ondol {

class MaskWorker {
 public:
  // `allowed` gets the matcher's mask; it stays empty if there was no memory for it. Both outlive the round.
  struct Job {
    GrammarMatcher* matcher;
    std::span<const uint64_t>* allowed;
  };

  MaskWorker() = default;
  ~MaskWorker();
  MaskWorker(const MaskWorker&) = delete;
  MaskWorker& operator=(const MaskWorker&) = delete;

  void start(std::vector<Job> jobs);
  void wait();  // for the round; at once if there is none

 private:
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Job> jobs_;
  bool busy_ = false;
  std::jthread thread_;
};

}  // namespace ondol
