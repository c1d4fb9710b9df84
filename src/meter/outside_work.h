// The work of an engine that is seen only from outside: requests go in, tokens come back. Booked on the meters of the devices it has.
//
// Owner: one per endpoint, of the door. Any thread (a short lock). Pure: times are passed in. Bounded: kMaxRequests in flight are told
// apart; further ones are not booked, and have empty accounts.
//
// A prompt is charged while it is computed, a stream for each token that came, an answer that does not stream for the tokens that a stream
// would have had by then. Engines take prompts in the order of arrival: only the oldest prompt without a token is being computed, the
// others wait and cost nothing. A prompt or a stream that is slower than its model says keeps its devices busy, but weighs no more: it pays
// what no other request does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "meter/metered_device.h"

namespace ondol {

struct WorkCost {
  double seconds = 0, energy_j = 0;  // of all the engine's devices together
};

// What work costs. Pure functions, called under the lock of OutsideWork: about a microsecond.
struct WorkModel {
  std::function<WorkCost(int64_t tokens)> prefill;               // one prompt
  std::function<WorkCost(int streams, int64_t context)> decode;  // one step of so many streams, each with so many tokens before it
};
// Without a cost model: a token of an answer costs ten times a token of a prompt.
WorkModel generic_work_model();

class OutsideWork {
 public:
  static constexpr size_t kMaxRequests = 1 << 14;

  // `engine` tells the requests of several engines on one device apart (the upper 16 bits of their ids at the meters). `devices` may be
  // empty: then there is nothing to book, and accounts are empty estimates.
  OutsideWork(std::vector<MeteredDevice> devices, WorkModel model, uint16_t engine);

  // A request was sent. `prompt_tokens`: as far as it is known. The id is for the calls below.
  uint64_t begin(int64_t now_us, int64_t prompt_tokens, bool streams);
  // Tokens of its answer came.
  void tokens(uint64_t id, int64_t now_us, int64_t count);
  // Its answer has ended, however: what it did until now is booked. `prompt_tokens`, `completion_tokens`: what its usage said; -1 =
  // nothing. `finish` follows, after the devices were read.
  void end(uint64_t id, int64_t now_us, int64_t prompt_tokens, int64_t completion_tokens);
  // Closes its accounts at all devices, under the model on /metrics: joules and device seconds summed, the weakest source.
  EnergyAccount finish(uint64_t id, const std::string& model);

  // Books what is in flight up to now. Called before each reading of one of the devices, so that the reading finds it.
  void book(int64_t now_us);

  const std::vector<MeteredDevice>& devices() const { return devices_; }

 private:
  struct Request {
    bool streams = false;
    bool computing = false;  // its prompt is, or was: the engine has come to it
    bool answering = false;  // its prompt is done
    bool ended = false;
    int64_t prompt_tokens = 0;
    WorkCost prompt;        // of all of its prompt
    double prompt_j = 0;    // booked of that
    int64_t booked_us = 0;  // what it did until then is booked
    int64_t begun_us = 0;   // its prompt
    int64_t told = 0;       // tokens that came and are not booked
    double tokens = 0;      // booked; without the first, which is the prompt's
  };

  void compute(Request& request) const;
  void book_prompt(uint64_t id, Request& request, int64_t now_us);
  void book_prompts(int64_t now_us, uint64_t before);
  void book_answer(uint64_t id, Request& request, int64_t now_us);
  void answer(uint64_t id, Request& request, int64_t now_us);
  WorkCost prompt_cost(int64_t tokens) const;
  WorkCost token_cost(const Request& request) const;
  double tokens_until(const Request& request, const WorkCost& token, int64_t now_us) const;
  void charge(uint64_t id, Request& request, int64_t now_us, double energy_j) const;
  void leave(uint64_t id, const Request& request, int64_t now_us);

  const std::vector<MeteredDevice> devices_;
  const WorkModel model_;
  const uint64_t engine_;
  std::mutex mutex_;
  std::map<uint64_t, Request> requests_;  // by id: in the order of arrival
  std::set<uint64_t> prompts_;            // those without a token
  uint64_t last_id_ = 0;
  int streams_ = 0;      // requests whose answers are being made
  int64_t free_us_ = 0;  // when the engine had done the last prompt before the oldest
};

}  // namespace ondol
