// Takes a streamed completion of any OpenAI-compatible server apart, and notes when its chunks came.
//
// Owner: one request; one thread. The time is passed in. Bounded: 1 MiB an event, kMaxAnswerBytes an answer, the sample's own limits.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "load/sample.h"
#include "net/client.h"

namespace boost::json {
class value;
}

namespace ondol {

inline constexpr size_t kMaxAnswerBytes = 256 << 20;

class AnswerReader {
 public:
  // Writes first_us, last_us, gaps, chunks and token counts into `sample`, which must outlive the reader.
  explicit AnswerReader(RequestSample& sample) : sample_(sample), events_(1 << 20) {}

  // Some bytes of the body that came at `now_us`. False when no more are wanted: the answer is whole, or the sample has an error.
  bool push(std::string_view bytes, int64_t now_us);
  // The body ended; sets the sample's error if the answer is not whole.
  void finish();
  // "[DONE]" came.
  bool done() const { return done_; }

 private:
  void take_event(std::string_view data, int64_t now_us);
  void take_usage(const boost::json::value& usage);
  void note_chunk(int64_t now_us);
  void reject(SampleError error, std::string message);

  RequestSample& sample_;
  SseReader events_;
  size_t bytes_ = 0;
  bool done_ = false, has_finish_reason_ = false, has_event_ = false;
};

}  // namespace ondol
