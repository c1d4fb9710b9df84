#include "load/answer_reader.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <limits>
#include <string>

namespace ondol {
namespace json = boost::json;
namespace {

const json::value* member(const json::value* value, json::string_view key) {
  const json::object* object = value == nullptr ? nullptr : value->if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

bool has_text(const json::value* value) {
  if (value == nullptr) return false;
  if (const auto* text = value->if_string()) return !text->empty();
  if (const auto* array = value->if_array()) return !array->empty();  // tool_calls
  return false;
}

// Chat deltas carry content, reasoning (two spellings are about) or tool calls; completions carry text.
bool choice_has_text(const json::value& choice) {
  if (has_text(member(&choice, "text"))) return true;
  const json::value* delta = member(&choice, "delta");
  return has_text(member(delta, "content")) || has_text(member(delta, "reasoning_content")) || has_text(member(delta, "reasoning")) ||
         has_text(member(delta, "tool_calls"));
}

int32_t count_at(const json::value* value, int32_t otherwise) {
  if (value == nullptr || !value->is_int64()) return otherwise;
  return static_cast<int32_t>(std::clamp<int64_t>(value->get_int64(), 0, std::numeric_limits<int32_t>::max()));
}

}  // namespace

bool AnswerReader::push(std::string_view bytes, int64_t now_us) {
  bytes_ += bytes.size();
  if (bytes_ > kMaxAnswerBytes) {
    reject(SampleError::kTooLarge, "the answer is larger than " + std::to_string(kMaxAnswerBytes >> 20) + " MiB");
    return false;
  }
  const Status pushed = events_.push(bytes, [&](std::string_view, std::string_view data) { take_event(data, now_us); });
  if (!pushed) reject(SampleError::kTooLarge, pushed.error().message);
  return sample_.ok() && !done_;
}

void AnswerReader::finish() {
  if (!sample_.ok()) return;
  if (!has_event_) return reject(SampleError::kBadAnswer, "the answer holds no server-sent event");
  if (!done_ && !has_finish_reason_) return reject(SampleError::kCutOff, "the stream ended without a finish_reason or [DONE]");
  if (sample_.output_tokens() == 0) reject(SampleError::kEmpty, "the answer is whole, but has no token");
}

void AnswerReader::reject(SampleError error, std::string message) {
  if (!sample_.ok()) return;
  sample_.error = error;
  sample_.message = std::move(message);
}

void AnswerReader::take_event(std::string_view data, int64_t now_us) {
  if (!sample_.ok() || done_) return;
  has_event_ = true;
  if (data == "[DONE]") {
    done_ = true;
    return;
  }
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(data.data(), data.size()), error);
  if (error || !value.is_object()) return reject(SampleError::kBadAnswer, "not a completion event: " + quoted(data));
  if (const json::value* broken = member(&value, "error"); broken != nullptr && !broken->is_null()) {
    const json::value* message = member(broken, "message");
    const bool text = message != nullptr && message->is_string();
    return reject(SampleError::kServerError, text ? quoted(message->get_string(), 200) : quoted(data, 200));
  }
  if (const json::value* usage = member(&value, "usage"); usage != nullptr && usage->is_object()) take_usage(*usage);
  const json::value* choices = member(&value, "choices");
  if (choices == nullptr || !choices->is_array() || choices->get_array().empty()) return;
  const json::value& choice = choices->get_array().front();
  if (choice_has_text(choice)) note_chunk(now_us);
  const json::value* reason = member(&choice, "finish_reason");
  if (reason != nullptr && reason->is_string()) has_finish_reason_ = true;
}

void AnswerReader::take_usage(const json::value& usage) {
  sample_.prompt_tokens = count_at(member(&usage, "prompt_tokens"), sample_.prompt_tokens);
  sample_.completion_tokens = count_at(member(&usage, "completion_tokens"), sample_.completion_tokens);
  sample_.cached_tokens = count_at(member(member(&usage, "prompt_tokens_details"), "cached_tokens"), sample_.cached_tokens);
}

void AnswerReader::note_chunk(int64_t now_us) {
  if (sample_.first_us < 0) {
    sample_.first_us = now_us;
  } else {
    const int64_t gap_us = std::max<int64_t>(0, now_us - sample_.last_us);
    sample_.max_gap_us = std::max(sample_.max_gap_us, gap_us);
    if (sample_.gaps_us.size() < kMaxGapsPerRequest) {
      sample_.gaps_us.push_back(static_cast<uint32_t>(std::min<int64_t>(gap_us, std::numeric_limits<uint32_t>::max())));
    } else {
      sample_.gaps_complete = false;
    }
  }
  sample_.last_us = now_us;
  ++sample_.chunks;
}

}  // namespace ondol
