#include "gateway/answer.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ondol {
namespace {

size_t count_chars(std::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

void AnswerPiece::append(AnswerPiece more) {
  for (AnswerPart& part : more.parts) append_part(parts, std::move(part));
  std::move(more.tokens.begin(), more.tokens.end(), std::back_inserter(tokens));
}

Answer::Answer(const Tokenizer& tokenizer, std::vector<std::string> stops, bool logprobs)
    : decoder_(tokenizer), stops_(std::move(stops)), logprobs_(logprobs) {}

void Answer::push(const TokenEvent& event) {
  if (stopped()) return;
  ++tokens_;
  if (logprobs_) waiting_.push_back({.event = event, .byte_offset = decoded_bytes_, .char_offset = decoded_chars_});
  const std::string text = decoder_.push(event.token);
  decoded_bytes_ += text.size();
  decoded_chars_ += logprobs_ ? count_chars(text) : 0;
  show(stops_.push(text));
}

void Answer::finish() {
  if (!stopped()) show(stops_.push(decoder_.finish()));
  if (!stopped()) show(stops_.finish());
  release_tokens(!stopped());
}

AnswerPiece Answer::take() { return std::exchange(piece_, {}); }

void Answer::show(std::string text) {
  shown_bytes_ += text.size();
  if (!text.empty()) append_part(piece_.parts, {.kind = AnswerPart::Kind::kContent, .text = std::move(text), .call_id = {}, .name = {}});
  release_tokens(false);
}

void Answer::release_tokens(bool all) {
  const auto end =
      all ? waiting_.end()
          : std::find_if(waiting_.begin(), waiting_.end(), [&](const TokenRecord& token) { return token.byte_offset >= shown_bytes_; });
  std::move(waiting_.begin(), end, std::back_inserter(piece_.tokens));
  waiting_.erase(waiting_.begin(), end);
}

}  // namespace ondol
