#include <algorithm>

#include "model/pretokenizer.h"

namespace ondol {
namespace {

struct Part {
  TextRange range;
  bool match;
};

// Matches and what lies between them, from begin to end of the piece.
void list_parts(TextRange piece, const std::vector<TextRange>& matches, bool invert, std::vector<Part>& parts) {
  uint32_t at = piece.begin;
  for (const TextRange& match : matches) {
    if (match.begin > at) parts.push_back({{at, match.begin}, invert});
    parts.push_back({match, !invert});
    at = match.end;
  }
  if (at < piece.end) parts.push_back({{at, piece.end}, invert});
}

// The parts joined as the behaviour wants. A match joins a neighbour that is no match itself and has not been joined by another.
void join_parts(const std::vector<Part>& parts, SplitBehavior behavior, std::vector<TextRange>& out) {
  const size_t first = out.size();
  bool match_before = false;
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto& [range, match] = parts[i];
    const bool follows = out.size() > first;
    const bool joins = follows && ((behavior == SplitBehavior::kMergedWithPrevious && match && !match_before) ||
                                   (behavior == SplitBehavior::kMergedWithNext && !match && match_before) ||
                                   (behavior == SplitBehavior::kContiguous && match == match_before));
    if (joins) {
      out.back().end = range.end;
    } else if (!(behavior == SplitBehavior::kRemoved && match)) {
      out.push_back(range);
    }
    match_before = match;
  }
}

Status split_by_pattern(const PreStep& step, Pieces& pieces) {
  TextMatcher matcher(*step.pattern, pieces.deadline);
  std::vector<TextRange> matches, finer;
  std::vector<Part> parts;
  for (const TextRange piece : pieces.ranges) {
    matches.clear();
    parts.clear();
    ONDOL_TRY_STATUS(matcher.find_all(pieces.text.substr(piece.begin, piece.end - piece.begin), piece.begin, matches));
    list_parts(piece, matches, step.invert, parts);
    join_parts(parts, step.behavior, finer);
  }
  pieces.ranges.swap(finer);
  return {};
}

// Writes the pieces anew, one after the other, each as `write(piece, out)` wants it.
template <class Write>
Status rewrite(Pieces& pieces, Write write) {
  std::string out;
  for (TextRange& range : pieces.ranges) {
    const auto begin = static_cast<uint32_t>(out.size());
    write(pieces.text.substr(range.begin, range.end - range.begin), out);
    if (out.size() > kMaxPieceBytes) {
      return fail(Code::kResourceExhausted,
                  "the tokenizer's steps make more than " + std::to_string(kMaxPieceBytes) + " bytes of the text");
    }
    range = {begin, static_cast<uint32_t>(out.size())};
  }
  pieces.buffer = std::move(out);
  pieces.text = pieces.buffer;
  return {};
}

Status apply(const PreStep& step, bool at_start, Pieces& pieces) {
  using enum PreStep::Kind;
  if (step.kind == kRule) {
    std::vector<TextRange> finer;
    for (const auto& [begin, end] : pieces.ranges) split_text(step.rule, pieces.text.substr(begin, end - begin), begin, finer);
    pieces.ranges.swap(finer);
    return {};
  }
  if (step.kind == kPattern) return split_by_pattern(step, pieces);
  if (step.kind == kMark) {
    return rewrite(pieces, [&](std::string_view piece, std::string& out) {
      for (const char c : piece) {
        if (c == ' ') {
          out += step.mark;
        } else {
          out += c;
        }
      }
    });
  }
  bool wanted = step.kind == kPrefix || at_start;
  return rewrite(pieces, [&](std::string_view piece, std::string& out) {
    if (wanted && !piece.starts_with(step.mark)) out += step.mark;
    out += piece;
    wanted = step.kind == kPrefix;
  });
}

}  // namespace

PreTokenizer::PreTokenizer(const std::vector<SplitRule>& rules) {
  for (const SplitRule rule : rules) steps_.push_back({.rule = rule});
}

Status PreTokenizer::split(std::string_view text, bool at_start, Pieces& pieces) const {
  pieces.text = text;
  pieces.ranges.assign(1, {0, static_cast<uint32_t>(text.size())});
  for (const PreStep& step : steps_) {
    ONDOL_TRY_STATUS(apply(step, at_start, pieces));
    std::erase_if(pieces.ranges, [](const TextRange& range) { return range.begin == range.end; });
  }
  return {};
}

}  // namespace ondol
