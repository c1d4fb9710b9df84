#include "gateway/responses_format.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <exception>
#include <utility>

#include "gateway/responses_output.h"
#include "meter/account_json.h"

namespace ondol {
namespace {

namespace json = boost::json;

json::object usage_of(const Usage& usage) {
  json::object out;
  out["input_tokens"] = usage.prompt_tokens;
  // Nobody pays for writing to the prefix cache, so nothing counts it.
  json::object input;
  input["cached_tokens"] = usage.cached_tokens;
  input["cache_write_tokens"] = 0;
  out["input_tokens_details"] = std::move(input);
  out["output_tokens"] = usage.completion_tokens;
  json::object output;
  output["reasoning_tokens"] = usage.reasoning_tokens;
  out["output_tokens_details"] = std::move(output);
  out["total_tokens"] = usage.prompt_tokens + usage.completion_tokens;
  if (usage.account) out["ondol"] = account_json(*usage.account);
  return out;
}

// 0.7 as 0.7, not as the float next to it.
double short_number(float number) { return std::round(static_cast<double>(number) * 1e6) / 1e6; }

// One of the codes that a ResponseError has.
std::string_view failure_code(int status) {
  if (status == 429) return "rate_limit_exceeded";
  return status < 500 ? "invalid_prompt" : "server_error";
}

class ResponsesFormat final : public ResponseFormat {
 public:
  ResponsesFormat(ResponsesMeta meta, const Tokenizer& tokenizer, std::function<void(json::object)> on_finished)
      : meta_(std::move(meta)),
        on_finished_(std::move(on_finished)),
        output_(meta_.id.substr(std::min(meta_.id.size(), meta_.id.find('_') + 1)), tokenizer, events_) {}

  ~ResponsesFormat() override {
    try {
      if (!over_) finish("cancelled", {});
    } catch (const std::exception&) {  // memory: the store keeps it as in progress until it is the oldest
    }
  }

  std::string opening() override {
    events_.turn_on();
    json::object fields;
    fields["response"] = started_response(meta_);
    events_.add("response.created", fields);
    events_.add("response.in_progress", std::move(fields));
    return events_.take();
  }

  std::string delta(const AnswerPiece& piece) override {
    output_.add(piece);
    return events_.take();
  }

  std::string closing(std::string_view finish_reason, const Usage& usage) override {
    json::object done;
    done["response"] = end(finish_reason, usage);
    events_.add(completed(finish_reason) ? "response.completed" : "response.incomplete", std::move(done));
    return events_.take();
  }

  std::string failed(const ApiError& error) override {
    json::object reason;
    reason["code"] = failure_code(error.status);
    reason["message"] = error.message;
    json::object fields;
    fields["error"] = reason;
    json::object done;
    done["response"] = finish("failed", std::move(fields));
    if (events_.on()) {
      events_.add("response.failed", std::move(done));
      return events_.take();
    }
    // Nothing was said of a response yet.
    events_.turn_on();
    reason["param"] = error.param.empty() ? json::value(nullptr) : json::value(json::string(error.param));
    events_.add("error", std::move(reason));
    return events_.take();
  }

  std::string whole(const AnswerPiece& piece, std::string_view finish_reason, const Usage& usage) override {
    output_.add(piece);
    return json::serialize(end(finish_reason, usage));
  }

 private:
  static bool completed(std::string_view finish_reason) { return finish_reason != "length" && finish_reason != "content_filter"; }

  json::object end(std::string_view finish_reason, const Usage& usage) {
    const std::string_view status = completed(finish_reason) ? "completed" : "incomplete";
    output_.finish(status);
    json::object fields;
    fields["usage"] = usage_of(usage);
    if (completed(finish_reason)) {
      fields["completed_at"] = meta_.unix_now_s();
    } else {
      json::object details;
      details["reason"] = finish_reason == "length" ? "max_output_tokens" : finish_reason;
      fields["incomplete_details"] = std::move(details);
    }
    return finish(status, std::move(fields));
  }

  // `fields` over those of a response in progress.
  json::object finish(std::string_view status, json::object fields) {
    over_ = true;
    json::object response = started_response(meta_);
    response["status"] = status;
    response["output"] = output_.items();
    for (auto& field : fields) response[field.key()] = std::move(field.value());
    if (on_finished_) on_finished_(response);
    return response;
  }

  ResponsesMeta meta_;
  std::function<void(json::object)> on_finished_;
  ResponseEvents events_;
  ResponseOutput output_;
  bool over_ = false;
};

}  // namespace

json::object started_response(const ResponsesMeta& meta) {
  json::object out;
  out["id"] = meta.id;
  out["object"] = "response";
  out["created_at"] = meta.created_unix_s;
  out["completed_at"] = nullptr;
  out["status"] = "in_progress";
  out["model"] = meta.model;
  out["error"] = nullptr;
  out["incomplete_details"] = nullptr;
  out["output"] = json::array();
  out["usage"] = nullptr;
  out["temperature"] = short_number(meta.sampling.temperature);
  out["top_p"] = short_number(meta.sampling.top_p);
  out["presence_penalty"] = short_number(meta.sampling.presence_penalty);
  out["frequency_penalty"] = short_number(meta.sampling.frequency_penalty);
  for (const auto& field : meta.echo) out[field.key()] = field.value();
  return out;
}

std::unique_ptr<ResponseFormat> make_responses_format(ResponsesMeta meta, const Tokenizer& tokenizer,
                                                      std::function<void(json::object response)> on_finished) {
  return std::make_unique<ResponsesFormat>(std::move(meta), tokenizer, std::move(on_finished));
}

}  // namespace ondol
