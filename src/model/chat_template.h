// The model's own Jinja chat template, run by a small interpreter of the subset that real templates use.
//
// Owner: the gateway, one per model. Immutable; any thread may render. Sandboxed: no file, network, clock or attribute access beyond the
// values passed in. Bounded by TemplateLimits: a hostile template gets kResourceExhausted, never a hang or a crash.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ondol {

struct TemplateLimits {
  size_t max_source_bytes = 1 << 20;
  size_t max_output_bytes = 16 << 20;
  int64_t max_steps = 20'000'000;       // evaluated nodes and loop turns, about a second
  int max_depth = 128;                  // nesting of expressions, blocks and macro calls
  size_t max_memory_bytes = 128 << 20;  // values alive at one time while rendering; the allocator may take twice that
};

class ChatTemplate {
 public:
  // Parses. Errors: kInvalidArgument with the line; kUnimplemented for a construct that is not supported, by name and line.
  static Result<ChatTemplate> parse(std::string_view source, const TemplateLimits& limits = {});

  // Renders with the top-level variables in `context` (messages, tools, add_generation_prompt, bos_token, enable_thinking, ...).
  // `now_unix_s` feeds strftime_now. Errors: kInvalidArgument (raise_exception's own message, type errors with line),
  // kResourceExhausted (a limit, by name).
  Result<std::string> render(const boost::json::object& context, int64_t now_unix_s) const;

  // Whether the source mentions a variable at all ("tools", "enable_thinking"): a hint for capability listings.
  bool mentions(std::string_view variable) const;

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

 private:
  struct Program;
  explicit ChatTemplate(std::unique_ptr<const Program> program);
  std::unique_ptr<const Program> program_;
};

}  // namespace ondol
