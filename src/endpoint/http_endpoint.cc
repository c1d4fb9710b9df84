#include "endpoint/http_endpoint.h"

#include <condition_variable>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "endpoint/questions.h"
#include "net/http_text.h"

namespace ondol {
namespace {

// What is in flight: the endpoint waits for it when it goes. Shared with the sinks.
struct InFlight {
  std::mutex mutex;
  std::condition_variable changed;
  std::unordered_set<uint64_t> ids;
  size_t requests = 0;  // without probes and the like
  size_t ending = 0;    // of `on_end` that run now
  bool closing = false;
};

// Passes an answer on, and takes its request out of what is in flight.
template <class Inner>
class TrackedSink final : public HttpSink {
 public:
  TrackedSink(std::shared_ptr<InFlight> in_flight, std::shared_ptr<Inner> inner, bool request)
      : in_flight_(std::move(in_flight)), inner_(std::move(inner)), request_(request) {}

  void on_head(int status, const HttpHeaders& headers) override { inner_->on_head(status, headers); }
  void on_data(std::string_view bytes) override { inner_->on_data(bytes); }
  void on_end(const Status& status) override {
    {
      const std::scoped_lock lock(in_flight_->mutex);  // send() holds it until `id` is set
      in_flight_->ids.erase(id);
      if (request_) --in_flight_->requests;
      ++in_flight_->ending;
    }
    inner_->on_end(status);
    inner_.reset();
    const std::scoped_lock lock(in_flight_->mutex);
    --in_flight_->ending;
    in_flight_->changed.notify_all();
  }

  uint64_t id = 0;

 private:
  const std::shared_ptr<InFlight> in_flight_;
  std::shared_ptr<Inner> inner_;
  const bool request_;
};

class HttpEndpoint final : public Endpoint {
 public:
  HttpEndpoint(EndpointKind kind, Url url, EndpointOptions options, std::shared_ptr<AsyncClient> client)
      : dialect_(dialect_of(kind)), url_(std::move(url)), options_(std::move(options)), client_(std::move(client)) {}

  ~HttpEndpoint() override {
    std::unique_lock lock(in_flight_->mutex);
    in_flight_->closing = true;
    for (const uint64_t id : in_flight_->ids) client_->cancel(id);
    in_flight_->changed.wait(lock, [&] { return in_flight_->ids.empty() && in_flight_->ending == 0; });
  }

  const std::string& name() const override { return options_.name; }
  EndpointKind kind() const override { return dialect_.kind; }

  Result<uint64_t> send(EndpointRequest request, std::shared_ptr<EndpointSink> sink) override {
    AsyncRequest out = to(request.target);
    out.method = std::move(request.method);
    out.headers = std::move(request.headers);
    out.body = std::move(request.body);
    out.first_byte_timeout_us = request.first_byte_timeout_us > 0 ? request.first_byte_timeout_us : options_.first_byte_timeout_us;
    out.idle_timeout_us = request.idle_timeout_us > 0 ? request.idle_timeout_us : options_.idle_timeout_us;
    out.max_body_bytes = options_.max_body_bytes;
    return send(std::move(out), std::make_shared<TrackedSink<EndpointSink>>(in_flight_, std::move(sink), true), options_.max_in_flight);
  }

  void cancel(uint64_t id) override {
    const std::scoped_lock lock(in_flight_->mutex);
    if (in_flight_->ids.contains(id)) client_->cancel(id);  // the client has others' requests, too
  }

  void probe(std::function<void(EndpointState, std::string)> then) override { probe_endpoint(dialect_, asker(), std::move(then)); }
  void load(std::function<void(Result<EndpointLoad>)> then) override { ask_load(dialect_, asker(), std::move(then)); }
  void capabilities(std::function<void(Result<EndpointCapabilities>)> then) override {
    ask_capabilities(dialect_, asker(), std::move(then));
  }

 private:
  AsyncRequest to(const std::string& target) const {
    AsyncRequest out;
    out.url = url_;
    out.url.target += target;
    return out;
  }

  template <class Sink>
  Result<uint64_t> send(AsyncRequest request, std::shared_ptr<Sink> sink, size_t most) {
    if (!options_.api_key.empty()) {
      std::erase_if(request.headers, [](const auto& header) { return equals_ignoring_case(header.first, "authorization"); });
      request.headers.emplace_back("Authorization", "Bearer " + options_.api_key);
    }
    const std::scoped_lock lock(in_flight_->mutex);
    if (in_flight_->closing) return fail(Code::kCancelled, name() + " is being closed");
    if (in_flight_->requests >= most) {
      return fail(Code::kResourceExhausted, name() + " has " + std::to_string(most) + " requests in flight already; try again later");
    }
    ONDOL_TRY(const uint64_t id, client_->send(std::move(request), sink));
    sink->id = id;
    in_flight_->ids.insert(id);
    if (most != SIZE_MAX) ++in_flight_->requests;
    return id;
  }

  AskEndpoint asker() {
    return [this](std::string target, std::function<void(Result<HttpResponse>)> then) {
      AsyncRequest question = to(target);
      question.method = "GET";
      question.first_byte_timeout_us = question.idle_timeout_us = options_.probe_timeout_us;
      question.max_body_bytes = kMaxQuestionBytes;
      auto answer = std::make_shared<AnswerSink>(then);
      const auto sent =
          send(std::move(question), std::make_shared<TrackedSink<AnswerSink>>(in_flight_, std::move(answer), false), SIZE_MAX);
      if (!sent) then(std::unexpected(sent.error()));
    };
  }

  const EndpointDialect& dialect_;
  const Url url_;  // its target is the path in front of the API's
  const EndpointOptions options_;
  const std::shared_ptr<AsyncClient> client_;
  const std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>();
};

}  // namespace

Result<std::unique_ptr<Endpoint>> make_http_endpoint(EndpointKind kind, const std::string& url, const EndpointOptions& options,
                                                     std::shared_ptr<AsyncClient> client) {
  if (kind == EndpointKind::kBuiltin) return fail(Code::kInvalidArgument, "the built-in engine has no URL");
  ONDOL_TRY(Url parsed, parse_url(url));
  if (!parsed.user_info.empty()) return fail(Code::kInvalidArgument, "an endpoint's URL has no user and password; use its API key");
  if (parsed.target.find('?') != std::string::npos) return fail(Code::kInvalidArgument, quoted(url) + ": an endpoint's URL has no query");
  const auto cut = [&](std::string_view end) {
    if (parsed.target.ends_with(end)) parsed.target.resize(parsed.target.size() - end.size());
  };
  cut("/");
  cut("/v1");
  EndpointOptions named = options;
  if (named.name.empty()) named.name = url;
  if (client == nullptr) client = AsyncClient::start({.connect_timeout_us = options.connect_timeout_us});
  if (parsed.tls) ONDOL_TRY_STATUS(client->check_https());
  return std::make_unique<HttpEndpoint>(kind, std::move(parsed), std::move(named), std::move(client));
}

}  // namespace ondol
