// Tokens to the parts of one answer: detokenised, cut at stop strings, parsed, with the log-probabilities of the content.
//
// Owner: one generation. One thread. Bounded: holds what stop strings and the parser hold back, and what was not taken
// yet.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "gateway/answer_parser.h"
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
  std::vector<TokenRecord> tokens;  // only with logprobs: those whose text begins in the content shown so far
  bool empty() const { return parts.empty() && tokens.empty(); }
  // Puts another piece behind this one.
  void append(AnswerPiece more);
};

// A prompt as the beginning of its answer: the text, and the tokens with their log-probabilities where they were wanted.
AnswerPiece echo_piece(const Tokenizer& tokenizer, std::string text, std::vector<TokenEvent> tokens);

class Answer {
 public:
  // The tokenizer outlives it.
  Answer(const Tokenizer& tokenizer, std::vector<std::string> stops, bool logprobs, AnswerSyntax syntax = {});

  // Tells which token the text continues, so that the answer starts as in the middle of a text (a SentencePiece model's leading space
  // stays). `echo`: what stands in front of the answer when it is shown; the tokens' char_offset counts from there. Only before the first
  // push.
  void continue_after(int32_t token, std::string_view echo = {});

  // Ignored after a stop string was found.
  void push(const TokenEvent& event);
  // The end: what was held back for a character, a stop string or a call is shown.
  void finish();
  // What became visible since the last take.
  AnswerPiece take();

  bool stopped() const { return stops_.hit(); }
  int tokens() const { return tokens_; }                      // pushed, including the one that completed the stop string
  int reasoning_tokens() const { return reasoning_tokens_; }  // of these, the ones that came while reasoning was open

 private:
  void show(std::string_view text);
  void release_tokens(bool all);
  std::string text_of(int32_t token);

  StreamDecoder decoder_;
  StopStrings stops_;
  AnswerParser parser_;
  bool logprobs_;
  int tokens_ = 0;
  int reasoning_tokens_ = 0;
  size_t decoded_bytes_ = 0, decoded_chars_ = 0;  // of the text before stop strings
  std::vector<TokenRecord> waiting_;
  std::vector<TokenRecord> released_;
  std::vector<std::pair<int32_t, std::string>> tags_;  // control tokens that are part of the syntax
  AnswerParser::Fate last_fate_ = AnswerParser::Fate::kContent;
};

}  // namespace ondol
