#include "engine/draft.h"

#include <algorithm>

namespace ondol {
namespace {

// Tokens that must agree before the text is followed again. With two, common pairs (", the") lead astray more often than they help.
constexpr size_t kAnchor = 3;

}  // namespace

// Finds the anchor again: from where the text was left, then from its start.
void DraftSource::follow(std::span<const int32_t> answer) {
  if (answer.size() < kAnchor || text_.size() < kAnchor) return;
  const auto anchor = answer.last(kAnchor);
  const auto begin = text_.begin(), left = begin + static_cast<std::ptrdiff_t>(std::min(at_, text_.size()));
  auto found = std::search(left, text_.end(), anchor.begin(), anchor.end());
  if (found == text_.end()) found = std::search(begin, text_.end(), anchor.begin(), anchor.end());
  if (found == text_.end()) return;
  at_ = static_cast<size_t>(found - begin) + kAnchor;
  lost_ = false;
}

std::span<const int32_t> DraftSource::next(std::span<const int32_t> answer, int count) {
  for (; seen_ < answer.size(); ++seen_) {
    if (!lost_ && at_ < text_.size() && text_[at_] == answer[seen_]) {
      ++at_;
    } else {
      lost_ = true;
      follow(answer.first(seen_ + 1));
    }
  }
  if (lost_ || at_ >= text_.size() || count <= 0) return {};
  return std::span(text_).subspan(at_, std::min(text_.size() - at_, static_cast<size_t>(count)));
}

}  // namespace ondol
