// Private to the built-in endpoint: one request's answer on its way from the Api to a sink, and the thread that all of them share.
//
// Owner: BuiltinThread, until the answer has ended; the exchange holds it as well. Any thread but `drain`.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "endpoint/endpoint.h"

namespace ondol {

class BuiltinThread;

class BuiltinDelivery : public std::enable_shared_from_this<BuiltinDelivery> {
 public:
  struct Limits {
    int64_t first_byte_us, idle_us;
  };
  BuiltinDelivery(std::shared_ptr<BuiltinThread> thread, uint64_t id, std::shared_ptr<EndpointSink> sink, Limits limits);

  // As the calls of Exchange.
  void respond(HttpResponse response);
  void begin_stream(int status, const std::string& content_type, HttpHeaders headers);
  void write(std::string data);
  void finish() { end({}, State::kStreaming); }
  void abort();
  void dropped();
  void on_disconnect(std::function<void()> callback);
  bool connected();

  // The other side leaves: the sink gets the error, the Api its on_disconnect. Nothing if it has ended.
  void leave(Code code, const std::string& why);
  void expire(int64_t now_us);  // leaves if its time is over
  int64_t deadline_us();        // INT64_MAX = none
  void drain();                 // on the thread: hands on what has come

  uint64_t id() const { return id_; }
  BuiltinThread& thread() { return *thread_; }

 private:
  enum class State { kOpen, kStreaming, kDone };
  struct Event {
    enum class Kind { kHead, kData, kEnd } kind;
    int status = 0;
    HttpHeaders headers = {};
    std::string data = {};
    Status end = {};
  };
  void end(Status status, State needed);
  void add_head(int status, const std::string& content_type, HttpHeaders headers);
  void schedule();  // under the lock

  const std::shared_ptr<BuiltinThread> thread_;
  const uint64_t id_;
  const std::shared_ptr<EndpointSink> sink_;
  const Limits limits_;
  std::mutex mutex_;
  State state_ = State::kOpen;
  bool gone_ = false, scheduled_ = false;
  int64_t deadline_us_;
  std::deque<Event> events_;
  std::function<void()> on_disconnect_;
};

class BuiltinThread {
 public:
  BuiltinThread();
  ~BuiltinThread();

  void post(std::function<void()> task);  // dropped once it has stopped
  // The request's id; kResourceExhausted beyond `most`, kCancelled once it stops.
  Result<std::shared_ptr<BuiltinDelivery>> add(const std::shared_ptr<BuiltinThread>& self, std::shared_ptr<EndpointSink> sink,
                                               BuiltinDelivery::Limits limits, size_t most);
  void remove(uint64_t id);
  void cancel(uint64_t id);
  void expect(int64_t deadline_us);  // look at the deadlines then
  void stop();                       // ends all with kCancelled, joins
  const Clock& clock() const { return clock_; }

 private:
  void run();
  void check_deadlines();
  std::vector<std::shared_ptr<BuiltinDelivery>> all();

  SteadyClock clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::unordered_map<uint64_t, std::shared_ptr<BuiltinDelivery>> deliveries_;
  uint64_t last_id_ = 0;
  int64_t next_check_us_ = INT64_MAX;
  bool stopping_ = false, stopped_ = false;
  std::thread thread_;
};

}  // namespace ondol
