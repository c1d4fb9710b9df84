#include "gateway/builtin_endpoint.h"

#include <utility>

#include "endpoint/questions.h"
#include "gateway/builtin_delivery.h"
#include "net/url.h"

namespace ondol {
namespace {

class BuiltinExchange final : public Exchange {
 public:
  BuiltinExchange(std::shared_ptr<BuiltinDelivery> delivery, HttpRequest request)
      : delivery_(std::move(delivery)), request_(std::move(request)) {}
  ~BuiltinExchange() override { delivery_->dropped(); }

  const HttpRequest& request() const override { return request_; }
  void respond(HttpResponse response) override { delivery_->respond(std::move(response)); }
  void begin_stream(int status, const std::string& content_type, HttpHeaders headers) override {
    delivery_->begin_stream(status, content_type, std::move(headers));
  }
  void write(std::string data) override { delivery_->write(std::move(data)); }
  void finish() override { delivery_->finish(); }
  void abort() override { delivery_->abort(); }
  void on_disconnect(std::function<void()> callback) override { delivery_->on_disconnect(std::move(callback)); }
  bool connected() const override { return delivery_->connected(); }
  void post(std::function<void()> task) override { delivery_->thread().post(std::move(task)); }

 private:
  const std::shared_ptr<BuiltinDelivery> delivery_;
  const HttpRequest request_;
};

Result<HttpRequest> request_of(EndpointRequest request) {
  HttpRequest out;
  out.method = std::move(request.method);
  const size_t query = request.target.find('?');
  ONDOL_TRY(out.path, percent_decode(std::string_view(request.target).substr(0, query)));
  if (!out.path.starts_with('/')) return fail(Code::kInvalidArgument, "the target " + quoted(request.target) + " does not begin with '/'");
  if (query != std::string::npos) out.query = request.target.substr(query + 1);
  out.headers = std::move(request.headers);
  out.body = std::move(request.body);
  out.remote = "this process";
  out.loopback = true;
  return out;
}

class BuiltinEndpoint final : public Endpoint {
 public:
  BuiltinEndpoint(std::shared_ptr<Api> api, EndpointOptions options) : api_(std::move(api)), options_(std::move(options)) {}
  ~BuiltinEndpoint() override { thread_->stop(); }

  const std::string& name() const override { return options_.name; }
  EndpointKind kind() const override { return EndpointKind::kBuiltin; }

  Result<uint64_t> send(EndpointRequest request, std::shared_ptr<EndpointSink> sink) override {
    return send(std::move(request), std::move(sink), options_.max_in_flight);
  }
  void cancel(uint64_t id) override { thread_->cancel(id); }

  void probe(std::function<void(EndpointState, std::string)> then) override { probe_endpoint(dialect(), asker(), std::move(then)); }
  void load(std::function<void(Result<EndpointLoad>)> then) override { ask_load(dialect(), asker(), std::move(then)); }
  void capabilities(std::function<void(Result<EndpointCapabilities>)> then) override {
    ask_capabilities(dialect(), asker(), std::move(then));
  }

 private:
  static const EndpointDialect& dialect() { return dialect_of(EndpointKind::kBuiltin); }

  Result<uint64_t> send(EndpointRequest request, std::shared_ptr<EndpointSink> sink, size_t most) {
    const BuiltinDelivery::Limits limits{request.first_byte_timeout_us > 0 ? request.first_byte_timeout_us : options_.first_byte_timeout_us,
                                         request.idle_timeout_us > 0 ? request.idle_timeout_us : options_.idle_timeout_us};
    ONDOL_TRY(HttpRequest own, request_of(std::move(request)));
    ONDOL_TRY(const std::shared_ptr<BuiltinDelivery> delivery, thread_->add(thread_, std::move(sink), limits, most));
    auto exchange = std::make_shared<BuiltinExchange>(delivery, std::move(own));
    thread_->post([api = api_, exchange = std::move(exchange)] {
      if (exchange->connected()) api->handle(exchange);
    });
    return delivery->id();
  }

  AskEndpoint asker() {
    return [this](std::string target, std::function<void(Result<HttpResponse>)> then) {
      EndpointRequest question;
      question.method = "GET";
      question.target = std::move(target);
      question.first_byte_timeout_us = question.idle_timeout_us = options_.probe_timeout_us;
      const auto sent = send(std::move(question), std::make_shared<AnswerSink>(then), SIZE_MAX);
      if (!sent) then(std::unexpected(sent.error()));
    };
  }

  const std::shared_ptr<Api> api_;
  const EndpointOptions options_;
  const std::shared_ptr<BuiltinThread> thread_ = std::make_shared<BuiltinThread>();
};

}  // namespace

std::unique_ptr<Endpoint> make_builtin_endpoint(std::shared_ptr<Api> api, const EndpointOptions& options) {
  EndpointOptions named = options;
  if (named.name.empty()) named.name = "builtin";
  return std::make_unique<BuiltinEndpoint>(std::move(api), std::move(named));
}

}  // namespace ondol
