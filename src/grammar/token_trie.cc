#include "grammar/token_trie.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "grammar/char_rules.h"
#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

constexpr size_t kMaxTokenBytes = std::numeric_limits<uint16_t>::max();

// At most kPlainRun plain characters, all of them whole.
bool is_plain(std::string_view bytes) {
  if (find_invalid_utf8(bytes) != std::string_view::npos) return false;
  int count = 0;
  for (size_t at = 0; at < bytes.size(); ++count) {
    const Utf8Char c = decode_utf8(bytes, at);
    if (!plain_chars().contains(static_cast<char32_t>(c.point))) return false;
    at += c.bytes;
  }
  return count <= kPlainRun;
}

}  // namespace

std::shared_ptr<const TokenTrie> TokenTrie::build(const Tokenizer& tokenizer) {
  std::vector<std::string> bytes(static_cast<size_t>(std::max(0, tokenizer.vocab_size())));
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (!tokenizer.is_control(id)) bytes[static_cast<size_t>(id)] = tokenizer.token_bytes(id);
  }
  return build(std::move(bytes), tokenizer.end_ids());
}

std::shared_ptr<const TokenTrie> TokenTrie::build(std::vector<std::string> token_bytes, std::vector<int32_t> end_ids) {
  std::shared_ptr<TokenTrie> trie(new TokenTrie);
  const auto vocab = static_cast<int32_t>(token_bytes.size());
  std::erase_if(end_ids, [&](int32_t id) { return id < 0 || id >= vocab; });
  for (const int32_t id : end_ids) token_bytes[static_cast<size_t>(id)].clear();
  trie->end_ids_ = std::move(end_ids);
  for (std::string& bytes : token_bytes) {
    if (bytes.size() > kMaxTokenBytes) bytes.clear();
    trie->offsets_.push_back(static_cast<uint32_t>(trie->text_.size()));
    trie->text_ += bytes;
  }
  trie->offsets_.push_back(static_cast<uint32_t>(trie->text_.size()));

  std::vector<int32_t> sorted;
  for (int32_t id = 0; id < vocab; ++id) {
    if (!trie->bytes(id).empty()) sorted.push_back(id);
  }
  std::ranges::sort(sorted, {}, [&](int32_t id) { return std::pair(trie->bytes(id), id); });
  std::vector<int32_t> firsts;
  for (const int32_t id : sorted) {
    if (firsts.empty() || trie->bytes(firsts.back()) != trie->bytes(id)) {
      firsts.push_back(id);
      continue;
    }
    const auto at = static_cast<uint32_t>(trie->twin_tokens_.size());
    if (trie->twins_.empty() || trie->twins_.back().first != firsts.back()) trie->twins_.push_back({firsts.back(), at, at});
    trie->twin_tokens_.push_back(id);
    ++trie->twins_.back().end;
  }
  std::ranges::sort(trie->twins_, {}, &Twins::first);
  trie->fill(firsts, trie->all_);

  trie->plain_mask_.assign(trie->mask_words(), 0);
  for (const int32_t id : sorted) {
    if (is_plain(trie->bytes(id))) trie->plain_mask_[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
  }
  std::erase_if(firsts, [&](int32_t id) { return is_plain(trie->bytes(id)); });
  trie->fill(firsts, trie->not_plain_);
  return trie;
}

void TokenTrie::fill(std::span<const int32_t> sorted, std::vector<Node>& out) const {
  std::vector<uint32_t> path;  // nodes of the token before, by depth
  std::string_view before;
  const auto leave = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back()) out[path.back()].end = static_cast<uint32_t>(out.size());
  };
  for (const int32_t id : sorted) {
    const std::string_view text = bytes(id);
    const auto differ = std::mismatch(text.begin(), text.end(), before.begin(), before.end()).first;
    leave(static_cast<size_t>(differ - text.begin()));
    for (size_t i = path.size(); i < text.size(); ++i) {
      path.push_back(static_cast<uint32_t>(out.size()));
      out.push_back({.end = 0, .token = -1, .depth = static_cast<uint16_t>(i + 1), .byte = static_cast<uint8_t>(text[i]), .twins = false});
    }
    out.back().token = id;
    out.back().twins = !twins(id).empty();
    before = text;
  }
  leave(0);
}

bool TokenTrie::is_end(int32_t token) const { return std::ranges::find(end_ids_, token) != end_ids_.end(); }

std::string_view TokenTrie::bytes(int32_t token) const {
  if (token < 0 || token >= vocab_size()) return {};
  const auto id = static_cast<size_t>(token);
  return std::string_view(text_).substr(offsets_[id], offsets_[id + 1] - offsets_[id]);
}

std::span<const int32_t> TokenTrie::twins(int32_t token) const {
  const auto at = std::ranges::lower_bound(twins_, token, {}, &Twins::first);
  if (at == twins_.end() || at->first != token) return {};
  return std::span(twin_tokens_).subspan(at->begin, at->end - at->begin);
}

}  // namespace ondol
