#include "messages/messages_exchange.h"

#include <boost/json.hpp>
#include <utility>

#include "messages/answer_json.h"
#include "messages/messages_answer.h"
#include "messages/messages_error.h"

namespace ondol {

MessagesExchange::MessagesExchange(std::shared_ptr<Exchange> inner, Kind kind, Shown shown)
    : inner_(std::move(inner)), kind_(kind), shown_(std::move(shown)), stream_(shown_.id, shown_.request_id) {
  const HttpRequest& asked = inner_->request();  // its body is not copied: it may be large
  request_.method = asked.method;
  request_.path = kind == Kind::kMessage ? "/v1/chat/completions" : "/tokenize";
  request_.headers = asked.headers;
  request_.body = std::move(shown_.body);
  request_.remote = asked.remote;
  request_.loopback = asked.loopback;
}

void MessagesExchange::add_headers(HttpHeaders& headers) const {
  headers.emplace_back("request-id", shown_.request_id);
  if (!shown_.ignored.empty()) headers.emplace_back("x-ondol-ignored", shown_.ignored);
}

HttpResponse MessagesExchange::turned(HttpResponse response) const {
  if (response.status >= 400) return messages_error_from_chat(std::move(response), shown_.request_id);
  const boost::json::value answer = parse_answer_json(response.body).value_or(nullptr);
  const auto body = kind_ == Kind::kMessage ? message_from_chat(answer, shown_.id) : token_count_from_tokenize(answer);
  if (body) {
    response.body = boost::json::serialize(*body);
    return response;
  }
  response.status = body.error().status;
  response.body = messages_error_json(messages_error_type(body.error().status), body.error().message, shown_.request_id);
  return response;
}

void MessagesExchange::respond(HttpResponse response) {
  response = turned(std::move(response));
  add_headers(response.headers);
  inner_->respond(std::move(response));
}

void MessagesExchange::begin_stream(int status, const std::string& content_type, HttpHeaders headers) {
  {
    const std::scoped_lock lock(mutex_);
    too_large_ = !content_type.starts_with("text/event-stream");
    if (too_large_) {
      return inner_->respond(
          messages_error_response(bad_engine_answer("The engine's answer is too large to be turned into a message."), shown_.request_id));
    }
  }
  add_headers(headers);
  inner_->begin_stream(status, content_type, std::move(headers));
}

void MessagesExchange::write(std::string data) {
  const std::scoped_lock lock(mutex_);
  if (too_large_ || stream_.over()) return;
  std::string out;
  const Status read = reader_.push(data, [&](std::string_view, std::string_view event) { out += stream_.event(event); });
  if (!read) out += stream_.failed(bad_engine_answer("The engine's stream cannot be read: " + read.error().message + "."));
  if (!out.empty()) inner_->write(std::move(out));
}

void MessagesExchange::finish() {
  const std::scoped_lock lock(mutex_);
  if (too_large_) return;
  if (std::string out = stream_.end(); !out.empty()) inner_->write(std::move(out));
  inner_->finish();
}

// The client reads why before the connection closes.
void MessagesExchange::abort() {
  const std::scoped_lock lock(mutex_);
  if (too_large_) return;
  if (std::string out = stream_.end(); !out.empty()) inner_->write(std::move(out));
  inner_->abort();
}

}  // namespace ondol
