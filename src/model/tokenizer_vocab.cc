#include "model/tokenizer_vocab.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

// A table that is at most half full and well mixed has probe sequences of a few dozen slots; one this long is made to be slow.
constexpr size_t kMaxProbes = 512;

}  // namespace

uint64_t mix_bits(uint64_t x) {
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9u;
  return x ^ x >> 32;
}

uint64_t hash_text(std::string_view text) {
  uint64_t hash = text.size() * 0x9E3779B97F4A7C15u;
  const auto add = [&](uint64_t word) { hash = (std::rotl(hash, 23) ^ word) * 0xD6E8FEB86659FD93u; };
  size_t at = 0;
  for (uint64_t word = 0; at + 8 <= text.size(); at += 8) {
    std::memcpy(&word, text.data() + at, 8);
    add(word);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, text.data() + at, text.size() - at);
  add(rest);
  return mix_bits(hash);
}

size_t word_end(std::string_view text, size_t at) {
  if (at >= text.size()) return text.size();
  for (size_t mark = at; (mark = text.find(kSpaceMark, mark + 1)) != std::string_view::npos;) {
    const bool after_mark = mark - at >= kSpaceMark.size() && text.substr(mark - kSpaceMark.size(), kSpaceMark.size()) == kSpaceMark;
    if (!after_mark) return mark;
  }
  return text.size();
}

Result<Vocabulary> Vocabulary::make(std::span<const std::string_view> names, std::vector<TokenKind> kinds) {
  if (names.empty()) return fail(Code::kInvalidArgument, "the vocabulary has no tokens");
  if (names.size() > kMaxTokens) {
    return fail(Code::kInvalidArgument,
                "the vocabulary has " + std::to_string(names.size()) + " tokens; at most " + std::to_string(kMaxTokens) + " are supported");
  }
  if (names.size() != kinds.size()) {
    return fail(Code::kInvalidArgument,
                "the vocabulary has " + std::to_string(names.size()) + " tokens but " + std::to_string(kinds.size()) + " token types");
  }
  Vocabulary vocab;
  size_t bytes = 0;
  for (size_t id = 0; id < names.size(); ++id) {
    if (find_invalid_utf8(names[id]) != std::string_view::npos) {
      return fail(Code::kInvalidArgument, "token " + std::to_string(id) + " is not valid UTF-8: " + quoted(names[id]));
    }
    bytes += names[id].size();
    vocab.longest_ = std::max(vocab.longest_, names[id].size());
  }
  if (bytes > kMaxNameBytes) {
    return fail(Code::kInvalidArgument, "the names of the tokens have " + std::to_string(bytes) + " bytes together; at most " +
                                            std::to_string(kMaxNameBytes) + " are supported");
  }
  vocab.text_.reserve(bytes);
  vocab.offsets_.reserve(names.size() + 1);
  for (const std::string_view name : names) {
    vocab.offsets_.push_back(static_cast<uint32_t>(vocab.text_.size()));
    vocab.text_ += name;
  }
  vocab.offsets_.push_back(static_cast<uint32_t>(vocab.text_.size()));
  vocab.kinds_ = std::move(kinds);
  ONDOL_TRY_STATUS(vocab.index());
  return vocab;
}

Status Vocabulary::index() {
  slots_.assign(std::bit_ceil(kinds_.size() * 2), 0);
  for (int32_t id = 0; id < size(); ++id) {
    const std::string_view text = name(id);
    if (text.empty()) continue;
    const uint64_t hash = hash_text(text);
    size_t at = hash & (slots_.size() - 1);
    for (size_t probes = 0; slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
      if (++probes > kMaxProbes) return fail(Code::kInvalidArgument, "the names of the tokens are made to collide, near " + quoted(text));
      if (slots_[at] >> 32 != hash >> 32) continue;
      const auto other = static_cast<int32_t>((slots_[at] & 0xFFFFFFFFu) - 1);
      if (name(other) == text) {
        return fail(Code::kInvalidArgument, "tokens " + std::to_string(other) + " and " + std::to_string(id) + " are both " + quoted(text));
      }
    }
    slots_[at] = (hash >> 32 << 32) | static_cast<uint64_t>(id + 1);
  }
  return {};
}

std::string_view Vocabulary::name(int32_t id) const {
  if (!contains(id)) return {};
  const auto at = static_cast<size_t>(id);
  return std::string_view(text_).substr(offsets_[at], offsets_[at + 1] - offsets_[at]);
}

int32_t Vocabulary::find(std::string_view text) const {
  if (slots_.empty() || text.empty() || text.size() > longest_) return -1;
  const uint64_t hash = hash_text(text);
  for (size_t at = hash & (slots_.size() - 1); slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at] >> 32 != hash >> 32) continue;
    const auto id = static_cast<int32_t>((slots_[at] & 0xFFFFFFFFu) - 1);
    if (name(id) == text) return id;
  }
  return -1;
}

}  // namespace ondol
