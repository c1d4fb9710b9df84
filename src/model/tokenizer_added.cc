#include "model/tokenizer_added.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "model/pretokenizer_chars.h"
#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

// \w of the reference tokenizers' regular expressions (Unicode TR 18, annex C).
bool is_word(uint32_t point) {
  const auto c = static_cast<UChar32>(point);
  const uint32_t category = U_GET_GC_MASK(c);
  return u_hasBinaryProperty(c, UCHAR_ALPHABETIC) || (category & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0 ||
         u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL);
}

size_t previous_start(std::string_view text, size_t at) {
  do {
    --at;
  } while ((static_cast<uint8_t>(text[at]) & 0xC0) == 0x80);
  return at;
}

bool is_space(std::string_view text, size_t at) { return (CharTable::get().bits(decode_utf8(text, at).point) & char_bits::kSpace) != 0; }

}  // namespace

Result<AddedTokens> AddedTokens::make(std::vector<AddedToken> tokens) {
  AddedTokens added;
  added.tokens_ = std::move(tokens);
  std::sort(added.tokens_.begin(), added.tokens_.end(), [](const AddedToken& a, const AddedToken& b) { return a.text < b.text; });
  ONDOL_TRY_STATUS(added.build());
  return added;
}

Status AddedTokens::build() {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const std::string& text = tokens_[i].text;
    if (text.empty() || text.size() > kMaxBytes) {
      return fail(Code::kInvalidArgument, "added token " + std::to_string(tokens_[i].id) + " " + quoted(text) + " has " +
                                              std::to_string(text.size()) + " bytes; 1 to " + std::to_string(kMaxBytes) + " are supported");
    }
    if (i > 0 && tokens_[i - 1].text == text) {
      return fail(Code::kInvalidArgument, "added tokens " + std::to_string(tokens_[i - 1].id) + " and " + std::to_string(tokens_[i].id) +
                                              " are both " + quoted(text));
    }
  }
  // Breadth first: a node stands for the range of sorted tokens that share its first `depth` bytes.
  struct Pending {
    uint32_t node;
    uint32_t begin, end;
    uint32_t depth;
  };
  nodes_.assign(1, {});
  std::vector<Pending> queue = {{0, 0, static_cast<uint32_t>(tokens_.size()), 0}};
  for (size_t head = 0; head < queue.size(); ++head) {
    auto [node, at, end, depth] = queue[head];
    if (at < end && tokens_[at].text.size() == depth) nodes_[node].token = static_cast<int32_t>(at++);
    nodes_[node].first_child = static_cast<uint32_t>(nodes_.size());
    while (at < end) {
      const auto byte = static_cast<uint8_t>(tokens_[at].text[depth]);
      const uint32_t begin = at;
      while (at < end && static_cast<uint8_t>(tokens_[at].text[depth]) == byte) ++at;
      ++nodes_[node].children;
      queue.push_back({static_cast<uint32_t>(nodes_.size()), begin, at, depth + 1});
      nodes_.push_back({.byte = byte});
    }
  }
  for (uint32_t i = 0; i < nodes_[0].children; ++i) first_[nodes_[nodes_[0].first_child + i].byte] = nodes_[0].first_child + i;
  return {};
}

const AddedTokens::Node* AddedTokens::child(const Node& node, uint8_t byte) const {
  const auto begin = nodes_.begin() + node.first_child, end = begin + node.children;
  const auto found = std::lower_bound(begin, end, byte, [](const Node& n, uint8_t b) { return n.byte < b; });
  return found == end || found->byte != byte ? nullptr : &*found;
}

int32_t AddedTokens::longest_at(std::string_view text, size_t at, bool with_special) const {
  const uint32_t first = first_[static_cast<uint8_t>(text[at])];
  int32_t best = -1;
  for (const Node* node = first == 0 ? nullptr : &nodes_[first]; node != nullptr;) {
    if (node->token >= 0 && (with_special || !tokens_[static_cast<size_t>(node->token)].special)) best = node->token;
    if (++at == text.size()) break;
    node = child(*node, static_cast<uint8_t>(text[at]));
  }
  return best;
}

bool AddedTokens::stands_alone(std::string_view text, size_t begin, size_t end) const {
  const bool word_before = begin > 0 && is_word(decode_utf8(text, previous_start(text, begin)).point);
  const bool word_after = end < text.size() && is_word(decode_utf8(text, end).point);
  return !word_before && !word_after;
}

AddedTokens::Match AddedTokens::find(std::string_view text, size_t from, bool with_special) const {
  if (tokens_.empty()) return {text.size(), text.size(), -1};
  for (size_t at = from; at < text.size();) {
    const int32_t index = longest_at(text, at, with_special);
    if (index < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(index)];
    size_t begin = at, end = at + token.text.size();
    if (token.single_word && !stands_alone(text, begin, end)) {
      at = end;
      continue;
    }
    while (token.strip_left && begin > from && is_space(text, previous_start(text, begin))) begin = previous_start(text, begin);
    while (token.strip_right && end < text.size() && is_space(text, end)) end += decode_utf8(text, end).bytes;
    return {begin, end, token.id};
  }
  return {text.size(), text.size(), -1};
}

}  // namespace ondol
