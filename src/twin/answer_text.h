// Private to this room: what one answer says, token by token: filler, or what a relay said, ended by its stop strings.
//
// Owner: AnswerText is one answer's, on its connection's strand; HeardText is shared with the relay's thread. Bounded: kMaxHeardBytes that
// were heard and not said yet, and what StopText holds back.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "twin/filler_text.h"
#include "twin/stop_text.h"

namespace ondol {

// What a relay has said of one answer and nobody has taken yet. Any thread.
class HeardText {
 public:
  static constexpr size_t kMaxHeardBytes = 4 << 20;

  void hear(std::string text);
  void end(const Result<std::string>& finish);
  std::optional<std::string> take();
  // Why it ended, once everything is taken.
  std::optional<Result<std::string>> ending() const;
  bool ended() const;

 private:
  mutable std::mutex mutex_;
  std::deque<std::string> texts_;
  size_t bytes_ = 0;
  std::optional<Result<std::string>> ending_;
};

struct AnswerTextOptions {
  int64_t max_tokens = 0, min_tokens = 0;  // before the latter no stop string counts
  bool natural = false;                    // as in GenerationRequest
  bool silent_stop = false;
  size_t piece_bytes = 4;
  StopText stops{};
};

struct SaidToken {
  std::string text;         // the token's own; "" = its end-of-sequence
  std::string shown = {};   // what is shown with it: stop strings may hold text back
  std::string finish = {};  // of the last one
};

class AnswerText {
 public:
  AnswerText(AnswerTextOptions options, FillerText filler) : options_(std::move(options)), filler_(std::move(filler)) {}
  AnswerText(AnswerTextOptions options, std::shared_ptr<HeardText> heard) : options_(std::move(options)), heard_(std::move(heard)) {}

  // The next token, if the engine has made it (`arrived` of them; `ended`: it makes no more) and its text is known. Whether a token is the
  // last is known when the engine has ended or, with a relay, when that has: its end is a token without text.
  std::optional<SaidToken> next(int64_t arrived, bool ended);

  bool over() const { return over_; }
  int64_t tokens() const { return tokens_; }
  bool stopped() const { return options_.stops.hit(); }  // by a stop string
  std::string stop_reason() const { return stopped() ? options_.stops.stop() : std::string(); }

 private:
  std::optional<SaidToken> next_filler(int64_t arrived, bool ended);
  std::optional<SaidToken> next_heard(int64_t arrived);

  AnswerTextOptions options_;
  FillerText filler_{0};
  std::shared_ptr<HeardText> heard_;
  int64_t tokens_ = 0;
  bool over_ = false;
};

}  // namespace ondol
