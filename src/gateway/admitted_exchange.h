// The headers that were decided when a request came in, how long it took, and an exchange whose answer carries them.
//
// Owner: as any Exchange; shares the one it wraps. Any thread.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "net/server.h"

namespace ondol {

class AnswerHeaders {
 public:
  // `timed`: the answer of an API call, which says in openai-processing-ms when its answer began.
  AnswerHeaders(HttpHeaders headers, bool timed) : headers_(std::move(headers)), started_us_(timed ? SteadyClock().now_us() : -1) {}

  void add_to(HttpHeaders& headers) const {
    headers.insert(headers.end(), headers_.begin(), headers_.end());
    if (started_us_ < 0) return;
    headers.emplace_back("openai-version", "2020-10-01");
    headers.emplace_back("openai-processing-ms", std::to_string((SteadyClock().now_us() - started_us_) / 1000));
  }

 private:
  HttpHeaders headers_;
  int64_t started_us_;
};

class AdmittedExchange final : public Exchange {
 public:
  AdmittedExchange(std::shared_ptr<Exchange> inner, AnswerHeaders headers) : inner_(std::move(inner)), headers_(std::move(headers)) {}

  const HttpRequest& request() const override { return inner_->request(); }
  void respond(HttpResponse response) override {
    headers_.add_to(response.headers);
    inner_->respond(std::move(response));
  }
  void begin_stream(int status, const std::string& content_type, HttpHeaders headers) override {
    headers_.add_to(headers);
    inner_->begin_stream(status, content_type, std::move(headers));
  }
  void write(std::string data) override { inner_->write(std::move(data)); }
  void finish() override { inner_->finish(); }
  void abort() override { inner_->abort(); }
  void on_disconnect(std::function<void()> callback) override { inner_->on_disconnect(std::move(callback)); }
  bool connected() const override { return inner_->connected(); }
  void post(std::function<void()> task) override { inner_->post(std::move(task)); }

 private:
  const std::shared_ptr<Exchange> inner_;
  const AnswerHeaders headers_;
};

}  // namespace ondol
