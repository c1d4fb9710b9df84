// One request in flight: takes the engine's tokens on the step thread, and turns them into the HTTP answer on a thread of the gateway.
//
// Owner: shared by the engine (as its sink) and, for moments, by its exchange; gone when the engine has finished with it. `on_token` and
// `on_finish` only append and post a turn to the exchange (see Exchange::post), `cancel` may come from any thread, everything else happens
// in turns. Bounded: at most kMaxPendingTokens wait for a turn, beside those of the prompt; a server that far behind ends the request with
// an error.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "gateway/answer.h"
#include "gateway/model_pool.h"
#include "gateway/reply.h"
#include "gateway/response_format.h"

namespace ondol {

struct GenerationSetup {
  std::shared_ptr<Reply> reply;
  ModelLease model;  // its tokenizer is the answer's
  std::unique_ptr<ResponseFormat> format;
  std::vector<std::string> stops;
  AnswerSyntax syntax;                    // tools and reasoning, of a chat
  std::optional<int32_t> continue_after;  // see Answer
  std::string echo;                       // what the content begins with
  bool logprobs = false;
  int64_t received_us = 0;  // SteadyClock
};

class Generation final : public TokenSink, public std::enable_shared_from_this<Generation> {
 public:
  static constexpr size_t kMaxPendingTokens = 8192;
  static constexpr size_t kTokensOfATurn = 64;  // of an answer that does not stream: fewer wake nobody before its end

  explicit Generation(GenerationSetup setup);

  // Hands the request to the engine. On an error nothing was answered; the caller does it. Called once.
  Status submit(GenerateRequest request);

  // Instead of submit: the engine did not take it. Ends the whole reply, in a turn.
  void refuse(const Error& error);

  // The client left: frees the engine's work, whether it has started, or is about to be submitted, or is over. Any thread.
  void cancel();

  void on_prompt(std::vector<TokenEvent> tokens) override;
  void on_token(const TokenEvent& event) override;
  void on_finish(const FinishEvent& event) override;

 private:
  struct Timed {
    TokenEvent event;
    int64_t at_us;
  };
  struct Arrivals {
    std::vector<TokenEvent> prompt;
    std::vector<Timed> tokens;
    std::optional<FinishEvent> finish;
    bool overflow = false;
  };
  Arrivals take_arrivals();
  void wake(std::unique_lock<std::mutex> lock);
  void run();
  void turn();
  void take_token(const Timed& token);
  void show();
  Usage usage_of(const FinishEvent& finish);
  void complete(const FinishEvent& finish);
  void succeed(std::string_view finish_reason, const Usage& usage);
  void give_up(const Error& error);
  void flush();

  GenerationSetup setup_;  // in turns, except model and Reply::post
  const bool each_token_;  // the client waits for it, or a stop string may end the answer with it
  Answer answer_;
  std::vector<TokenEvent> prompt_;  // goes with the echo
  AnswerPiece collected_;           // of an answer that does not stream
  std::string unsent_;              // events of this turn: one write for all of them
  bool begun_ = false;
  bool over_ = false;
  int64_t last_token_us_ = 0;

  std::mutex mutex_;
  Arrivals arrivals_;
  bool queued_ = false;
  bool cancelled_ = false;
  std::optional<uint64_t> id_;
};

}  // namespace ondol
