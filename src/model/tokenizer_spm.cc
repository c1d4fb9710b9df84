#include "model/tokenizer_spm.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/tokenizer_bpe.h"
#include "model/tokenizer_utf8.h"

namespace ondol {

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
  for (size_t byte = 0; byte < 256; ++byte) {
    const int32_t id = vocab.find(byte_token_name(static_cast<uint8_t>(byte)));
    if (id >= 0 && vocab.kind(id) == TokenKind::kByte) spm.byte_ids_[byte] = id;
  }
  return spm;
}

// Control tokens, bytes and unused tokens are not reached by merging.
int32_t Spm::find(const Vocabulary& vocab, std::string_view text) const {
  const int32_t id = vocab.find(text);
  return id >= 0 && (vocab.kind(id) == TokenKind::kNormal || vocab.kind(id) == TokenKind::kUserDefined) ? id : -1;
}

void Spm::encode(const Vocabulary& vocab, std::string_view piece, std::vector<int32_t>& out) const {
  std::vector<Symbol> symbols;
  symbols.reserve(piece.size());
  for (size_t at = 0; at < piece.size();) {
    const uint32_t bytes = decode_utf8(piece, at).bytes;
    const auto place = static_cast<uint32_t>(symbols.size());
    symbols.push_back({static_cast<uint32_t>(at), bytes, place - 1, place + 1, find(vocab, piece.substr(at, bytes))});
    at += bytes;
  }
  merge(vocab, piece, symbols);
  emit(piece, symbols, out);
}

void Spm::merge(const Vocabulary& vocab, std::string_view piece, std::vector<Symbol>& symbols) const {
  std::vector<Candidate> heap;
  const auto count = static_cast<uint32_t>(symbols.size());
  // Whether the symbol and the next one are a token together.
  const auto rate = [&](uint32_t left) {
    const uint32_t right = symbols[left].next;
    if (right >= count) return false;
    const uint32_t bytes = symbols[left].bytes + symbols[right].bytes;
    const int32_t id = find(vocab, piece.substr(symbols[left].begin, bytes));
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

void Spm::emit(std::string_view piece, const std::vector<Symbol>& symbols, std::vector<int32_t>& out) const {
  bool after_unknown = false;
  for (size_t at = 0; at < symbols.size(); at = symbols[at].next) {
    const Symbol& symbol = symbols[at];
    const bool was_unknown = std::exchange(after_unknown, false);
    if (symbol.id >= 0) {
      out.push_back(symbol.id);
      continue;
    }
    const std::string_view text = piece.substr(symbol.begin, symbol.bytes);
    const auto has_byte = [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)] >= 0; };
    if (std::all_of(text.begin(), text.end(), has_byte)) {
      for (const char byte : text) out.push_back(byte_ids_[static_cast<uint8_t>(byte)]);
      continue;
    }
    // Neighbouring unknown characters are one unknown token.
    if (unknown_ >= 0 && !was_unknown) out.push_back(unknown_);
    after_unknown = true;
  }
}

}  // namespace ondol
