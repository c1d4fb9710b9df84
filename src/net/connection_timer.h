// Private to this room: the one time limit that a connection has at a time. It touches the timer queue only when it fires or comes nearer
// than what the queue holds: a request, which moves it several times, seldom does.
//
// Owner: a connection, on its strand or its loop's thread, which a pending limit keeps alive and which has a public expired(). Bounded: one
// wait.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>

namespace ondol {

template <class Timer, class Connection>
class ConnectionTimer {
 public:
  using Clock = std::chrono::steady_clock;

  ConnectionTimer(Connection& connection, const typename Timer::executor_type& executor) : connection_(connection), timer_(executor) {}

  // Instead of the limit before: expired() is called then, on the executor.
  void expect_within(Clock::duration time) {
    limit_ = Clock::now() + time;
    if (limit_ < armed_for_) arm();
  }
  void expect_nothing() { limit_ = Clock::time_point::max(); }
  // As expect_nothing, and lets the connection go at once.
  void cancel() {
    expect_nothing();
    timer_.cancel();
  }

 private:
  void arm() {
    armed_for_ = limit_;
    timer_.expires_at(limit_);
    timer_.async_wait([this, self = connection_.shared_from_this()](boost::system::error_code ec) {
      if (ec) return;
      armed_for_ = Clock::time_point::max();
      if (limit_ == Clock::time_point::max()) return;
      if (Clock::now() < limit_) return arm();
      expect_nothing();
      connection_.expired();
    });
  }

  Connection& connection_;
  Timer timer_;
  Clock::time_point limit_ = Clock::time_point::max(), armed_for_ = Clock::time_point::max();
};

}  // namespace ondol
