#include "twin/text_relay.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <string_view>
#include <utility>

#include "twin/relay_reader.h"

namespace ondol {
namespace json = boost::json;
namespace {

// One answer of the server, told to its listener.
class AnswerSink final : public HttpSink {
 public:
  explicit AnswerSink(std::shared_ptr<RelayListener> listener) : listener_(std::move(listener)) {}

  void on_head(int status, const HttpHeaders&) override { status_ = status; }

  void on_data(std::string_view bytes) override {
    constexpr size_t kMaxExcerpt = 300;
    if (over_) return;
    if (status_ != 200) {
      refusal_ += bytes.substr(0, kMaxExcerpt - std::min(kMaxExcerpt, refusal_.size()));
      return;
    }
    const Status read = reader_.push(bytes, [this](std::string text) { listener_->heard(std::move(text)); });
    if (!read) end(std::unexpected(read.error()));
  }

  void on_end(const Status& status) override {
    if (!status && status.error().code == Code::kCancelled) return;
    if (!status) return end(std::unexpected(status.error()));
    if (status_ != 200) {
      return end(fail(Code::kUnavailable, "it answers " + std::to_string(status_) + ": " + quoted(refusal_, 200)));
    }
    if (reader_.finish().empty()) return end(fail(Code::kDataLoss, "its answer ends in the middle"));
    end(std::string(reader_.finish()));
  }

 private:
  void end(const Result<std::string>& finish) {
    if (!std::exchange(over_, true)) listener_->ended(finish);
  }

  const std::shared_ptr<RelayListener> listener_;
  RelayReader reader_;
  int status_ = 0;
  bool over_ = false;
  std::string refusal_;
};

}  // namespace

json::object relay_sampling(const json::object& body) {
  constexpr std::array<const char*, 10> kFields = {
      "temperature",        "top_p",      "top_k",     "min_p", "seed", "presence_penalty", "frequency_penalty",
      "repetition_penalty", "min_tokens", "ignore_eos"};
  json::object out;
  for (const char* field : kFields)
    if (const json::value* value = body.if_contains(field); value != nullptr && !value->is_null()) out[field] = *value;
  return out;
}

Result<Url> parse_relay_url(const std::string& text) {
  ONDOL_TRY(Url url, parse_url(text));
  if (url.tls) return fail(Code::kInvalidArgument, "https is not spoken to a relay yet; give an http:// address");
  while (url.target.ends_with('/')) url.target.pop_back();
  if (url.target.ends_with("/v1")) url.target.resize(url.target.size() - 3);
  return url;
}

Result<std::shared_ptr<TextRelay>> TextRelay::start(const TextRelayOptions& options) {
  ONDOL_TRY(Url url, parse_relay_url(options.url));
  return std::make_shared<TextRelay>(options, std::move(url));
}

TextRelay::TextRelay(TextRelayOptions options, Url url)
    : options_(std::move(options)), url_(std::move(url)), client_(AsyncClient::start({.threads = 1, .max_in_flight = kMaxInFlight})) {}

Result<uint64_t> TextRelay::ask(const RelayQuestion& question, int64_t max_tokens, std::shared_ptr<RelayListener> listener) {
  // An event is far smaller than this; a server that goes on beyond what it was asked for is cut off.
  constexpr uint64_t kBytesOfToken = 4096, kBytesBesides = 1 << 20;
  json::object body = question.body;
  body["model"] = options_.model;
  body["max_tokens"] = max_tokens;
  body["stream"] = true;
  AsyncRequest request;
  request.url = url_;
  request.url.target += question.chat ? "/v1/chat/completions" : "/v1/completions";
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "text/event-stream"}};
  if (!options_.api_key.empty()) request.headers.emplace_back("Authorization", "Bearer " + options_.api_key);
  request.body = json::serialize(body);
  request.max_body_bytes = kBytesBesides + kBytesOfToken * static_cast<uint64_t>(max_tokens);
  return client_->send(std::move(request), std::make_shared<AnswerSink>(std::move(listener)));
}

void TextRelay::note_problem(const std::string& message) {
  const std::scoped_lock lock(mutex_);
  problem_ = message;
}

std::string TextRelay::last_problem() const {
  const std::scoped_lock lock(mutex_);
  return problem_;
}

}  // namespace ondol
