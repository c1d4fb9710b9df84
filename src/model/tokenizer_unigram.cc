#include "model/tokenizer_unigram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "model/tokenizer_normalize.h"
#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

// An unknown character costs this much more than the worst piece (SentencePiece's kUnkPenalty).
constexpr float kUnknownPenalty = 10;
// XLM-R's fifth special token, which files do not number.
constexpr std::string_view kMaskName = "<mask>";

Status check_tables(const UnigramTables& tables) {
  const size_t pieces = tables.pieces.size();
  if (tables.scores.size() != pieces) {
    return fail(Code::kInvalidArgument,
                "there are " + std::to_string(tables.scores.size()) + " scores for " + std::to_string(pieces) + " pieces");
  }
  for (size_t id = 0; id < pieces; ++id) {
    if (!std::isfinite(tables.scores[id])) {
      return fail(Code::kInvalidArgument, "the score of piece " + std::to_string(id) + " is not finite");
    }
    if (tables.pieces[id].size() > UnigramTokenizer::kMaxPieceBytes) {
      return fail(Code::kInvalidArgument, "piece " + std::to_string(id) + " has " + std::to_string(tables.pieces[id].size()) +
                                              " bytes, more than the limit of " + std::to_string(UnigramTokenizer::kMaxPieceBytes));
    }
  }
  for (const int32_t id : {tables.bos, tables.eos, tables.pad, tables.unknown}) {
    if (id < 0 || static_cast<size_t>(id) >= pieces) {
      return fail(Code::kInvalidArgument,
                  "the special token " + std::to_string(id) + " is outside the " + std::to_string(pieces) + " pieces");
    }
  }
  uint64_t next = 0;
  for (const CharRule& rule : tables.rules) {
    if (rule.point < next) return fail(Code::kInvalidArgument, "the character rules are not in ascending order");
    next = uint64_t{rule.point} + 1;
    if (rule.begin > rule.end || rule.end > tables.replacements.size() || rule.end - rule.begin > UnigramTokenizer::kMaxReplacementBytes) {
      return fail(Code::kInvalidArgument, "the rule of character " + std::to_string(rule.point) + " has a replacement that is too long");
    }
  }
  if (find_invalid_utf8(tables.replacements) != std::string_view::npos) {
    return fail(Code::kInvalidArgument, "the character rules hold text that is not valid UTF-8");
  }
  return {};
}

std::vector<TokenKind> kinds_of(const UnigramTables& tables) {
  std::vector<TokenKind> kinds(tables.pieces.size(), TokenKind::kNormal);
  for (size_t id = 0; id < kinds.size(); ++id) {
    if (tables.pieces[id] == kMaskName) kinds[id] = TokenKind::kControl;
  }
  for (const int32_t id : {tables.bos, tables.eos, tables.pad}) kinds[static_cast<size_t>(id)] = TokenKind::kControl;
  kinds[static_cast<size_t>(tables.unknown)] = TokenKind::kUnknown;
  return kinds;
}

}  // namespace

Result<std::unique_ptr<UnigramTokenizer>> UnigramTokenizer::make(const UnigramTables& tables) {
  ONDOL_TRY_STATUS(check_tables(tables));
  std::unique_ptr<UnigramTokenizer> out(new UnigramTokenizer());
  ONDOL_TRY(out->vocab_, Vocabulary::make(tables.pieces, kinds_of(tables)));
  out->scores_ = tables.scores;
  out->rules_ = tables.rules;
  out->replacements_ = tables.replacements;
  out->bos_ = tables.bos;
  out->eos_ = tables.eos;
  out->unknown_ = tables.unknown;
  out->unknown_score_ = *std::ranges::min_element(tables.scores) - kUnknownPenalty;
  out->word_by_word_ = std::ranges::all_of(tables.pieces, is_one_word);
  out->ascii_rules_.fill(-1);
  for (size_t i = 0; i < out->rules_.size() && out->rules_[i].point < 128; ++i) {
    out->ascii_rules_[out->rules_[i].point] = static_cast<int32_t>(i);
  }
  out->build_trie();
  return out;
}

void UnigramTokenizer::build_trie() {
  std::vector<int32_t> order(static_cast<size_t>(vocab_.size()));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [this](int32_t id) { return vocab_.name(id); });
  // For each node the pieces that begin with its text: a range of `order`, beginning with the piece that is that text, if there is one.
  struct Range {
    size_t begin, end, depth;
  };
  std::vector<Range> ranges = {{0, order.size(), 0}};
  nodes_.assign(1, {});
  for (size_t at = 0; at < nodes_.size(); ++at) {
    auto [begin, end, depth] = ranges[at];
    const auto name = [&](size_t i) { return vocab_.name(order[i]); };
    for (; begin < end && name(begin).size() == depth; ++begin) nodes_[at].piece = depth == 0 ? -1 : order[begin];
    nodes_[at].first_child = static_cast<uint32_t>(nodes_.size());
    while (begin < end) {
      const char byte = name(begin)[depth];
      size_t same = begin;
      while (same < end && name(same)[depth] == byte) ++same;
      Node node;
      node.byte = static_cast<uint8_t>(byte);
      nodes_.push_back(node);
      ranges.push_back({begin, same, depth + 1});
      begin = same;
    }
    nodes_[at].children = static_cast<uint16_t>(nodes_.size() - nodes_[at].first_child);
  }
}

const UnigramTokenizer::Node* UnigramTokenizer::child(const Node& node, uint8_t byte) const {
  const Node* first = nodes_.data() + node.first_child;
  const Node* last = first + node.children;
  const Node* found = std::lower_bound(first, last, byte, [](const Node& a, uint8_t b) { return a.byte < b; });
  return found != last && found->byte == byte ? found : nullptr;
}

const CharRule* UnigramTokenizer::find_rule(uint32_t point) const {
  if (point < ascii_rules_.size()) {
    const int32_t index = ascii_rules_[point];
    return index < 0 ? nullptr : &rules_[static_cast<size_t>(index)];
  }
  const auto found = std::ranges::lower_bound(rules_, point, {}, &CharRule::point);
  return found != rules_.end() && found->point == point ? &*found : nullptr;
}

std::string UnigramTokenizer::prepare(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 2 + kSpaceMark.size());
  bool after_space = false;
  const auto put = [&](std::string_view bytes) {
    for (const char byte : bytes) {
      if (byte == ' ') {
        if (!after_space) out += kSpaceMark;
        after_space = true;
        continue;
      }
      if (out.empty()) out += kSpaceMark;
      out += byte;
      after_space = false;
    }
  };
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = decode_utf8(text, at);
    const CharRule* rule = find_rule(c.point);
    put(rule == nullptr ? text.substr(at, c.bytes) : std::string_view(replacements_).substr(rule->begin, rule->end - rule->begin));
    at += c.bytes;
  }
  if (out.empty()) out = kSpaceMark;
  return out;
}

Result<std::vector<int32_t>> UnigramTokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  if (const size_t bad = find_invalid_utf8(text); bad != std::string_view::npos) {
    return fail(Code::kInvalidArgument, "the text is not valid UTF-8 at byte " + std::to_string(bad));
  }
  const Normalizer nfc;
  std::string buffer;
  ONDOL_TRY(const std::string_view composed, normalize(std::span(&nfc, 1), text, buffer));
  const std::string prepared = prepare(composed);
  std::vector<int32_t> ids;
  ids.reserve(prepared.size() / 3 + 2);
  if (options.add_special) ids.push_back(bos_);
  // The sum runs on over the words, so that it is rounded as if the text were cut as a whole: equal sums are then told apart alike.
  float total = 0;
  std::vector<Step> steps;
  for (size_t at = 0; at < prepared.size();) {
    const size_t end = word_by_word_ ? word_end(prepared, at) : prepared.size();
    cut(std::string_view(prepared).substr(at, end - at), options.parse_special, total, steps, ids);
    at = end;
  }
  if (options.add_special) ids.push_back(eos_);
  return ids;
}

// Viterbi: the best score of every place, from left to right; of equal ones the first found, which is the one with the longest last piece.
void UnigramTokenizer::cut(std::string_view word, bool parse_special, float& total, std::vector<Step>& steps,
                           std::vector<int32_t>& out) const {
  steps.assign(word.size() + 1, {-std::numeric_limits<float>::infinity(), unknown_, 0});
  steps[0].score = total;
  for (size_t at = 0; at < word.size();) {
    const float base = steps[at].score;
    const auto reach = [&](size_t end, float score, int32_t piece) {
      if (base + score > steps[end].score) steps[end] = {base + score, piece, static_cast<uint32_t>(at)};
    };
    const Node* node = nodes_.data();
    for (size_t end = at; end < word.size();) {
      node = child(*node, static_cast<uint8_t>(word[end++]));
      if (node == nullptr) break;
      if (node->piece < 0 || node->piece == unknown_ || (!parse_special && is_control(node->piece))) continue;
      reach(end, scores_[static_cast<size_t>(node->piece)], node->piece);
    }
    const size_t next = at + decode_utf8(word, at).bytes;
    reach(next, unknown_score_, unknown_);
    at = next;
  }
  total = steps[word.size()].score;
  const auto first = static_cast<ptrdiff_t>(out.size());
  for (size_t at = word.size(); at > 0; at = steps[at].from) out.push_back(steps[at].piece);
  std::reverse(out.begin() + first, out.end());
}

std::string UnigramTokenizer::token_bytes(int32_t id, bool show_special) const {
  if (!vocab_.contains(id)) return {};
  const std::string_view name = vocab_.name(id);
  if (vocab_.kind(id) != TokenKind::kNormal) return show_special ? std::string(name) : "";
  std::string out;
  for (size_t at = 0; at < name.size();) {
    const bool mark = name.substr(at).starts_with(kSpaceMark);
    out += mark ? ' ' : name[at];
    at += mark ? kSpaceMark.size() : 1;
  }
  return out;
}

std::optional<int32_t> UnigramTokenizer::find(std::string_view token) const {
  const int32_t id = vocab_.find(token);
  return id < 0 ? std::nullopt : std::optional(id);
}

}  // namespace ondol
