#include "model/tokenizer_bpe.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

// Up to here a scan for the best pair is faster than a heap: the ranks of a piece fit in two cache lines.
constexpr size_t kShortPiece = 32;
constexpr size_t kMaxProbes = 512;  // as in tokenizer_vocab.cc

struct ByteAlphabet {
  std::array<uint16_t, 256> letter{};
  std::array<int16_t, 0x144> byte{};  // the last letter is U+0143
};

constexpr ByteAlphabet make_byte_alphabet() {
  ByteAlphabet alphabet;
  alphabet.byte.fill(-1);
  uint16_t next = 0x100;
  for (uint16_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    alphabet.letter[byte] = printable ? byte : next++;
    alphabet.byte[alphabet.letter[byte]] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr ByteAlphabet kAlphabet = make_byte_alphabet();

}  // namespace

uint32_t byte_letter(uint8_t byte) { return kAlphabet.letter[byte]; }

std::optional<uint8_t> letter_byte(uint32_t point) {
  if (point >= kAlphabet.byte.size() || kAlphabet.byte[point] < 0) return std::nullopt;
  return static_cast<uint8_t>(kAlphabet.byte[point]);
}

std::string spell_bytes(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (const char byte : bytes) append_utf8(out, byte_letter(static_cast<uint8_t>(byte)));
  return out;
}

std::string unspell_bytes(std::string_view spelled) {
  std::string out;
  out.reserve(spelled.size());
  for (size_t at = 0; at < spelled.size();) {
    const Utf8Char c = decode_utf8(spelled, at);
    const auto byte = letter_byte(c.point);
    if (!byte) return std::string(spelled);
    out += static_cast<char>(*byte);
    at += c.bytes;
  }
  return out;
}

std::string byte_token_name(uint8_t byte) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  return {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
}

std::optional<uint8_t> byte_of_token_name(std::string_view name) {
  if (name.size() != 6 || !name.starts_with("<0x") || name[5] != '>') return std::nullopt;
  uint32_t value = 0;
  for (const char c : name.substr(3, 2)) {
    const uint32_t digit = c >= '0' && c <= '9'   ? static_cast<uint32_t>(c - '0')
                           : c >= 'A' && c <= 'F' ? static_cast<uint32_t>(c - 'A' + 10)
                                                  : 16;
    if (digit == 16) return std::nullopt;
    value = value * 16 + digit;
  }
  return static_cast<uint8_t>(value);
}

Result<Bpe> Bpe::make(const Vocabulary& vocab, std::span<const Merge> merges, const BpeOptions& options) {
  if (merges.size() > 4 * Vocabulary::kMaxTokens) {
    return fail(Code::kInvalidArgument, "the tokenizer has " + std::to_string(merges.size()) + " merges; at most " +
                                            std::to_string(4 * Vocabulary::kMaxTokens) + " are supported");
  }
  Bpe bpe;
  bpe.options_ = options;
  bpe.map_bytes(vocab);
  bpe.slots_.resize(std::bit_ceil(std::max<size_t>(merges.size() * 2, 2)));
  bpe.merged_.resize(merges.size(), -1);
  // The space mark must be a token: where it is an unknown character, it may join the unknown ones before it.
  bpe.word_by_word_ = !options.byte_level && vocab.find(kSpaceMark) >= 0;
  std::string joined;
  for (size_t i = 0; i < merges.size(); ++i) {
    const auto& [left, right] = merges[i];
    joined.assign(left).append(right);
    const int32_t left_id = vocab.find(left), right_id = vocab.find(right), merged = vocab.find(joined);
    if (left_id < 0 || right_id < 0 || merged < 0) {
      const std::string_view missing = left_id < 0 ? left : right_id < 0 ? right : std::string_view(joined);
      return fail(Code::kInvalidArgument, "merge " + std::to_string(i) + " (" + quoted(left) + " + " + quoted(right) +
                                              ") needs the token " + quoted(missing) + ", which the vocabulary does not have");
    }
    if (vocab.kind(merged) == TokenKind::kControl) continue;
    ONDOL_TRY_STATUS(bpe.insert(left_id, right_id, static_cast<uint32_t>(i), merged));
    bpe.merged_[i] = merged;
    if (bpe.word_by_word_) bpe.word_by_word_ = is_one_word(joined);
  }
  return bpe;
}

void Bpe::map_bytes(const Vocabulary& vocab) {
  for (size_t byte = 0; byte < 256; ++byte) {
    const auto value = static_cast<uint8_t>(byte);
    std::string name;
    if (options_.byte_level) {
      append_utf8(name, byte_letter(value));
    } else {
      name = byte_token_name(value);
    }
    byte_ids_[byte] = vocab.find(name);
  }
}

Status Bpe::insert(int32_t left, int32_t right, uint32_t rank, int32_t merged) {
  const uint64_t key = pair_key(left, right);
  size_t at = mix_bits(key) & (slots_.size() - 1);
  for (size_t probes = 0; slots_[at].pair != 0 && slots_[at].pair != key; at = (at + 1) & (slots_.size() - 1)) {
    if (++probes > kMaxProbes) return fail(Code::kInvalidArgument, "the merges are made to collide, near merge " + std::to_string(rank));
  }
  slots_[at] = {key, rank, merged};
  return {};
}

uint32_t Bpe::rank_of(int32_t left, int32_t right) const {
  const uint64_t key = pair_key(left, right);
  size_t at = mix_bits(key) & (slots_.size() - 1);
  while (slots_[at].pair != 0 && slots_[at].pair != key) at = (at + 1) & (slots_.size() - 1);
  return slots_[at].rank;
}

void Bpe::encode(const Vocabulary& vocab, std::string_view piece, BpeScratch& scratch, std::vector<int32_t>& out) const {
  if (options_.ignore_merges) {
    if (options_.byte_level) scratch.spelled = spell_bytes(piece);
    const int32_t whole = vocab.find(options_.byte_level ? std::string_view(scratch.spelled) : piece);
    if (whole >= 0 && vocab.kind(whole) == TokenKind::kNormal) {
      out.push_back(whole);
      return;
    }
  }
  for (size_t at = 0; at < piece.size();) {
    const size_t end = word_by_word_ ? word_end(piece, at) : piece.size();
    scratch.symbols.clear();
    if (options_.byte_level) {
      symbols_of_bytes(piece.substr(at, end - at), scratch.symbols);
    } else {
      symbols_of_characters(vocab, piece.substr(at, end - at), scratch.symbols);
    }
    merge(scratch, out);
    at = end;
  }
}

void Bpe::merge(BpeScratch& scratch, std::vector<int32_t>& out) const {
  if (scratch.symbols.size() < 2) {
    out.insert(out.end(), scratch.symbols.begin(), scratch.symbols.end());
  } else if (scratch.symbols.size() <= kShortPiece) {
    merge_short(scratch, out);
  } else {
    merge_long(scratch, out);
  }
}

void Bpe::symbols_of_bytes(std::string_view piece, std::vector<int32_t>& symbols) const {
  bool fusing = false;
  for (const char byte : piece) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(byte)];
    if (id >= 0) {
      symbols.push_back(id);
    } else if (options_.unknown >= 0 && !(fusing && options_.fuse_unknown)) {
      symbols.push_back(options_.unknown);
    }
    fusing = id < 0;
  }
}

void Bpe::symbols_of_characters(const Vocabulary& vocab, std::string_view piece, std::vector<int32_t>& symbols) const {
  bool fusing = false;
  for (size_t at = 0; at < piece.size();) {
    const std::string_view character = piece.substr(at, decode_utf8(piece, at).bytes);
    at += character.size();
    const int32_t id = vocab.find(character);
    const auto has_byte = [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)] >= 0; };
    const bool as_bytes = id < 0 && options_.byte_fallback && std::all_of(character.begin(), character.end(), has_byte);
    if (id >= 0) {
      symbols.push_back(id);
    } else if (as_bytes) {
      for (const char byte : character) symbols.push_back(byte_ids_[static_cast<uint8_t>(byte)]);
    } else if (options_.unknown >= 0 && !(fusing && options_.fuse_unknown)) {
      symbols.push_back(options_.unknown);
    }
    fusing = id < 0 && !as_bytes;
  }
}

void Bpe::merge_short(BpeScratch& scratch, std::vector<int32_t>& out) const {
  std::array<int32_t, kShortPiece> ids;
  std::array<uint32_t, kShortPiece> ranks;  // of each symbol with the next
  size_t count = scratch.symbols.size();
  std::copy(scratch.symbols.begin(), scratch.symbols.end(), ids.begin());
  for (size_t i = 0; i + 1 < count; ++i) ranks[i] = rank_of(ids[i], ids[i + 1]);
  while (count > 1) {
    const size_t best =
        static_cast<size_t>(std::min_element(ranks.begin(), ranks.begin() + static_cast<ptrdiff_t>(count) - 1) - ranks.begin());
    if (ranks[best] == kNoRank) break;
    ids[best] = merged_[ranks[best]];
    std::copy(ids.begin() + static_cast<ptrdiff_t>(best) + 2, ids.begin() + static_cast<ptrdiff_t>(count),
              ids.begin() + static_cast<ptrdiff_t>(best) + 1);
    if (best + 2 < count) {
      std::copy(ranks.begin() + static_cast<ptrdiff_t>(best) + 2, ranks.begin() + static_cast<ptrdiff_t>(count) - 1,
                ranks.begin() + static_cast<ptrdiff_t>(best) + 1);
    }
    --count;
    if (best + 1 < count) ranks[best] = rank_of(ids[best], ids[best + 1]);
    if (best > 0) ranks[best - 1] = rank_of(ids[best - 1], ids[best]);
  }
  out.insert(out.end(), ids.begin(), ids.begin() + static_cast<ptrdiff_t>(count));
}

// The heap holds rank << 32 | place, so that of equal ranks the leftmost comes first. An entry is stale when the pair at its place has
// another rank by now.
void Bpe::merge_long(BpeScratch& scratch, std::vector<int32_t>& out) const {
  auto& [ids, ranks, next, prev, heap, spelled] = scratch;
  const auto count = static_cast<uint32_t>(ids.size());
  ranks.assign(count, kNoRank);
  next.resize(count);
  prev.resize(count);
  heap.clear();
  for (uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1;
    prev[i] = i - 1;  // of the first: a value that is no place
    if (i + 1 < count) ranks[i] = rank_of(ids[i], ids[i + 1]);
    if (ranks[i] != kNoRank) heap.push_back(static_cast<uint64_t>(ranks[i]) << 32 | i);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto rate = [&](uint32_t left) {
    ranks[left] = next[left] < count ? rank_of(ids[left], ids[next[left]]) : kNoRank;
    if (ranks[left] == kNoRank) return;
    heap.push_back(static_cast<uint64_t>(ranks[left]) << 32 | left);
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    const uint64_t top = heap.front();
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.pop_back();
    const auto at = static_cast<uint32_t>(top);
    const auto rank = static_cast<uint32_t>(top >> 32);
    if (ranks[at] != rank) continue;
    const uint32_t gone = next[at];
    ids[at] = merged_[rank];
    ranks[gone] = kNoRank;
    next[at] = next[gone];
    if (next[at] < count) prev[next[at]] = at;
    rate(at);
    if (at > 0) rate(prev[at]);
  }
  for (uint32_t i = 0; i < count; i = next[i]) out.push_back(ids[i]);
}

}  // namespace ondol
