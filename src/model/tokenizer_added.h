// Finds the added tokens in a text: the leftmost one, and of those that begin there the longest.
//
// Owner: the Tokenizer. Immutable after add() and build(); any thread. A token has at most kMaxBytes, so that each place of the text costs
// at most that many steps, and almost always one look into a table of first bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

struct AddedToken {
  int32_t id = -1;
  std::string text;
  bool special = false;      // a control token: plain text unless EncodeOptions::parse_special
  bool strip_left = false;   // takes the white space before it along
  bool strip_right = false;  // and after it
  bool single_word = false;  // only where no letter, digit or underscore is beside it
};

class AddedTokens {
 public:
  static constexpr size_t kMaxBytes = 256;

  // Errors: kInvalidArgument for an empty or too long text, or two tokens of one text.
  static Result<AddedTokens> make(std::vector<AddedToken> tokens);

  struct Match {
    size_t begin;
    size_t end;
    int32_t id;
  };
  bool empty() const { return tokens_.empty(); }
  // The next token in `text` (valid UTF-8) from `from` on; `id` is -1 when there is none.
  Match find(std::string_view text, size_t from, bool with_special) const;

 private:
  // A node's children lie side by side in `nodes_`, in the order of their bytes.
  struct Node {
    uint32_t first_child = 0;
    uint16_t children = 0;
    uint8_t byte = 0;
    int32_t token = -1;  // index in tokens_
  };

  Status build();
  const Node* child(const Node& node, uint8_t byte) const;
  // Index of the longest token that begins at `at`, or -1.
  int32_t longest_at(std::string_view text, size_t at, bool with_special) const;
  bool stands_alone(std::string_view text, size_t begin, size_t end) const;

  std::vector<AddedToken> tokens_;     // sorted by text
  std::vector<Node> nodes_;            // [0] is the root
  std::array<uint32_t, 256> first_{};  // the root's child by byte; 0: none
};

}  // namespace ondol
