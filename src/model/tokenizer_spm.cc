#include "model/tokenizer_spm.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/tokenizer_bpe.h"
#include "model/tokenizer_utf8.h"

namespace ondol {

namespace {

// Control tokens, bytes and unused tokens are not reached by merging.
bool is_mergeable(const Vocabulary& vocab, int32_t id) {
  return vocab.kind(id) == TokenKind::kNormal || vocab.kind(id) == TokenKind::kUserDefined;
}

}  // namespace

Result<Spm> Spm::make(const Vocabulary& vocab, std::vector<float> scores, int32_t unknown) {
  const auto tokens = static_cast<size_t>(vocab.size());
  if (scores.size() != tokens) {
    return fail(Code::kInvalidArgument, "there are " + std::to_string(scores.size()) + " scores for " + std::to_string(tokens) + " tokens");
  }
  for (size_t id = 0; id < tokens; ++id) {
    if (std::isfinite(scores[id])) continue;
    return fail(Code::kInvalidArgument,
                "the score of token " + std::to_string(id) + " is " + std::to_string(scores[id]) + "; it must be finite");
  }
  Spm spm;
  spm.scores_ = std::move(scores);
  spm.unknown_ = unknown;
  spm.byte_ids_.resize(256, -1);
  spm.word_by_word_ = true;
  for (int32_t id = 0; id < vocab.size() && spm.word_by_word_; ++id) {
    spm.word_by_word_ = !is_mergeable(vocab, id) || is_one_word(vocab.name(id));
  }
  for (size_t byte = 0; byte < 256; ++byte) {
    const int32_t id = vocab.find(byte_token_name(static_cast<uint8_t>(byte)));
    if (id >= 0 && vocab.kind(id) == TokenKind::kByte) spm.byte_ids_[byte] = id;
  }
  return spm;
}

int32_t Spm::find(const Vocabulary& vocab, std::string_view text) const {
  const int32_t id = vocab.find(text);
  return id >= 0 && is_mergeable(vocab, id) ? id : -1;
}

void Spm::encode(const Vocabulary& vocab, std::string_view piece, std::vector<int32_t>& out) const {
  Scratch scratch;
  for (size_t at = 0; at < piece.size();) {
    const size_t end = word_by_word_ ? word_end(piece, at) : piece.size();
    const std::string_view word = piece.substr(at, end - at);
    list_symbols(vocab, word, scratch.symbols);
    merge(vocab, word, scratch);
    emit(word, scratch, out);
    at = end;
  }
}

void Spm::list_symbols(const Vocabulary& vocab, std::string_view word, std::vector<Symbol>& symbols) const {
  symbols.clear();
  for (size_t at = 0; at < word.size();) {
    const uint32_t bytes = decode_utf8(word, at).bytes;
    const auto place = static_cast<uint32_t>(symbols.size());
    symbols.push_back({static_cast<uint32_t>(at), bytes, place - 1, place + 1, find(vocab, word.substr(at, bytes))});
    at += bytes;
  }
}

void Spm::merge(const Vocabulary& vocab, std::string_view word, Scratch& scratch) const {
  auto& [symbols, heap, after_unknown] = scratch;
  heap.clear();
  const auto count = static_cast<uint32_t>(symbols.size());
  // Whether the symbol and the next one are a token together.
  const auto rate = [&](uint32_t left) {
    const uint32_t right = symbols[left].next;
    if (right >= count) return false;
    const uint32_t bytes = symbols[left].bytes + symbols[right].bytes;
    const int32_t id = find(vocab, word.substr(symbols[left].begin, bytes));
    if (id >= 0) heap.push_back({scores_[static_cast<size_t>(id)], left, bytes, id});
    return id >= 0;
  };
  const auto rate_again = [&](uint32_t left) {
    if (rate(left)) std::push_heap(heap.begin(), heap.end(), worse);
  };
  for (uint32_t left = 0; left < count; ++left) rate(left);
  std::make_heap(heap.begin(), heap.end(), worse);
  while (!heap.empty()) {
    const Candidate best = heap.front();
    std::pop_heap(heap.begin(), heap.end(), worse);
    heap.pop_back();
    Symbol& left = symbols[best.left];
    if (left.bytes == 0 || left.next >= count || left.bytes + symbols[left.next].bytes != best.bytes) continue;
    Symbol& right = symbols[left.next];
    left.bytes = best.bytes;
    left.id = best.id;
    left.next = right.next;
    right.bytes = 0;
    if (left.next < count) symbols[left.next].prev = best.left;
    rate_again(best.left);
    if (best.left > 0) rate_again(left.prev);
  }
}

void Spm::emit(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const {
  const std::vector<Symbol>& symbols = scratch.symbols;
  for (size_t at = 0; at < symbols.size(); at = symbols[at].next) {
    const Symbol& symbol = symbols[at];
    const bool was_unknown = std::exchange(scratch.after_unknown, false);
    if (symbol.id >= 0) {
      out.push_back(symbol.id);
      continue;
    }
    const std::string_view text = word.substr(symbol.begin, symbol.bytes);
    const auto has_byte = [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)] >= 0; };
    if (std::all_of(text.begin(), text.end(), has_byte)) {
      for (const char byte : text) out.push_back(byte_ids_[static_cast<uint8_t>(byte)]);
      continue;
    }
    // Neighbouring unknown characters are one unknown token.
    if (unknown_ >= 0 && !was_unknown) out.push_back(unknown_);
    scratch.after_unknown = true;
  }
}

}  // namespace ondol
