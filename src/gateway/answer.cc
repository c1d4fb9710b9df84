#include "gateway/answer.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace ondol {
namespace {

size_t count_chars(std::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Some vocabularies mark tags as control tokens, which have no text; the parser must see them.
std::vector<std::pair<int32_t, std::string>> control_tags(const Tokenizer& tokenizer, const AnswerSyntax& syntax) {
  std::vector<std::string> tags;
  if (syntax.reasoning) tags = {syntax.open_reasoning, syntax.close_reasoning};
  if (!syntax.tools.empty()) tags.insert(tags.end(), {std::string(kCallOpen), std::string(kCallClose)});
  std::vector<std::pair<int32_t, std::string>> out;
  for (std::string& tag : tags) {
    const std::optional<int32_t> id = tokenizer.find(tag);
    if (id && tokenizer.is_control(*id)) out.emplace_back(*id, std::move(tag));
  }
  return out;
}

}  // namespace

void AnswerPiece::append(AnswerPiece more) {
  for (AnswerPart& part : more.parts) append_part(parts, std::move(part));
  std::move(more.tokens.begin(), more.tokens.end(), std::back_inserter(tokens));
}

AnswerPiece echo_piece(const Tokenizer& tokenizer, std::string text, std::vector<TokenEvent> tokens) {
  AnswerPiece out;
  StreamDecoder decoder(tokenizer);
  size_t bytes = 0, chars = 0;
  out.tokens.reserve(tokens.size());
  for (TokenEvent& event : tokens) {
    const std::string shown = decoder.push(event.token);
    out.tokens.push_back({.event = std::move(event), .byte_offset = bytes, .char_offset = chars});
    bytes += shown.size();
    chars += count_chars(shown);
  }
  if (!text.empty()) append_part(out.parts, {.text = std::move(text), .call_id = {}, .name = {}});
  return out;
}

Answer::Answer(const Tokenizer& tokenizer, std::vector<std::string> stops, bool logprobs, AnswerSyntax syntax)
    : decoder_(tokenizer), stops_(std::move(stops)), parser_(syntax), logprobs_(logprobs), tags_(control_tags(tokenizer, syntax)) {}

void Answer::continue_after(int32_t token, std::string_view echo) {
  decoder_.push(token);
  decoded_chars_ = count_chars(echo);
}

void Answer::push(const TokenEvent& event) {
  if (stopped()) return;
  ++tokens_;
  if (parser_.in_reasoning()) ++reasoning_tokens_;
  if (logprobs_) waiting_.push_back({.event = event, .byte_offset = decoded_bytes_, .char_offset = decoded_chars_});
  const std::string text = text_of(event.token);
  decoded_bytes_ += text.size();
  decoded_chars_ += logprobs_ ? count_chars(text) : 0;
  show(stops_.push(text));
}

void Answer::finish() {
  if (!stopped()) show(stops_.push(decoder_.finish()));
  if (!stopped()) show(stops_.finish());
  parser_.finish();
  release_tokens(!stopped());
}

AnswerPiece Answer::take() { return {.parts = parser_.take_parts(), .tokens = std::exchange(released_, {})}; }

std::string Answer::text_of(int32_t token) {
  std::string text = decoder_.push(token);
  for (const auto& [id, tag] : tags_) {
    if (id == token) text += tag;
  }
  return text;
}

void Answer::show(std::string_view text) {
  parser_.push(text);
  release_tokens(false);
}

// Tokens leave `waiting_` when it is known what their text is; those that are not content are left out.
void Answer::release_tokens(bool all) {
  const std::vector<AnswerParser::Span> spans = parser_.take_spans();
  size_t at = 0;
  auto token = waiting_.begin();
  for (; token != waiting_.end(); ++token) {
    while (at < spans.size() && spans[at].end <= token->byte_offset) last_fate_ = spans[at++].fate;
    if (at == spans.size() && !all) break;
    const AnswerParser::Fate fate = at < spans.size() ? spans[at].fate : last_fate_;
    if (fate == AnswerParser::Fate::kContent) released_.push_back(std::move(*token));
  }
  waiting_.erase(waiting_.begin(), token);
  if (!spans.empty()) last_fate_ = spans.back().fate;
}

}  // namespace ondol
