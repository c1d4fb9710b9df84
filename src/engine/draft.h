// Guesses an answer's next tokens from a text that it is expected to repeat (OpenAI's "predicted outputs"). The engine checks the guesses
// in the same forward pass, so a wrong one costs its row and changes nothing.
//
// Owner: one sequence; one thread. Bounded by the text. A lookup after a wrong guess scans the text once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ondol {

class DraftSource {
 public:
  explicit DraftSource(std::vector<int32_t> text) : text_(std::move(text)) {}

  // At most `count` tokens that may follow `answer`, all tokens drawn so far: what follows in the text, after the place where the answer
  // left it, or else after the next place (from there on, then from the start) where the answer's last tokens stand.
  std::span<const int32_t> next(std::span<const int32_t> answer, int count);

  bool empty() const { return text_.empty(); }

 private:
  void follow(std::span<const int32_t> answer);

  std::vector<int32_t> text_;
  size_t at_ = 0;    // the text's next token, if the answer goes on as it does
  size_t seen_ = 0;  // tokens of the answer that were compared
  bool lost_ = false;
};

}  // namespace ondol
