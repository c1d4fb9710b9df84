#include "model/tokenizer.h"

#include "model/tokenizer_utf8.h"

namespace ondol {

std::string Tokenizer::decode(const std::vector<int32_t>& ids, bool show_special) const {
  StreamDecoder decoder(*this, show_special);
  std::string out;
  for (const int32_t id : ids) out += decoder.push(id);
  return out += decoder.finish();
}

std::string StreamDecoder::push(int32_t id) {
  std::string piece = tokenizer_->token_bytes(id, show_special_);
  if (piece.empty()) return {};
  if (first_ && !tokenizer_->is_control(id)) {
    first_ = false;
    if (tokenizer_->strips_leading_space() && piece.front() == ' ') piece.erase(0, 1);
  }
  held_ += piece;
  std::string out;
  size_t at = 0;
  while (at < held_.size()) {
    const Utf8Sequence sequence = utf8_sequence(std::string_view(held_).substr(at));
    if (sequence.form == Utf8Form::kTruncated) break;
    if (sequence.form == Utf8Form::kComplete) {
      out.append(held_, at, sequence.bytes);
    } else {
      out += kReplacement;
    }
    at += sequence.bytes;
  }
  held_.erase(0, at);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out;
  if (!held_.empty()) out = kReplacement;
  held_.clear();
  return out;
}

}  // namespace ondol
