// Private to this room: the answers of one connection, as bytes on their way to the socket.
//
// Owner: one Connection. Two sides: the application answers the current exchange from any thread; the connection's strand takes what is
// to be sent next. Both hold `mutex_` for a copy at most. Bounded: a stream with more than max_pending_bytes unsent is cut off.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "net/http.h"

namespace ondol {

// What an outbox needs from its connection.
class OutboxOwner {
 public:
  virtual ~OutboxOwner() = default;
  virtual bool on_strand() const = 0;
  virtual void post_flush() = 0;  // called under the outbox's lock: after close() none comes
  virtual void flush() = 0;       // on the strand: take() and send
  virtual void run_on_server(std::function<void()> callback) = 0;
  virtual void count_answer(int status) = 0;
};

class Outbox {
 public:
  Outbox(OutboxOwner& owner, size_t max_pending_bytes, const std::atomic<bool>& draining)
      : owner_(owner), max_pending_bytes_(max_pending_bytes), draining_(draining) {}

  // Any thread. `id` is from begin(); nothing happens if that exchange is answered already or the client is gone.
  void respond(uint64_t id, const HttpResponse& response);
  void begin_stream(uint64_t id, int status, std::string_view content_type, const HttpHeaders& headers);
  void write(uint64_t id, std::string_view data);
  void finish(uint64_t id);
  void abort(uint64_t id);
  void dropped(uint64_t id);  // the last reference is gone: 500 if nothing was said, abort if a stream did not end
  void on_disconnect(uint64_t id, std::function<void()> callback);
  bool connected();

  // Strand.
  struct RequestTraits {
    bool head = false, http10 = false, keep_alive = false;
  };
  uint64_t begin(const RequestTraits& traits);
  void interim(std::string_view text);  // "100 Continue"

  // What the connection does next; kSend hands bytes over, kNothing until the next flush().
  enum class Next { kNothing, kSend, kNextRequest, kLinger, kReset, kCutOff };
  Next take(std::string& sending);
  void in_flight(size_t bytes);  // of what take() gave, not yet accepted by the kernel
  // The client is gone: returns the on_disconnect callback if there is one to be called.
  std::function<void()> close();

 private:
  enum class State { kNone, kOpen, kStreaming, kDone };

  template <class Change>
  void change(uint64_t id, State needed, Change apply);
  void append_response(const HttpResponse& response);
  void end(std::function<void()>& forget);
  bool keep_alive() const { return traits_.keep_alive && !draining_.load(std::memory_order_relaxed); }

  OutboxOwner& owner_;
  const size_t max_pending_bytes_;
  const std::atomic<bool>& draining_;

  std::mutex mutex_;
  uint64_t id_ = 0;
  State state_ = State::kNone;
  RequestTraits traits_;
  bool chunked_ = false, close_after_ = false, reset_ = false;
  bool flush_coming_ = false, cut_off_ = false, gone_ = false;
  std::string pending_;
  size_t in_flight_bytes_ = 0;
  std::function<void()> on_disconnect_;
};

}  // namespace ondol
