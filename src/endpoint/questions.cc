#include "endpoint/questions.h"

#include <boost/json.hpp>
#include <utility>

namespace ondol {
namespace {

namespace json = boost::json;

constexpr size_t kMaxVersionBytes = 256;

std::string status_text(const HttpResponse& response) {
  return "status " + std::to_string(response.status) + (response.body.empty() ? "" : ": " + quoted(response.body, 200));
}

Result<json::object> parse_object(std::string_view body) {
  boost::system::error_code ec;
  json::value value;
  try {
    value = json::parse(body, ec);  // 32 levels deep at most
  } catch (const std::exception& error) {
    return fail(Code::kDataLoss, std::string("the answer cannot be read: ") + error.what());
  }
  if (ec || !value.is_object()) return fail(Code::kDataLoss, "the answer is no JSON object: " + quoted(body, 200));
  return std::move(value.as_object());
}

EndpointState state_of(const EndpointDialect& dialect, int status) {
  if (status == 200) return EndpointState::kReady;
  const bool refused = status == 401 || status == 403 || status == 429 || status >= 500;
  return dialect.probe_is_a_guess && !refused ? EndpointState::kReady : EndpointState::kNotReady;
}

}  // namespace

void probe_endpoint(const EndpointDialect& dialect, const AskEndpoint& ask, std::function<void(EndpointState, std::string)> then) {
  ask(std::string(dialect.probe_target), [&dialect, then = std::move(then)](const Result<HttpResponse>& answer) {
    if (answer) {
      const EndpointState state = state_of(dialect, answer->status);
      return then(state, state == EndpointState::kReady ? "" : status_text(*answer));
    }
    // Somebody accepted the connection and did not answer, or not in HTTP: it is there, but of no use.
    const Code code = answer.error().code;
    const EndpointState state = code == Code::kUnavailable ? EndpointState::kDown
                                : code == Code::kCancelled ? EndpointState::kUnknown
                                                           : EndpointState::kNotReady;
    then(state, answer.error().message);
  });
}

void ask_load(const EndpointDialect& dialect, const AskEndpoint& ask, std::function<void(Result<EndpointLoad>)> then) {
  if (dialect.metrics_target.empty()) return then(fail(Code::kUnimplemented, "a plain OpenAI server shows no load"));
  ask(std::string(dialect.metrics_target), [&dialect, then = std::move(then)](const Result<HttpResponse>& answer) {
    if (!answer) return then(std::unexpected(answer.error()));
    if (answer->status != 200) return then(fail(Code::kUnavailable, "the metrics answer with " + status_text(*answer)));
    const Result<PrometheusSamples> page = parse_prometheus(answer->body);
    if (!page) return then(std::unexpected(page.error()));
    then(dialect.read_load(*page));
  });
}

void ask_capabilities(const EndpointDialect& dialect, const AskEndpoint& ask, std::function<void(Result<EndpointCapabilities>)> then) {
  ask("/v1/models", [&dialect, ask, then = std::move(then)](const Result<HttpResponse>& answer) {
    if (!answer) return then(std::unexpected(answer.error()));
    if (answer->status != 200) {
      const bool key = answer->status == 401 || answer->status == 403;
      return then(fail(key ? Code::kUnauthenticated : Code::kUnavailable,
                       std::string(key ? "the API key is refused: " : "the list of models answers with ") + status_text(*answer)));
    }
    Result<std::vector<EndpointModel>> models = read_models(answer->body);
    if (!models) return then(std::unexpected(models.error()));
    EndpointCapabilities found = dialect.traits;
    found.models = std::move(*models);
    if (dialect.version_target.empty()) return then(std::move(found));
    ask(std::string(dialect.version_target), [then, found = std::move(found)](const Result<HttpResponse>& version) mutable {
      if (version && version->status == 200) found.version = read_version(version->body);
      then(std::move(found));
    });
  });
}

Result<std::vector<EndpointModel>> read_models(std::string_view body) {
  ONDOL_TRY(const json::object root, parse_object(body));
  const json::value* data = root.if_contains("data");
  if (data == nullptr || !data->is_array()) return fail(Code::kDataLoss, "the list of models has no \"data\"");
  if (data->as_array().size() > kMaxEndpointModels) return fail(Code::kDataLoss, "the list of models has more than 10000");
  std::vector<EndpointModel> out;
  for (const json::value& entry : data->as_array()) {
    const json::object* model = entry.if_object();
    const json::value* id = model == nullptr ? nullptr : model->if_contains("id");
    if (id == nullptr || !id->is_string()) return fail(Code::kDataLoss, "a model of the list has no \"id\"");
    EndpointModel one{std::string(id->as_string()), {}};
    if (const json::value* length = model->if_contains("max_model_len");
        length != nullptr && length->is_int64() && length->as_int64() > 0) {
      one.max_context = length->as_int64();
    }
    out.push_back(std::move(one));
  }
  return out;
}

// The version, and the git hash of each component where it is told.
std::string read_version(std::string_view body) {
  const Result<json::object> root = parse_object(body);
  if (!root) return "";
  std::string out;
  const auto add = [&](std::string_view text) { out.append(out.empty() ? "" : " ").append(text); };
  const auto text_of = [](const json::object& from, std::string_view key) {
    const json::value* value = from.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
  };
  add(text_of(*root, "version"));
  if (const std::string commit = text_of(*root, "commit"); !commit.empty()) add(commit);
  for (const auto& [name, value] : *root) {
    if (!value.is_object()) continue;
    const std::string hash = text_of(value.as_object(), "git_hash");
    add(std::string(name) + "/" + (hash.empty() ? text_of(value.as_object(), "version") : hash));
  }
  if (out.size() > kMaxVersionBytes) out.resize(kMaxVersionBytes);
  return out;
}

}  // namespace ondol
