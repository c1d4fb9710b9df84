// The HTTP answer of one request, which one generation writes, or several (n > 1): as a stream, or whole.
//
// Owner: the generations of the request. All calls in turns that `post` runs one after the other, but for `connected` and `post` itself.
// Bounded: holds the whole answers of a request that does not stream until the last one is there.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "endpoint/api_error.h"
#include "gateway/response_format.h"
#include "net/server.h"

namespace ondol {

class Reply {
 public:
  struct Setup {
    std::shared_ptr<Exchange> exchange;
    HttpHeaders headers;
    bool stream = false;
    int answers = 1;
    ResponseMeta meta;                   // with several answers: of the usage that ends the stream
    std::string object;                  // likewise: its "object"
    std::function<void()> give_up_rest;  // several answers: ends the others when one failed; may be empty
  };
  explicit Reply(Setup setup) : setup_(std::move(setup)), open_(setup_.answers) {}

  bool stream() const { return setup_.stream; }
  bool connected() const { return setup_.exchange->connected(); }
  bool over() const { return over_; }
  void post(std::function<void()> turn) { setup_.exchange->post(std::move(turn)); }

  // Frames of a stream; the first begin it.
  void write(std::string frames);
  // One answer is complete: `text` is its last frames, or its whole body.
  void complete(std::string text, const Usage& usage);
  // One answer failed, and with it the request. `frames` says so if the stream has begun.
  void fail(const ApiError& error, std::string frames);
  void abort();

 private:
  void add(const Usage& usage);
  std::string merged() const;

  Setup setup_;
  int open_;
  bool begun_ = false, over_ = false;
  Usage usage_;
  std::vector<std::string> bodies_;
};

}  // namespace ondol
