// For tests of clients: collects one answer, and lets the test wait for its parts.
//
// Owner: the test and the request, shared. Any thread. Bounded: every wait ends after kPatience with what there is.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>

#include "net/http.h"
#include "net/test_socket.h"

namespace ondol {

// `Base`: HttpSink, or an interface with the same three calls.
template <class Base>
class CollectSink final : public Base {
 public:
  void on_head(int status, const HttpHeaders& headers) override {
    change([&] {
      ++heads_;
      status_ = status;
      headers_ = headers;
    });
  }
  void on_data(std::string_view bytes) override {
    change([&] { body_ += bytes; });
  }
  void on_end(const Status& status) override {
    change([&] {
      ++ends_;
      end_ = status;
    });
  }

  bool wait_head() {
    return wait([&] { return heads_ > 0; });
  }
  bool wait_body(std::string_view text) {
    return wait([&] { return body_.find(text) != std::string::npos; });
  }
  // "" if the answer is whole, else the error's code; "never" if it does not end.
  std::string wait_end() {
    if (!wait([&] { return ends_ > 0; })) return "never";
    const std::scoped_lock lock(mutex_);
    return end_ ? "" : std::string(code_name(end_.error().code));
  }
  std::string message() {
    const std::scoped_lock lock(mutex_);
    return end_ ? "" : end_.error().message;
  }
  int status() {
    const std::scoped_lock lock(mutex_);
    return status_;
  }
  std::string body() {
    const std::scoped_lock lock(mutex_);
    return body_;
  }
  std::string header(std::string_view name) {
    const std::scoped_lock lock(mutex_);
    return std::string(find_header(headers_, name));
  }
  int heads() {
    const std::scoped_lock lock(mutex_);
    return heads_;
  }
  int ends() {
    const std::scoped_lock lock(mutex_);
    return ends_;
  }

 private:
  template <class F>
  void change(F f) {
    const std::scoped_lock lock(mutex_);
    f();
    changed_.notify_all();
  }
  template <class F>
  bool wait(F f) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, f);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int status_ = 0, heads_ = 0, ends_ = 0;
  HttpHeaders headers_;
  std::string body_;
  Status end_;
};

}  // namespace ondol
