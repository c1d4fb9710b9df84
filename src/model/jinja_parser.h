// Parses the tokens of a chat template (Jinja documentation, "Template Designer Documentation"; precedence as there).
//
// Owner: ChatTemplate. Any thread. Bounds: TemplateLimits::max_source_bytes and max_depth, so neither the parser nor anything that walks
// its result recurses deeper than that.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "model/chat_template.h"
#include "model/jinja_ast.h"

namespace ondol::jinja {

// Errors: kInvalidArgument with the line; kUnimplemented for a statement, filter or test that is not supported, by name, with the line;
// kResourceExhausted for a limit, by name.
Result<std::unique_ptr<const Program>> parse_program(std::string_view source, const TemplateLimits& limits);

}  // namespace ondol::jinja
