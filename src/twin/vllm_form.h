// Private to this room: how vllm serve words its answers and errors.
//
// Owner: one answer each; on its connection's strand. The error functions are pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "twin/surface_answer.h"

namespace ondol {

// {"error":{"message","type","param","code"}}.
HttpResponse vllm_error(int status, std::string_view message, std::string_view type = "BadRequestError", std::string_view param = "");

struct VllmFormOptions {
  std::string model;
  bool include_usage = false, return_ids = false;
  std::vector<int32_t> prompt;  // of the first answer, for return_ids
};
std::unique_ptr<AnswerForm> make_vllm_chat(VllmFormOptions options);
std::unique_ptr<AnswerForm> make_vllm_completion(VllmFormOptions options);

}  // namespace ondol
