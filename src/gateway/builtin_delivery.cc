#include "gateway/builtin_delivery.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/thread_name.h"
#include "net/http_text.h"

namespace ondol {

BuiltinDelivery::BuiltinDelivery(std::shared_ptr<BuiltinThread> thread, uint64_t id, std::shared_ptr<EndpointSink> sink, Limits limits)
    : thread_(std::move(thread)),
      id_(id),
      sink_(std::move(sink)),
      limits_(limits),
      deadline_us_(thread_->clock().now_us() + limits.first_byte_us) {}

void BuiltinDelivery::schedule() {
  deadline_us_ = state_ == State::kDone ? INT64_MAX : thread_->clock().now_us() + limits_.idle_us;
  if (deadline_us_ != INT64_MAX) thread_->expect(deadline_us_);
  if (std::exchange(scheduled_, true)) return;
  thread_->post([self = shared_from_this()] { self->drain(); });
}

void BuiltinDelivery::add_head(int status, const std::string& content_type, HttpHeaders headers) {
  if (!content_type.empty()) headers.emplace(headers.begin(), "Content-Type", content_type);
  events_.push_back({.kind = Event::Kind::kHead, .status = status, .headers = std::move(headers)});
}

void BuiltinDelivery::respond(HttpResponse response) {
  const std::scoped_lock lock(mutex_);
  if (state_ != State::kOpen) return;
  state_ = State::kDone;
  add_head(response.status, response.content_type, std::move(response.headers));
  if (!response.body.empty()) events_.push_back({.kind = Event::Kind::kData, .data = std::move(response.body)});
  events_.push_back({.kind = Event::Kind::kEnd});
  schedule();
}

void BuiltinDelivery::begin_stream(int status, const std::string& content_type, HttpHeaders headers) {
  const std::scoped_lock lock(mutex_);
  if (state_ != State::kOpen) return;
  state_ = State::kStreaming;
  add_head(status, content_type, std::move(headers));
  schedule();
}

void BuiltinDelivery::write(std::string data) {
  const std::scoped_lock lock(mutex_);
  if (state_ != State::kStreaming || data.empty()) return;
  events_.push_back({.kind = Event::Kind::kData, .data = std::move(data)});
  schedule();
}

void BuiltinDelivery::end(Status status, State needed) {
  const std::scoped_lock lock(mutex_);
  if (state_ != needed) return;
  state_ = State::kDone;
  events_.push_back({.kind = Event::Kind::kEnd, .end = std::move(status)});
  schedule();
}

void BuiltinDelivery::abort() { end(fail(Code::kDataLoss, "the answer broke off"), State::kStreaming); }

// The last one who could answer is gone.
void BuiltinDelivery::dropped() {
  HttpResponse response;
  response.status = 500;
  response.body = error_body(500, "The request was dropped without an answer.", "internal_error");
  respond(std::move(response));
  abort();
}

void BuiltinDelivery::on_disconnect(std::function<void()> callback) {
  const std::scoped_lock lock(mutex_);
  if (gone_) return thread_->post(std::move(callback));
  if (state_ != State::kDone) on_disconnect_ = std::move(callback);
}

bool BuiltinDelivery::connected() {
  const std::scoped_lock lock(mutex_);
  return !gone_;
}

void BuiltinDelivery::leave(Code code, const std::string& why) {
  const std::scoped_lock lock(mutex_);
  // An answer that is whole but not handed on yet is given up as well: the sink hears of one end only.
  const bool ended = state_ == State::kDone && events_.empty();
  if (gone_ || ended) return;
  gone_ = true;
  state_ = State::kDone;
  events_.clear();
  events_.push_back({.kind = Event::Kind::kEnd, .end = fail(code, why)});
  if (on_disconnect_) thread_->post(std::exchange(on_disconnect_, {}));
  schedule();
}

void BuiltinDelivery::expire(int64_t now_us) {
  if (now_us >= deadline_us()) leave(Code::kDeadlineExceeded, "no answer came in time from the engine in this process");
}

int64_t BuiltinDelivery::deadline_us() {
  const std::scoped_lock lock(mutex_);
  return deadline_us_;
}

void BuiltinDelivery::drain() {
  while (true) {
    Event event{};
    {
      const std::scoped_lock lock(mutex_);
      if (events_.empty()) {
        scheduled_ = false;
        return;
      }
      event = std::move(events_.front());
      events_.pop_front();
      if (event.kind == Event::Kind::kEnd) on_disconnect_ = {};
    }
    switch (event.kind) {
      case Event::Kind::kHead: sink_->on_head(event.status, event.headers); break;
      case Event::Kind::kData: sink_->on_data(event.data); break;
      case Event::Kind::kEnd:
        thread_->remove(id_);
        sink_->on_end(event.end);
        break;
    }
  }
}

BuiltinThread::BuiltinThread() : thread_([this] { run(); }) {}
BuiltinThread::~BuiltinThread() { stop(); }

void BuiltinThread::post(std::function<void()> task) {
  const std::scoped_lock lock(mutex_);
  if (stopped_) return;
  tasks_.push_back(std::move(task));
  changed_.notify_one();
}

Result<std::shared_ptr<BuiltinDelivery>> BuiltinThread::add(const std::shared_ptr<BuiltinThread>& self, std::shared_ptr<EndpointSink> sink,
                                                            BuiltinDelivery::Limits limits, size_t most) {
  const std::scoped_lock lock(mutex_);
  if (stopping_) return fail(Code::kCancelled, "the endpoint is being closed");
  if (deliveries_.size() >= most) {
    return fail(Code::kResourceExhausted, std::to_string(most) + " requests are in flight already; try again later");
  }
  const auto made = std::make_shared<BuiltinDelivery>(self, ++last_id_, std::move(sink), limits);
  deliveries_.emplace(made->id(), made);
  next_check_us_ = std::min(next_check_us_, clock_.now_us() + limits.first_byte_us);
  changed_.notify_one();
  return made;
}

void BuiltinThread::remove(uint64_t id) {
  const std::scoped_lock lock(mutex_);
  deliveries_.erase(id);
}

void BuiltinThread::cancel(uint64_t id) {
  std::shared_ptr<BuiltinDelivery> found;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto at = deliveries_.find(id); at != deliveries_.end()) found = at->second;
  }
  if (found != nullptr) found->leave(Code::kCancelled, "the request was cancelled");
}

void BuiltinThread::expect(int64_t deadline_us) {
  const std::scoped_lock lock(mutex_);
  if (deadline_us >= next_check_us_) return;
  next_check_us_ = deadline_us;
  changed_.notify_one();
}

std::vector<std::shared_ptr<BuiltinDelivery>> BuiltinThread::all() {
  std::vector<std::shared_ptr<BuiltinDelivery>> out;
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, delivery] : deliveries_) out.push_back(delivery);
  return out;
}

void BuiltinThread::check_deadlines() {
  const int64_t now_us = clock_.now_us();
  {
    const std::scoped_lock lock(mutex_);
    next_check_us_ = INT64_MAX;
  }
  for (const auto& delivery : all()) {
    delivery->expire(now_us);
    expect(delivery->deadline_us());
  }
}

void BuiltinThread::run() {
  name_this_thread("ondol-builtin");
  std::unique_lock lock(mutex_);
  while (!(stopping_ && tasks_.empty() && deliveries_.empty())) {
    const int64_t now_us = clock_.now_us();
    if (now_us >= next_check_us_) {
      lock.unlock();
      check_deadlines();
      lock.lock();
    } else if (!tasks_.empty()) {
      std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      task = nullptr;  // what it holds goes without the lock
      lock.lock();
    } else if (next_check_us_ == INT64_MAX) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, std::chrono::microseconds(next_check_us_ - now_us));
    }
  }
  stopped_ = true;
}

void BuiltinThread::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  for (const auto& delivery : all()) delivery->leave(Code::kCancelled, "the endpoint is being closed");
  {
    const std::scoped_lock lock(mutex_);
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace ondol
