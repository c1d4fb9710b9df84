#include "app/chat_client.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "net/client.h"

namespace ondol {
namespace json = boost::json;
namespace {

// A member of an object along a path of keys; null where there is none.
const json::value* find(const json::value& value, std::initializer_list<std::string_view> path) {
  const json::value* at = &value;
  for (const std::string_view key : path) {
    const json::object* object = at->if_object();
    at = object == nullptr ? nullptr : object->if_contains(json::string_view(key.data(), key.size()));
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string string_at(const json::value& value, std::initializer_list<std::string_view> path) {
  const json::value* found = find(value, path);
  return found != nullptr && found->is_string() ? std::string(found->get_string().c_str(), found->get_string().size()) : "";
}

int integer_at(const json::value& value, std::initializer_list<std::string_view> path) {
  const json::value* found = find(value, path);
  if (found == nullptr || !found->is_int64()) return 0;
  return static_cast<int>(std::clamp<int64_t>(found->get_int64(), 0, INT32_MAX));
}

// What an HTTP answer that is not 2xx means, in its own words if it has some.
Error server_error(const HttpResponse& response) {
  boost::system::error_code error;
  const json::value body = json::parse(response.body, error);
  std::string message = error ? "" : string_at(body, {"error", "message"});
  if (message.empty()) message = response.body.empty() ? "no explanation" : ondol::quoted(response.body, 200);
  const Code code = response.status == 404                             ? Code::kNotFound
                    : response.status == 429 || response.status == 503 ? Code::kUnavailable
                                                                       : Code::kInvalidArgument;
  return {code, "the server refused (HTTP " + std::to_string(response.status) + "): " + message};
}

Error connection_error(const Error& error, const std::string& url) {
  if (error.code != Code::kUnavailable) return error;
  return {error.code, "no server answers at " + url + " (" + error.message + "); start one with `ondol up`, or name another with --url"};
}

// What the request thread and the caller share; the thread may outlive the call when the answer was given up.
struct Stream {
  std::mutex mutex;
  std::condition_variable changed;
  std::string pending;  // text that the caller has not seen yet
  bool given_up = false;
  bool ended = false;
  int64_t first_token_us = -1;
  ChatStreamReader reader;
  Error error{Code::kInternal, ""};  // an empty message: none
};

void request_thread(const ClientRequest& request, const std::shared_ptr<Stream>& stream) {
  const SteadyClock clock;
  SseReader events;
  const auto on_event = [&](std::string_view, std::string_view data) {
    const std::lock_guard lock(stream->mutex);
    if (!stream->error.message.empty()) return;
    Result<std::string> text = stream->reader.event(data);
    if (!text) {
      stream->error = text.error();
    } else if (!text->empty()) {
      if (stream->first_token_us < 0) stream->first_token_us = clock.now_us();
      stream->pending += *text;
      stream->changed.notify_one();
    }
  };
  const auto on_data = [&](std::string_view bytes, int64_t) {
    const Status pushed = events.push(bytes, on_event);
    const std::lock_guard lock(stream->mutex);
    if (!pushed && stream->error.message.empty()) stream->error = pushed.error();
    return !stream->given_up && stream->error.message.empty();
  };
  const Result<HttpResponse> response = http_fetch(request, on_data);

  const std::lock_guard lock(stream->mutex);
  if (stream->error.message.empty()) {
    if (!response) {
      stream->error = response.error();
    } else if (response->status < 200 || response->status > 299) {
      stream->error = server_error(*response);
    } else if (!stream->reader.done()) {
      stream->error = {Code::kDataLoss, "the server ended the answer early; see its log, or ask again"};
    }
  }
  stream->ended = true;
  stream->changed.notify_one();
}

}  // namespace

std::string chat_request_body(const ChatCall& call) {
  json::array messages;
  for (const ChatTurn& turn : call.turns) messages.push_back(json::object{{"role", turn.role}, {"content", turn.content}});
  json::object body{{"model", call.model},
                    {"messages", std::move(messages)},
                    {"stream", true},
                    {"stream_options", json::object{{"include_usage", true}}}};
  if (call.max_tokens > 0) body["max_tokens"] = call.max_tokens;
  if (call.temperature) body["temperature"] = *call.temperature;
  return json::serialize(body);
}

Result<std::string> ChatStreamReader::event(std::string_view data) {
  if (data == "[DONE]") {
    done_ = true;
    return "";
  }
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(data.data(), data.size()), error);
  if (error) return fail(Code::kDataLoss, "the server sent something that is not a chat event: " + quoted(data));
  if (const std::string message = string_at(value, {"error", "message"}); !message.empty()) {
    return fail(Code::kUnavailable, "the server broke off: " + message);
  }
  if (const json::value* usage = find(value, {"usage"}); usage != nullptr && usage->is_object()) {
    prompt_tokens_ = integer_at(*usage, {"prompt_tokens"});
    completion_tokens_ = integer_at(*usage, {"completion_tokens"});
    cached_tokens_ = integer_at(*usage, {"prompt_tokens_details", "cached_tokens"});
  }
  const json::value* choices = find(value, {"choices"});
  if (choices == nullptr || !choices->is_array() || choices->get_array().empty()) return "";
  const json::value& choice = choices->get_array().front();
  if (std::string reason = string_at(choice, {"finish_reason"}); !reason.empty()) finish_reason_ = std::move(reason);
  return string_at(choice, {"delta", "content"});
}

void ChatStreamReader::fill(ChatAnswer& answer) const {
  answer.finish_reason = finish_reason_;
  answer.prompt_tokens = prompt_tokens_;
  answer.cached_tokens = cached_tokens_;
  answer.completion_tokens = completion_tokens_;
}

Result<ChatAnswer> stream_chat(const ChatCall& call, const std::function<void(std::string_view)>& on_text,
                               const std::function<bool()>& stopped) {
  ClientRequest request;
  request.method = "POST";
  request.url = call.url + "/v1/chat/completions";
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "text/event-stream"}};
  request.body = chat_request_body(call);
  request.idle_timeout_s = 600;  // a long prompt may take minutes on a small machine

  const SteadyClock clock;
  const auto stream = std::make_shared<Stream>();
  const int64_t sent_us = clock.now_us();
  std::thread worker([request, stream] { request_thread(request, stream); });
  ChatAnswer answer;
  std::unique_lock lock(stream->mutex);
  while (true) {
    stream->changed.wait_for(lock, std::chrono::milliseconds(50), [&] { return !stream->pending.empty() || stream->ended; });
    if (const std::string piece = std::exchange(stream->pending, {}); !piece.empty()) {
      lock.unlock();
      on_text(piece);
      answer.text += piece;
      lock.lock();
      continue;
    }
    if (stream->ended) break;
    if (stopped()) {
      stream->given_up = true;
      answer.interrupted = true;
      break;
    }
  }
  stream->reader.fill(answer);
  if (stream->first_token_us >= 0) answer.first_token_us = stream->first_token_us - sent_us;
  answer.total_us = clock.now_us() - sent_us;
  const Error error = stream->error;
  lock.unlock();
  if (answer.interrupted) {
    worker.detach();
    return answer;
  }
  worker.join();
  if (!error.message.empty()) return std::unexpected(connection_error(error, call.url));
  return answer;
}

Result<std::string> first_served_model(const std::string& url) {
  ClientRequest request;
  request.url = url + "/v1/models";
  Result<HttpResponse> response = http_fetch(request);
  if (!response) return std::unexpected(connection_error(response.error(), url));
  if (response->status != 200) return std::unexpected(server_error(*response));
  boost::system::error_code error;
  const json::value body = json::parse(response->body, error);
  const json::value* data = error ? nullptr : find(body, {"data"});
  if (data == nullptr || !data->is_array() || data->get_array().empty()) {
    return fail(Code::kNotFound, "the server at " + url + " lists no models; name one with --model");
  }
  std::string id = string_at(data->get_array().front(), {"id"});
  if (id.empty()) return fail(Code::kDataLoss, "the server at " + url + " lists a model without a name; name one with --model");
  return id;
}

}  // namespace ondol
