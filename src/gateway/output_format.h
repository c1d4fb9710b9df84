// The form that a request asks of an answer's content: OpenAI's response_format, or the fields that vLLM has for the same.
//
// Owner: value types; a pure function. Any thread. Bounded: schemas of kMaxSchemaBytes, kMaxChoices choices, kMaxPatternBytes of regex.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "endpoint/api_error.h"
#include "endpoint/field_reader.h"

namespace ondol {

struct OutputFormat {
  enum class Kind { kText, kJsonObject, kJsonSchema, kRegex, kChoice };
  static constexpr size_t kMaxSchemaBytes = 64 << 10;
  static constexpr size_t kMaxPatternBytes = 4096;
  static constexpr size_t kMaxChoices = 256;

  Kind kind = Kind::kText;
  std::string name;                  // kJsonSchema; empty for guided_json
  boost::json::value schema;         // kJsonSchema: an object, or true (any JSON)
  bool strict = false;               // kJsonSchema
  std::string pattern;               // kRegex: of the whole content
  std::vector<std::string> choices;  // kChoice: not empty, none of them empty
};

// Reads response_format, structured_outputs, guided_json, guided_regex and guided_choice. More than one of them is an error.
ApiResult<OutputFormat> parse_output_format(FieldReader& fields);

}  // namespace ondol
