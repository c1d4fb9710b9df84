// Tokens to the text of one answer: detokenised, cut at stop strings, with the log-probabilities of what is shown.
//
// Owner: one generation. One thread. Bounded: holds what stop strings hold back, and what was not taken yet.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "gateway/answer_part.h"
#include "gateway/stop_strings.h"
#include "model/tokenizer.h"

namespace ondol {

// A token with its log-probability, and where its text starts in the answer.
struct TokenRecord {
  TokenEvent event;
  size_t byte_offset = 0;
  size_t char_offset = 0;  // in Unicode characters
};

struct AnswerPiece {
  std::vector<AnswerPart> parts;    // valid UTF-8, whole characters
  std::vector<TokenRecord> tokens;  // only with logprobs: those whose text begins in what was shown so far
  bool empty() const { return parts.empty() && tokens.empty(); }
  // Puts another piece behind this one.
  void append(AnswerPiece more);
};

class Answer {
 public:
  // The tokenizer outlives it.
  Answer(const Tokenizer& tokenizer, std::vector<std::string> stops, bool logprobs);

  // Tells which token the text continues, so that the answer starts as in the middle of a text (a SentencePiece model's leading space
  // stays). Only before the first push.
  void continue_after(int32_t token) { decoder_.push(token); }

  // Ignored after a stop string was found.
  void push(const TokenEvent& event);
  // The end: what was held back for a character or a stop string is shown.
  void finish();
  // What became visible since the last take.
  AnswerPiece take();

  bool stopped() const { return stops_.hit(); }
  int tokens() const { return tokens_; }  // pushed, including the one that completed the stop string

 private:
  void show(std::string text);
  void release_tokens(bool all);

  StreamDecoder decoder_;
  StopStrings stops_;
  bool logprobs_;
  int tokens_ = 0;
  size_t decoded_bytes_ = 0, decoded_chars_ = 0;  // of the text before stop strings
  size_t shown_bytes_ = 0;
  std::vector<TokenRecord> waiting_;
  AnswerPiece piece_;
};

}  // namespace ondol
