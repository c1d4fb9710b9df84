// Private to this room: one HTTP request that generates, from the engine's tokens to the client's bytes.
//
// Owner: shared by the engine's sinks, the relay's and the tasks that are posted for it; gone when all are. The engine's thread only counts
// tokens, the relay's only keeps texts; events are made on the connection's strand, as soon as a token has been made by the engine and its
// text is there. A client that leaves, a stop string, a failure of one of the two: what is left is cancelled in both. Bounded: one text and
// its state for each answer to the request; 32 MiB of questions to a relay.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/server.h"
#include "twin/answer_text.h"
#include "twin/surface_common.h"
#include "twin/surface_metrics.h"

namespace ondol {

struct AnswerToken {
  int choice = 0;
  int64_t index = 0;
  std::string_view text;
  std::vector<int32_t> ids;
  std::string_view finish;       // "stop" or "length" on the last one
  std::string_view stop_reason;  // the stop string that ended it, or ""
};

struct AnswerChoice {
  std::string text, finish, stop_reason;
  std::vector<int32_t> ids;
};

struct AnswerUsage {
  int64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
};

// How a surface words one kind of answer; on the connection's strand. The events are whole: "data: ...\n\n".
class AnswerForm {
 public:
  virtual ~AnswerForm() = default;
  virtual std::vector<std::string> open() { return {}; }   // when the stream begins
  virtual std::vector<std::string> begin(int choice) = 0;  // before the first token
  virtual std::vector<std::string> token(const AnswerToken& token) = 0;
  virtual std::vector<std::string> end(const std::vector<AnswerChoice>& choices, const AnswerUsage& usage) = 0;
  virtual std::string whole(const std::vector<AnswerChoice>& choices, const AnswerUsage& usage) = 0;  // the body of an answer in one piece
  virtual HttpResponse failure(const Error& error) = 0;                                               // instead of the answer
  virtual std::string failure_event(const Error& error) = 0;                                          // inside a stream
};

// What answers need of their surface.
struct AnswerDeps {
  // Weak: the engine holds the sinks, those the answer, and an engine must not end on its own thread.
  std::weak_ptr<TwinEngine> engine;
  // As weak, for its own thread's sake. Empty: filler.
  std::weak_ptr<TextRelay> relay;
  std::shared_ptr<SurfaceMetrics> metrics;
  TwinTokenizer tokenizer;
  uint64_t seed = 1;
  double speed = 1;
  int32_t salt = 0;  // changes what the prefix cache sees of a prompt
};

class SurfaceAnswer : public std::enable_shared_from_this<SurfaceAnswer> {
 public:
  // On the server's thread: begins the stream if one is wanted, and gives the prompts to the engine.
  static void start(std::shared_ptr<Exchange> exchange, std::unique_ptr<AnswerForm> form, GenerationRequest request, AnswerDeps deps);

 private:
  class Sink;
  class Listener;
  struct Part {
    // Under the mutex.
    int64_t arrived = 0, last_us = 0;
    std::optional<TwinFinish> finish;
    TwinUsage usage;
    std::optional<uint64_t> id, question;  // of the engine, of the relay
    bool closed = false;                   // nothing more is said: an abort is its ordinary end
    // On the strand.
    std::shared_ptr<HeardText> heard;  // itself from any thread
    std::optional<AnswerText> text;
    AnswerChoice choice;
    int64_t closed_us = 0;
  };
  struct News {
    int64_t arrived;
    std::optional<TwinFinish> finish;
  };

  SurfaceAnswer(std::shared_ptr<Exchange> exchange, std::unique_ptr<AnswerForm> form, GenerationRequest request, AnswerDeps deps);
  AnswerTextOptions text_options() const;
  void submit_all();
  Status submit(size_t part);
  Status ask(size_t part);
  TwinRequest engine_request(size_t part) const;
  const std::vector<int32_t>& prompt_of(size_t part) const { return request_.prompts[part / static_cast<size_t>(request_.copies)]; }
  void arrived(size_t part);
  void finished(size_t part, TwinFinish reason, const TwinUsage& usage);
  void wake();
  void wake(std::unique_lock<std::mutex>& lock);
  void advance();
  bool advance(size_t part, const News& news);
  void emit(size_t part, const SaidToken& token);
  void close(size_t part);
  void complete();
  void drop(std::optional<uint64_t> id, std::optional<uint64_t> question);
  void note(const Part& part, std::string_view reason, int64_t tokens, int64_t now_us) const;
  void fail_with(const Error& error);
  void fail_with_relay(const Error& error);
  void cancel();
  double twin_seconds(int64_t us) const;

  const std::shared_ptr<Exchange> exchange_;
  const std::unique_ptr<AnswerForm> form_;
  const GenerationRequest request_;
  const AnswerDeps deps_;
  const bool relayed_;
  const bool eager_;  // text is wanted before the end
  const SteadyClock clock_;
  const int64_t started_us_;

  std::mutex mutex_;
  bool posted_ = false;
  std::vector<Part> parts_;
  bool over_ = false;  // strand
};

}  // namespace ondol
