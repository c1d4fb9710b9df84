#include "load/load_client.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <exception>
#include <utility>

#include "load/answer_reader.h"
#include "net/client.h"
#include "net/url.h"

namespace ondol {
namespace json = boost::json;
namespace {

constexpr size_t kMaxErrorBodyBytes = 1 << 20;
constexpr size_t kMaxModelNameBytes = 1024;

ClientRequest base_request(const LoadTarget& target, std::string_view path) {
  ClientRequest request;
  request.url = target.url + std::string(path);
  if (!target.api_key.empty()) request.headers.emplace_back("Authorization", "Bearer " + target.api_key);
  request.connect_timeout_s = std::min(10, target.timeout_s);
  request.idle_timeout_s = target.timeout_s;
  request.max_body_bytes = kMaxErrorBodyBytes;
  return request;
}

// What an answer other than 2xx says: OpenAI's error.message, or the beginning of the body.
std::string refusal(const HttpResponse& response) {
  std::string text = "HTTP " + std::to_string(response.status);
  boost::system::error_code error;
  const json::value body = json::parse(response.body, error);
  if (const json::object* object = error ? nullptr : body.if_object()) {
    const json::value* inner = object->if_contains("error");
    const json::value* message = inner != nullptr && inner->is_object() ? inner->get_object().if_contains("message") : nullptr;
    if (message != nullptr && message->is_string()) return text + ": " + quoted(message->get_string(), 200);
  }
  return response.body.empty() ? text : text + ": " + quoted(response.body, 200);
}

SampleError kind_of_status(int status) {
  if (status == 429) return SampleError::kHttp429;
  if (status == 503) return SampleError::kHttp503;
  if (status >= 400 && status < 500) return SampleError::kHttp4xx;
  return status >= 500 ? SampleError::kHttp5xx : SampleError::kHttpOther;
}

SampleError kind_of_failure(Code code) {
  switch (code) {
    case Code::kDeadlineExceeded:
    case Code::kCancelled: return SampleError::kTimeout;
    case Code::kDataLoss: return SampleError::kCutOff;
    case Code::kResourceExhausted: return SampleError::kTooLarge;
    default: return SampleError::kConnect;
  }
}

void set_error(RequestSample& sample, SampleError error, std::string message) {
  if (!sample.ok()) return;
  sample.error = error;
  sample.message = std::move(message);
}

// The answer is in the reader already; what remains is how the exchange ended.
void conclude(const Result<HttpResponse>& response, AnswerReader& reader, RequestSample& sample) {
  if (response) sample.status = response->status;
  if (response && (response->status < 200 || response->status > 299)) {
    return set_error(sample, kind_of_status(response->status), refusal(*response));
  }
  const bool left_by_us = !response && response.error().code == Code::kCancelled && reader.done();
  if (left_by_us) sample.status = 200;
  if (response || left_by_us) return reader.finish();
  set_error(sample, kind_of_failure(response.error().code), response.error().message);
}

}  // namespace

Result<std::string> server_root(const std::string& url) {
  std::string root = url;
  const auto strip_slashes = [&] {
    while (root.ends_with('/')) root.pop_back();
  };
  strip_slashes();
  if (root.ends_with("/v1")) root.resize(root.size() - 3);
  strip_slashes();
  ONDOL_TRY(const Url parsed, parse_url(root));
  if (parsed.target.find('?') == std::string::npos) return root;
  return fail(Code::kInvalidArgument, "the URL " + quoted(parsed.text(), 200) + " has a query; give the server's address only");
}

std::string load_request_body(const LoadTarget& target, const std::string& prompt, int output_tokens) {
  json::object body{{"model", target.model}};
  if (target.endpoint == LoadEndpoint::kChat) {
    body["messages"] = json::array{json::object{{"role", "user"}, {"content", prompt}}};
  } else {
    body["prompt"] = prompt;
  }
  body["max_tokens"] = output_tokens;
  if (target.temperature >= 0) body["temperature"] = target.temperature;
  body["stream"] = true;
  body["stream_options"] = json::object{{"include_usage", true}};
  if (!target.standard_only) body["ignore_eos"] = true;
  return json::serialize(body);
}

Result<std::string> first_model(const LoadTarget& target) {
  const Result<HttpResponse> response = http_fetch(base_request(target, "/v1/models"));
  if (!response) {
    return fail(response.error().code, "no server answers at " + target.url + " (" + response.error().message +
                                           "); start one with `ondol up`, or name another with --url");
  }
  if (response->status != 200) {
    return fail(Code::kUnavailable, target.url + "/v1/models: " + refusal(*response) + "; name a model with --model, a key with --api-key");
  }
  boost::system::error_code error;
  const json::value body = json::parse(response->body, error);
  const json::object* object = error ? nullptr : body.if_object();
  const json::value* data = object == nullptr ? nullptr : object->if_contains("data");
  const json::array* models = data == nullptr ? nullptr : data->if_array();
  const json::object* first = models == nullptr || models->empty() ? nullptr : models->front().if_object();
  const json::value* id = first == nullptr ? nullptr : first->if_contains("id");
  const bool usable = id != nullptr && id->is_string() && !id->get_string().empty() && id->get_string().size() <= kMaxModelNameBytes;
  if (usable) return std::string(id->get_string());
  return fail(Code::kNotFound, "the server at " + target.url + " lists no models; name one with --model");
}

void send_request(const LoadTarget& target, const std::string& body, const Clock& clock, int64_t start_us, const std::atomic<bool>& stop,
                  const std::function<void(const RequestSample&)>& on_chunk, RequestSample& sample) {
  ClientRequest request = base_request(target, target.endpoint == LoadEndpoint::kChat ? "/v1/chat/completions" : "/v1/completions");
  request.method = "POST";
  request.headers.emplace_back("Content-Type", "application/json");
  request.headers.emplace_back("Accept", "text/event-stream");
  request.body = body;
  request.stop = &stop;
  AnswerReader reader(sample);
  const auto on_data = [&](std::string_view bytes, int64_t) {
    const bool more = reader.push(bytes, clock.now_us() - start_us);
    if (on_chunk) on_chunk(sample);
    return more;
  };
  sample.sent_us = clock.now_us() - start_us;
  try {
    conclude(http_fetch(request, on_data), reader, sample);
  } catch (const std::exception& error) {
    // Out of descriptors or threads: the socket could not even be made.
    set_error(sample, SampleError::kConnect, "cannot make a socket: " + std::string(error.what()) + "; raise `ulimit -n`");
  }
  sample.end_us = clock.now_us() - start_us;
}

}  // namespace ondol
