// The parts of a tokenizer.json (the file of the Hugging Face tokenizers library), read one by one.
//
// Free functions on parsed JSON; any thread. Bounded by kMaxSteps. Errors: kInvalidArgument for what contradicts the format, kUnimplemented
// with the name of a part that is not supported.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/pretokenizer.h"
#include "model/tokenizer_normalize.h"
#include "model/tokenizer_pipeline.h"

namespace ondol {

inline constexpr size_t kMaxSteps = 64;  // of a normaliser, a pre-tokenizer or a decoder; real files have up to 6

std::unexpected<Error> json_wrong(std::string_view where, std::string_view key, std::string_view expected);
std::unexpected<Error> json_unsupported(std::string_view where, std::string_view type, std::string_view supported);
std::unexpected<Error> json_too_many(std::string_view where);

// Reading of members; `where` goes in front of messages. A missing or null member gives `otherwise`.
Result<bool> json_flag(const boost::json::object& object, std::string_view key, bool otherwise, std::string_view where);
Result<std::string_view> json_text(const boost::json::object& object, std::string_view key, std::string_view otherwise,
                                   std::string_view where);
// The member, or null if there is none.
const boost::json::value& json_member(const boost::json::object& object, std::string_view key);
// The object with its "type", for the parts that have one.
Result<std::string_view> json_type(const boost::json::value& value, std::string_view where);
// The elements of the array `key` of a Sequence.
Result<const boost::json::array*> json_sequence(const boost::json::value& value, std::string_view key, std::string_view where);
// {"String": "..."} or {"Regex": "..."}.
Result<TextPattern> json_pattern(const boost::json::object& object, std::string_view where);

// What a Metaspace, as pre-tokenizer or decoder, has for a space, and says about one in front: "always", "first" or "never".
Result<std::string_view> json_mark(const boost::json::object& object, std::string_view where);
Result<std::string_view> json_prepend_scheme(const boost::json::object& object, std::string_view where);

// The member "normalizer" (or null).
Result<std::vector<Normalizer>> read_normalizer(const boost::json::value& value);

struct PreSteps {
  std::vector<PreStep> steps;
  bool byte_level = false;  // the last step spells each piece in the byte alphabet
};
// The member "pre_tokenizer".
Result<PreSteps> read_pre_tokenizer(const boost::json::value& value);

// The member "decoder".
Result<Spelling> read_decoder(const boost::json::value& value);

// The member "post_processor": what stands before and after one text. `templated`: whether it says so.
struct Surroundings {
  std::vector<int32_t> before, after;
  bool templated = false;
};
Result<Surroundings> read_post_processor(const boost::json::value& value, const Vocabulary& vocab);

}  // namespace ondol
