// One request on its way through the door.
//
// Owner: its endpoint while it is there, as a sink; the exchange's disconnect callback knows it weakly. `start` and `leave`: any thread;
// the sink's calls come one after the other. Bounded: Door::kMaxWholeBytes of an answer that does not stream, EventSplitter's of one that
// does.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "door/answer_tap.h"
#include "door/door_state.h"
#include "door/request_peek.h"

namespace ondol {

class Forward final : public EndpointSink, public std::enable_shared_from_this<Forward> {
 public:
  Forward(Door::State& door, std::shared_ptr<Exchange> exchange, RequestPeek peek, std::string request_id);

  // Sends it to an endpoint, or answers that none can take it.
  void start();

  void on_head(int status, const HttpHeaders& headers) override;
  void on_data(std::string_view bytes) override;
  void on_end(const Status& status) override;

 private:
  enum class Mode { kNone, kEvents, kWhole };

  void try_next(const Error& last);
  Status send_to(size_t index);
  EndpointRequest request() const;
  void leave();  // the client has left
  bool left();
  void take_event(std::string_view event, std::string& out);
  void hold(std::string_view bytes);
  void let_go();
  // Ends the work at the devices' meters; what the answer is to say of it. Once; empty afterwards, and without devices.
  std::string account(int64_t prompt_tokens, int64_t completion_tokens);
  void end_whole();
  void end_events();
  void end_broken(const Error& error);

  Door::State& door_;
  const std::shared_ptr<Exchange> exchange_;
  const RequestPeek peek_;
  const std::string request_id_;
  const bool asks_for_usage_;  // although the client did not
  const int64_t received_us_;

  std::vector<size_t> tried_;
  size_t at_ = SIZE_MAX;  // the endpoint
  // Where to cancel: an attempt may end, and the next one begin, before `send` of the first has returned.
  std::mutex place_mutex_;
  size_t attempt_ = 0;
  uint64_t id_ = 0;  // of the attempt, at its endpoint; 0 = not known yet
  bool left_ = false;

  uint64_t work_id_ = 0;
  bool working_ = false;
  int64_t sent_us_ = 0, first_us_ = 0, tokens_ = 0;
  Mode mode_ = Mode::kNone;
  int status_ = 0;
  bool too_large_ = false;
  HttpHeaders headers_;
  std::string content_type_, whole_;
  EventSplitter splitter_;
};

}  // namespace ondol
