// Private to this room: how furiosa-llm words its answers and errors.
//
// Owner: one answer each; on its connection's strand. The error functions are pure.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "twin/surface_answer.h"

namespace ondol {

// Wrong in meaning: flat, {"object":"error",...}.
HttpResponse furiosa_error(int status, std::string_view message, std::string_view type = "BadRequestError");
// About the model: nested, {"error":{...}}.
HttpResponse furiosa_model_error(int status, std::string_view message, std::string_view code);

struct FuriosaFormOptions {
  std::string model;
  bool include_usage = false;
  bool return_ids = false;
  std::vector<int32_t> prompt;  // of the first answer, for return_ids
};
std::unique_ptr<AnswerForm> make_furiosa_chat(FuriosaFormOptions options);
std::unique_ptr<AnswerForm> make_furiosa_completion(FuriosaFormOptions options);

// What /v1/responses says again of its request.
struct FuriosaResponse {
  std::string model, instructions;  // JSON: "null" or a string
  std::string metadata = "{}", previous = "null", user = "null";
  double temperature = 1, top_p = 1;
  std::optional<int64_t> max_output_tokens;
  bool background = false, store = true;
};
std::unique_ptr<AnswerForm> make_furiosa_response(FuriosaResponse response);

// Errors of the engine, the same in all answers.
HttpResponse furiosa_failure(const Error& error);
std::string furiosa_failure_event(const Error& error);

}  // namespace ondol
