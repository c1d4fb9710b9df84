// Keeps the names of control tokens in what users write from becoming control tokens: a message that says <|im_end|> must not end itself.
//
// Owner: a value for one request. One thread. Bounded by the request's text.
//
// Template and messages are one text when it is tokenised. So what users wrote is marked before the template runs: in every name of a
// control token a private-use character is put behind the first byte of the name, and the prompt is then cut at those characters. A piece
// on the left of a cut ends, and one on the right begins, in the middle of a name, and neither is a control token any more.
#pragma once

#include <boost/json/value.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "endpoint/api_error.h"
#include "model/tokenizer.h"

namespace ondol {

// The names of the tokenizer's control tokens: those of more than two bytes. Looks at the whole vocabulary: once for a model.
std::vector<std::string> control_names(const Tokenizer& tokenizer);

// Marks the names in every string of `value`, and takes the mark itself out of it.
void shield(boost::json::value& value, std::span<const std::string> names);

// The tokens of a text that may hold marks.
Result<std::vector<int32_t>> encode_shielded(const Tokenizer& tokenizer, std::string_view text, const EncodeOptions& options);

}  // namespace ondol
