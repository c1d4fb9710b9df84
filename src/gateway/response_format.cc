#include "gateway/response_format.h"

#include <boost/json.hpp>
#include <cmath>

#include "meter/account_json.h"

namespace ondol {
namespace {

constexpr size_t kHeadFields = 5;

boost::json::object token_json(const Tokenizer& tokenizer, int32_t token, float logprob) {
  const std::string bytes = token_text_bytes(tokenizer, token);
  boost::json::array numbers;
  for (const char c : bytes) numbers.emplace_back(static_cast<unsigned char>(c));
  boost::json::object out;
  out["token"] = to_valid_utf8(bytes);
  out["logprob"] = json_logprob(logprob);
  out["bytes"] = std::move(numbers);
  return out;
}

}  // namespace

std::string sse_frame(const boost::json::value& value) { return sse_frame_text(boost::json::serialize(value)); }

std::string sse_frame_text(std::string_view line) {
  std::string out = "data: ";
  out += line;
  out += "\n\n";
  return out;
}

boost::json::object response_head(const ResponseMeta& meta, std::string_view object) {
  boost::json::object head;
  head.reserve(kHeadFields + 2);  // and what the caller adds: choices, usage
  head["id"] = meta.id;
  head["object"] = object;
  head["created"] = meta.created_unix_s;
  head["model"] = meta.model;
  head["system_fingerprint"] = meta.fingerprint;
  return head;
}

std::string open_head(const ResponseMeta& meta, std::string_view object) {
  std::string text = boost::json::serialize(response_head(meta, object));
  text.pop_back();
  return text;
}

boost::json::value usage_json(const Usage& usage) {
  boost::json::object out;
  out.reserve(6);
  out["prompt_tokens"] = usage.prompt_tokens;
  out["completion_tokens"] = usage.completion_tokens;
  out["total_tokens"] = usage.prompt_tokens + usage.completion_tokens;
  out["prompt_tokens_details"] = {{"cached_tokens", usage.cached_tokens}};
  const bool foretold = usage.accepted_prediction_tokens + usage.rejected_prediction_tokens > 0;
  if (usage.reasoning_tokens > 0 || foretold) {
    out["completion_tokens_details"] = {{"reasoning_tokens", usage.reasoning_tokens},
                                        {"accepted_prediction_tokens", usage.accepted_prediction_tokens},
                                        {"rejected_prediction_tokens", usage.rejected_prediction_tokens}};
  }
  if (usage.account) out["ondol"] = account_json(*usage.account);
  return out;
}

std::string usage_frame(const ResponseMeta& meta, std::string_view object, const Usage& usage) {
  boost::json::object chunk = response_head(meta, object);
  chunk["choices"] = boost::json::array();
  chunk["usage"] = usage_json(usage);
  return sse_frame(chunk);
}

std::string token_text_bytes(const Tokenizer& tokenizer, int32_t token) { return tokenizer.token_bytes(token, /*show_special=*/true); }

std::string to_valid_utf8(std::string_view bytes) {
  std::string out;
  for (size_t at = 0; at < bytes.size();) {
    const auto byte = [&](size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u; };
    const unsigned lead = byte(at);
    const size_t length = lead < 0x80                    ? 1
                          : lead >= 0xC2 && lead <= 0xDF ? 2
                          : lead >= 0xE0 && lead <= 0xEF ? 3
                          : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                         : 0;
    // The second byte excludes overlong forms, surrogates and what is beyond U+10FFFF.
    const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    bool valid = length > 0 && (length == 1 || (byte(at + 1) >= low && byte(at + 1) <= high));
    for (size_t i = 2; valid && i < length; ++i) valid = (byte(at + i) & 0xC0) == 0x80;
    if (valid) {
      out += bytes.substr(at, length);
      at += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++at;
    }
  }
  return out;
}

boost::json::array token_logprobs_json(const Tokenizer& tokenizer, const std::vector<TokenRecord>& records) {
  boost::json::array out;
  for (const TokenRecord& record : records) {
    boost::json::object entry = token_json(tokenizer, record.event.token, record.event.logprob);
    boost::json::array top;
    for (const TokenLogprob& candidate : record.event.top) top.push_back(token_json(tokenizer, candidate.token, candidate.logprob));
    entry["top_logprobs"] = std::move(top);
    out.push_back(std::move(entry));
  }
  return out;
}

double json_logprob(float logprob) { return std::isfinite(logprob) ? static_cast<double>(logprob) : -9999.0; }

}  // namespace ondol
