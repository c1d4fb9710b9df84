#include "net/outbox.h"

#include <utility>

#include "net/http_text.h"

namespace ondol {
namespace {

constexpr size_t kKeptBytes = 16 << 10;  // capacity that stays with a connection between answers

}  // namespace

// Applies a change to exchange `id` if it is in the state `needed`, then sees to it that the strand sends. What `apply` puts into its
// argument is destroyed after unlocking: a callback may hold the last reference to an Exchange, whose destructor comes back here.
template <class Change>
void Outbox::change(uint64_t id, State needed, Change apply) {
  std::function<void()> forget;
  bool flush_here = false;
  {
    const std::scoped_lock lock(mutex_);
    if (id != id_ || state_ != needed || gone_ || cut_off_) return;
    apply(forget);
    if (!std::exchange(flush_coming_, true) || cut_off_) {
      flush_here = owner_.on_strand() && !cut_off_;  // a cut-off calls back the application, so never from inside its own call
      if (!flush_here) owner_.post_flush();
    }
  }
  if (flush_here) owner_.flush();
}

void Outbox::append_response(const HttpResponse& response) {
  const bool no_body = has_no_body(response.status);
  const ResponseHead head{.status = response.status,
                          .content_type = no_body ? std::string_view{} : response.content_type,
                          .framing = no_body ? BodyFraming::kNone : BodyFraming::kLength,
                          .content_length = response.body.size(),
                          .keep_alive = keep_alive(),
                          .http10 = traits_.http10};
  close_after_ = !head.keep_alive;
  append_head(pending_, head, response.headers);
  if (!no_body && !traits_.head) pending_ += response.body;
  owner_.count_answer(response.status);
}

void Outbox::end(std::function<void()>& forget) {
  state_ = State::kDone;
  forget.swap(on_disconnect_);
}

void Outbox::respond(uint64_t id, const HttpResponse& response) {
  change(id, State::kOpen, [&](auto& forget) {
    append_response(response);
    end(forget);
  });
}

void Outbox::begin_stream(uint64_t id, int status, std::string_view content_type, const HttpHeaders& headers) {
  change(id, State::kOpen, [&](auto&) {
    const bool no_body = has_no_body(status);
    chunked_ = !no_body && !traits_.http10;
    close_after_ = !keep_alive() || (!no_body && !chunked_);
    const ResponseHead head{.status = status,
                            .content_type = no_body ? std::string_view{} : content_type,
                            .framing = no_body    ? BodyFraming::kNone
                                       : chunked_ ? BodyFraming::kChunked
                                                  : BodyFraming::kUntilClose,
                            .keep_alive = !close_after_,
                            .http10 = traits_.http10};
    append_head(pending_, head, headers);
    if (no_body) traits_.head = true;
    state_ = State::kStreaming;
    owner_.count_answer(status);
  });
}

void Outbox::write(uint64_t id, std::string_view data) {
  change(id, State::kStreaming, [&](auto&) {
    if (traits_.head) return;
    const size_t unsent = pending_.size() + in_flight_bytes_;
    if (unsent > 0 && unsent + data.size() > max_pending_bytes_) {
      cut_off_ = true;
      pending_ = {};
    } else if (chunked_) {
      append_chunk(pending_, data);
    } else {
      pending_ += data;
    }
  });
}

void Outbox::finish(uint64_t id) {
  change(id, State::kStreaming, [&](auto& forget) {
    if (chunked_ && !traits_.head) pending_ += kLastChunk;
    end(forget);
  });
}

void Outbox::abort(uint64_t id) {
  change(id, State::kStreaming, [&](auto& forget) {
    close_after_ = true;
    reset_ = !chunked_;
    end(forget);
  });
}

void Outbox::dropped(uint64_t id) {
  change(id, State::kOpen, [&](auto& forget) {
    HttpResponse response;
    response.status = 500;
    response.body = error_body(500, "the request was dropped without an answer", "internal_error");
    append_response(response);
    end(forget);
  });
  abort(id);
}

void Outbox::on_disconnect(uint64_t id, std::function<void()> callback) {
  {
    const std::scoped_lock lock(mutex_);
    if (id != id_ || state_ == State::kNone || state_ == State::kDone) return;
    if (!gone_) return on_disconnect_.swap(callback);
  }
  owner_.run_on_server(std::move(callback));
}

bool Outbox::connected() {
  const std::scoped_lock lock(mutex_);
  return !gone_ && !cut_off_;
}

uint64_t Outbox::begin(const RequestTraits& traits) {
  const std::scoped_lock lock(mutex_);
  traits_ = traits;
  state_ = State::kOpen;
  close_after_ = reset_ = chunked_ = false;
  return ++id_;
}

void Outbox::interim(std::string_view text) {
  {
    const std::scoped_lock lock(mutex_);
    pending_ += text;
    flush_coming_ = true;
  }
  owner_.flush();
}

Outbox::Next Outbox::take(std::string& sending) {
  const std::scoped_lock lock(mutex_);
  if (cut_off_) return Next::kCutOff;
  if (!pending_.empty()) {
    sending.swap(pending_);
    pending_.clear();
    in_flight_bytes_ = sending.size();
    return Next::kSend;
  }
  flush_coming_ = false;
  if (pending_.capacity() > kKeptBytes) pending_ = {};
  if (state_ != State::kDone) return Next::kNothing;
  state_ = State::kNone;
  if (reset_) return Next::kReset;
  return close_after_ ? Next::kLinger : Next::kNextRequest;
}

void Outbox::in_flight(size_t bytes) {
  const std::scoped_lock lock(mutex_);
  in_flight_bytes_ = bytes;
}

std::function<void()> Outbox::close() {
  std::function<void()> callback;
  const std::scoped_lock lock(mutex_);
  gone_ = true;
  pending_ = {};
  callback.swap(on_disconnect_);
  if (state_ == State::kOpen) owner_.count_answer(499);
  return callback;
}

}  // namespace ondol
