#include "gateway/reply.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <utility>

namespace ondol {

namespace json = boost::json;

void Reply::write(std::string frames) {
  if (over_) return;
  if (!std::exchange(begun_, true)) {
    HttpHeaders headers = setup_.headers;
    headers.emplace_back("Cache-Control", "no-cache");
    headers.emplace_back("X-Accel-Buffering", "no");
    setup_.exchange->begin_stream(200, "text/event-stream", std::move(headers));
  }
  if (!frames.empty()) setup_.exchange->write(std::move(frames));
}

// All answers have the same prompt: it counts once.
void Reply::add(const Usage& usage) {
  usage_.prompt_tokens = usage.prompt_tokens;
  usage_.cached_tokens = std::max(usage_.cached_tokens, usage.cached_tokens);
  usage_.completion_tokens += usage.completion_tokens;
  usage_.reasoning_tokens += usage.reasoning_tokens;
  usage_.accepted_prediction_tokens += usage.accepted_prediction_tokens;
  usage_.rejected_prediction_tokens += usage.rejected_prediction_tokens;
  if (usage.account) usage_.account = usage_.account ? together(*usage_.account, *usage.account) : usage.account;
}

void Reply::complete(std::string text, const Usage& usage) {
  if (over_) return;
  add(usage);
  --open_;
  if (setup_.stream) {
    if (open_ == 0 && setup_.answers > 1) {
      if (setup_.meta.include_usage) text += usage_frame(setup_.meta, setup_.object, usage_);
      text += sse_frame_text("[DONE]");
    }
    write(std::move(text));
  } else {
    bodies_.push_back(std::move(text));
  }
  if (open_ > 0) return;
  over_ = true;
  if (setup_.stream) return setup_.exchange->finish();
  HttpResponse response;
  response.headers = std::move(setup_.headers);
  response.body = setup_.answers == 1 ? std::move(bodies_.front()) : merged();
  setup_.exchange->respond(std::move(response));
}

// The choices of all bodies in one, in the order of their indexes.
std::string Reply::merged() const {
  json::array choices;
  json::object out;
  for (const std::string& body : bodies_) {
    out = json::parse(body).as_object();
    for (json::value& choice : out["choices"].as_array()) choices.push_back(std::move(choice));
  }
  std::ranges::sort(choices, {}, [](const json::value& choice) { return choice.at("index").to_number<int>(); });
  out["choices"] = std::move(choices);
  out["usage"] = usage_json(usage_);
  return json::serialize(out);
}

void Reply::fail(const ApiError& error, std::string frames) {
  if (over_) return;
  if (begun_) {
    write(std::move(frames));
    over_ = true;
    setup_.exchange->abort();
  } else {
    over_ = true;
    HttpResponse response = error_response(error);
    std::move(setup_.headers.begin(), setup_.headers.end(), std::back_inserter(response.headers));
    setup_.exchange->respond(std::move(response));
  }
  if (setup_.give_up_rest) setup_.give_up_rest();
}

void Reply::abort() {
  if (std::exchange(over_, true)) return;
  setup_.exchange->abort();
  if (setup_.give_up_rest) setup_.give_up_rest();
}

}  // namespace ondol
