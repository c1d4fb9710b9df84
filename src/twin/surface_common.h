// Private to this room: what both vendors' surfaces share.
//
// Owner: pure functions and value types. Any thread.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/server.h"
#include "twin/surface.h"
#include "twin/text_relay.h"
#include "twin/twin_tokenizer.h"

namespace ondol {

// What an accepted request asks for.
struct GenerationRequest {
  std::vector<std::vector<int32_t>> prompts;
  int copies = 1;            // answers to each prompt
  int64_t max_tokens = 0;    // of each answer
  int64_t min_tokens = 0;    // before them no stop string counts
  bool natural = false;      // the answer ends there by itself ("stop"), not by a limit ("length")
  bool silent_stop = false;  // the last token of such an answer has no text
  bool stream = false, include_usage = false, return_ids = false;
  std::vector<std::string> stops = {};
  bool keep_stop = false;       // include_stop_str_in_output
  RelayQuestion question = {};  // with a relay; a completion's prompt is added for each
};

// Both servers are FastAPI on uvicorn, and say so.
HttpResponse uvicorn_response(int status, std::string body, std::string_view content_type = "application/json");
HttpHeaders uvicorn_headers();
inline constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";
inline constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

// {"detail":"..."}.
std::string detail_body(std::string_view text);

struct Route {
  std::string_view method;
  std::string_view path;  // with a '*' at the end: everything that begins so
  std::function<void(const std::shared_ptr<Exchange>&)> handle;
};
// Calls the route's handler, or answers 404 or 405 as FastAPI does.
void dispatch(const std::vector<Route>& routes, const std::shared_ptr<Exchange>& exchange);

// True if the request may come in: no key is set, the path is not below /v1, or the Bearer token is right; else it is answered with 401.
bool let_in(const std::string& api_key, const std::shared_ptr<Exchange>& exchange);

// The tokens of "[user]hello\n[assistant]": the twins' chat template. Messages that are no objects with a role are skipped. Contents and
// what is around them are encoded apart, so that an answer keeps its tokens when it comes back in the next prompt.
std::vector<int32_t> chat_prompt(const boost::json::array& messages, const TwinTokenizer& tokenizer);
inline constexpr std::string_view kChatTemplate =
    "{% for m in messages %}[{{m['role']}}]{{m['content']}}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";

// A message's content: a text, or the texts of its parts.
std::string message_text(const boost::json::value& content);

// A completion's "prompt": a text, texts, ids, or lists of ids; empty if it is none of them or has ids out of range.
std::vector<std::vector<int32_t>> completion_prompts(const boost::json::value& prompt, const TwinTokenizer& tokenizer);

// "stop", "min_tokens", "include_stop_str_in_output"; false if "stop" is neither a text nor texts.
bool read_stops(const boost::json::object& body, GenerationRequest& request);
// What is wrong with stop strings and min_tokens if an answer has at most `limit` tokens, in vLLM's words; "" if nothing.
std::string stops_problem(const GenerationRequest& request, int64_t limit);

struct AnswerLength {
  std::optional<int64_t> asked;  // max_tokens
  bool ignore_eos = false;
  int64_t left = 0;  // of the context
  uint64_t seed = 1;
  bool relayed = false;
};
// max_tokens and natural, for prompts that are there: what was asked for, or all that is left, or an end of its own.
void set_answer_length(const AnswerLength& length, GenerationRequest& request);

// What a surface says of its text in /version and on the model card: "filler", "relay to MODEL".
std::string text_source(const TextRelay* relay);

// The same prompt has the same number in every process.
uint64_t prompt_hash(const std::vector<int32_t>& prompt, uint64_t seed);
// How long an answer without a limit gets: 64 to 511 tokens by the prompt, within what is `left` of the context.
int64_t natural_length(uint64_t hash, int64_t left);

// "chat-" and 32 (or fewer) random hexadecimal digits.
std::string new_id(std::string_view prefix, size_t digits = 32);
int64_t unix_seconds();

}  // namespace ondol
