#include "door/forward.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "endpoint/api_error.h"
#include "meter/account_json.h"

namespace ondol {
namespace {

// Of one connection (RFC 9110, 7.6.1), or between the client and this server alone.
constexpr std::string_view kOwnHeaders[] = {"connection",
                                            "keep-alive",
                                            "proxy-connection",
                                            "te",
                                            "trailer",
                                            "upgrade",
                                            "host",
                                            "content-length",
                                            "expect",
                                            "transfer-encoding",
                                            "authorization",
                                            "x-api-key",
                                            "cookie",
                                            "set-cookie",
                                            "proxy-authorization",
                                            "content-type",
                                            "accept-encoding",
                                            "x-request-id",
                                            "date",
                                            "server"};

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x - 'A' + 'a' : x) == y; });
}

HttpHeaders passed_on(const HttpHeaders& headers) {
  HttpHeaders out;
  for (const auto& [name, value] : headers) {
    const bool own = std::ranges::any_of(kOwnHeaders, [&](std::string_view known) { return same_name(name, known); });
    const bool cors = name.size() > 15 && same_name(name.substr(0, 15), "access-control-");
    if (!own && !cors) out.emplace_back(name, value);
  }
  return out;
}

ApiError broken(const Error& error) {
  ApiError out;
  out.message = error.message;
  out.status = error.code == Code::kDeadlineExceeded ? 504 : error.code == Code::kDataLoss ? 502 : 503;
  out.code = error.code == Code::kDeadlineExceeded ? "endpoint_timeout"
             : error.code == Code::kDataLoss       ? "endpoint_broke_off"
                                                   : "endpoint_unavailable";
  if (out.status == 503) out.retry_after_s = 1;
  return out;
}

Error too_large() {
  return {Code::kDataLoss, "The endpoint's answer is larger than " + std::to_string(Door::kMaxWholeBytes >> 20) +
                               " MiB, or too many large ones are held; ask for less at a time, or for a stream."};
}

}  // namespace

Forward::Forward(Door::State& door, std::shared_ptr<Exchange> exchange, RequestPeek peek, std::string request_id)
    : door_(door),
      exchange_(std::move(exchange)),
      peek_(std::move(peek)),
      request_id_(std::move(request_id)),
      asks_for_usage_(peek_.streams && !peek_.wants_usage && exchange_->request().path != "/v1/responses"),
      received_us_(door.clock.now_us()) {}

void Forward::start() {
  exchange_->on_disconnect([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->leave();
  });
  try_next({Code::kUnavailable, ""});
}

void Forward::try_next(const Error& last) {
  std::shared_lock lock(door_.sending);
  std::optional<size_t> chosen;
  if (tried_.size() < Door::kMaxTries && !left() && !door_.closing) chosen = door_.board.take(peek_.model, tried_);
  const Status sent = chosen ? send_to(*chosen) : Status(std::unexpected(last));
  lock.unlock();
  if (sent) return;
  if (chosen) return on_end(sent);
  const std::string why = last.message.empty() ? "no endpoint that serves it is ready; see GET /ondol/endpoints" : last.message;
  end_broken({last.code, "The model " + quoted(peek_.model) + " cannot answer now: " + why + "."});
}

Status Forward::send_to(size_t index) {
  Door::State::Entry& entry = door_.entries[index];
  sent_us_ = door_.clock.now_us();
  work_id_ = entry.work->begin(sent_us_, prompt_tokens_guess(peek_.prompt_bytes), peek_.streams);
  working_ = true;
  id_ = 0;
  at_ = index;
  size_t attempt = 0;
  {
    const std::scoped_lock lock(place_mutex_);
    attempt = ++attempt_;
    tried_.push_back(index);
    id_ = 0;
  }
  ONDOL_TRY(const uint64_t id, entry.endpoint->send(request(), shared_from_this()));
  const std::scoped_lock lock(place_mutex_);
  if (attempt != attempt_) return {};
  id_ = id;
  if (left_) entry.endpoint->cancel(id);
  return {};
}

EndpointRequest Forward::request() const {
  const HttpRequest& asked = exchange_->request();
  EndpointRequest out;
  out.method = asked.method;
  out.target = asked.query.empty() ? asked.path : asked.path + "?" + asked.query;
  out.headers = passed_on(asked.headers);
  out.headers.emplace_back("Content-Type", "application/json");
  out.headers.emplace_back("x-request-id", request_id_);
  out.body = asks_for_usage_ ? ask_for_usage(peek_, asked.body) : asked.body;
  return out;
}

void Forward::leave() {
  const std::scoped_lock lock(place_mutex_);
  left_ = true;
  if (id_ != 0) door_.entries[tried_.back()].endpoint->cancel(id_);
}

bool Forward::left() {
  const std::scoped_lock lock(place_mutex_);
  return left_;
}

void Forward::on_head(int status, const HttpHeaders& headers) {
  status_ = status;
  headers_ = passed_on(headers);
  headers_.emplace_back("x-request-id", request_id_);
  headers_.emplace_back("x-ondol-endpoint", door_.entries[at_].name);
  content_type_ = find_header(headers, "content-type");
  if (content_type_.empty()) content_type_ = "application/octet-stream";
  if (content_type_.starts_with("text/event-stream")) {
    mode_ = Mode::kEvents;
    exchange_->begin_stream(status, content_type_, headers_);
  } else {
    mode_ = Mode::kWhole;
  }
}

void Forward::on_data(std::string_view bytes) {
  if (mode_ == Mode::kEvents) {
    std::string out;
    splitter_.push(bytes, [&](std::string_view event) { take_event(event, out); });
    if (!out.empty()) exchange_->write(std::move(out));
  } else {
    hold(bytes);
  }
}

// Until it is whole: a client that reads slowly could not be waited for otherwise.
void Forward::hold(std::string_view bytes) {
  if (too_large_) return;
  whole_ += bytes;
  const size_t held = door_.held_bytes += bytes.size();
  if (whole_.size() <= Door::kMaxWholeBytes && held <= Door::kMaxHeldBytes) return;
  let_go();
  too_large_ = true;
  const std::scoped_lock lock(place_mutex_);
  if (id_ != 0) door_.entries[at_].endpoint->cancel(id_);
}

void Forward::let_go() {
  door_.held_bytes -= whole_.size();
  whole_ = {};
}

void Forward::take_event(std::string_view event, std::string& out) {
  if (splitter_.gave_up()) {
    out += event;
    return;
  }
  const EventSight sight = look_at_event(event);
  if (sight.tokens > 0) {
    const int64_t now_us = door_.clock.now_us();
    if (first_us_ == 0) first_us_ = now_us;
    tokens_ += sight.tokens;
    door_.entries[at_].work->tokens(work_id_, now_us, sight.tokens);
  }
  if (!sight.last_usage) {
    out += event;
    return;
  }
  const std::string cost = account(sight.usage->prompt_tokens, sight.usage->completion_tokens);
  if (asks_for_usage_ && event.find("\"choices\"") != std::string_view::npos) return;  // the client did not ask for this event
  if (cost.empty()) {
    out += event;
  } else {
    out += with_account(event, *sight.usage, cost);
  }
}

std::string Forward::account(int64_t prompt_tokens, int64_t completion_tokens) {
  if (!std::exchange(working_, false)) return {};
  const Door::State::Entry& entry = door_.entries[at_];
  const int64_t now_us = door_.clock.now_us();
  entry.work->end(work_id_, now_us, prompt_tokens, completion_tokens);
  const std::vector<MeteredDevice>& devices = entry.work->devices();
  for (const MeteredDevice& device : devices) device.settle();
  RequestUse use{.model = peek_.model, .device = entry.device_names, .energy = entry.work->finish(work_id_, peek_.model)};
  if (devices.empty()) return {};
  use.input_tokens = std::max<int64_t>(prompt_tokens, 0);
  use.output_tokens = completion_tokens >= 0 ? completion_tokens : tokens_;
  // What the first token took beyond computing the prompt.
  const double prefill_s = entry.model.prefill(std::max<int64_t>(prompt_tokens, 1)).seconds;
  if (first_us_ > 0) use.queue_us = std::max<int64_t>(0, first_us_ - received_us_ - static_cast<int64_t>(prefill_s * 1e6));
  return boost::json::serialize(account_json(usage_report(*devices.front().prices, use)));
}

void Forward::on_end(const Status& status) {
  door_.board.release(at_);
  if (!status) {
    account(-1, tokens_ > 0 ? tokens_ : -1);
    let_go();
    if (too_large_) return end_broken(too_large());
    if (mode_ != Mode::kNone) return end_broken(status.error());
    // Nobody has seen anything of it: another endpoint may answer.
    if (status.error().code == Code::kUnavailable || status.error().code == Code::kResourceExhausted) return try_next(status.error());
    return end_broken(status.error());
  }
  door_.count(at_, peek_.model, status_);
  if (mode_ == Mode::kEvents) return end_events();
  if (!too_large_) return end_whole();
  account(-1, -1);
  end_broken(too_large());
}

void Forward::end_events() {
  account(-1, tokens_);
  if (!splitter_.rest().empty() && !splitter_.gave_up()) {
    return end_broken({Code::kDataLoss, "the endpoint ended in the middle of an event"});
  }
  exchange_->finish();
}

void Forward::end_whole() {
  HttpResponse response;
  const std::optional<UsagePlace> usage = status_ == 200 ? find_usage(whole_) : std::nullopt;
  const std::string cost = usage ? account(usage->prompt_tokens, usage->completion_tokens) : account(-1, -1);
  response.status = status_;
  response.content_type = content_type_;
  response.headers = std::move(headers_);
  response.body = usage && !cost.empty() ? with_account(whole_, *usage, cost) : whole_;
  let_go();
  exchange_->respond(std::move(response));
}

void Forward::end_broken(const Error& error) {
  const ApiError answer = broken(error);
  if (!tried_.empty()) door_.count(tried_.back(), peek_.model, answer.status);
  if (mode_ == Mode::kNone || mode_ == Mode::kWhole) {
    HttpResponse response = error_response(answer);
    response.headers.emplace_back("x-request-id", request_id_);
    return exchange_->respond(std::move(response));
  }
  if (mode_ == Mode::kEvents) exchange_->write("data: " + error_json(answer) + "\n\n");
  exchange_->abort();
}

}  // namespace ondol
