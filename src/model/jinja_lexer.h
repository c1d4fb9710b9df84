// Cuts the source of a chat template into text and the tokens of its tags, with Jinja's white-space rules as chat templates are rendered
// everywhere: trim_blocks and lstrip_blocks on, one newline at the end of the source dropped (Jinja documentation, "Whitespace Control").
//
// Owner: the parser. Any thread. Linear in the source; tokens hold copies of their text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol::jinja {

enum class TokenKind : uint8_t {
  kText,        // outside of tags
  kPrintBegin,  // {{
  kPrintEnd,    // }}
  kBlockBegin,  // {%
  kBlockEnd,    // %}
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int line = 1;
  std::string text;  // the text, name, operator, or string with its escapes resolved
  int64_t integer = 0;
  double number = 0;

  bool is(TokenKind wanted, std::string_view wanted_text) const { return kind == wanted && text == wanted_text; }
  bool is_operator(std::string_view wanted) const { return is(TokenKind::kOperator, wanted); }
  bool is_name(std::string_view wanted) const { return is(TokenKind::kName, wanted); }
};

// Errors: kInvalidArgument with the line. The last token is kEnd.
Result<std::vector<Token>> tokenize(std::string_view source);

}  // namespace ondol::jinja
