#include "twin/surface_common.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <chrono>
#include <mutex>
#include <random>

#include "twin/surface_json.h"

namespace ondol {
namespace json = boost::json;
namespace {

bool matches(const Route& route, std::string_view path) {
  if (!route.path.ends_with('*')) return route.path == path;
  const std::string_view prefix = route.path.substr(0, route.path.size() - 1);
  return path.size() > prefix.size() && path.starts_with(prefix);
}

bool read_ids(const json::array& list, std::vector<int32_t>& ids) {
  ids.reserve(list.size());
  for (const json::value& item : list) {
    const std::optional<int64_t> id = json_whole(item);
    if (!id || *id < 0 || *id > INT32_MAX) return false;
    ids.push_back(static_cast<int32_t>(*id));
  }
  return !ids.empty();
}

}  // namespace

HttpHeaders uvicorn_headers() { return {{"Server", "uvicorn"}}; }

HttpResponse uvicorn_response(int status, std::string body, std::string_view content_type) {
  HttpResponse response;
  response.status = status;
  response.headers = uvicorn_headers();
  response.content_type = content_type;
  response.body = std::move(body);
  return response;
}

std::string detail_body(std::string_view text) { return JsonText().text("detail", text).done(); }

void dispatch(const std::vector<Route>& routes, const std::shared_ptr<Exchange>& exchange) {
  const HttpRequest& request = exchange->request();
  const Route* other_method = nullptr;
  for (const Route& route : routes) {
    if (!matches(route, request.path)) continue;
    if (route.method == request.method) return route.handle(exchange);
    other_method = &route;
  }
  if (other_method == nullptr) return exchange->respond(uvicorn_response(404, detail_body("Not Found")));
  HttpResponse response = uvicorn_response(405, detail_body("Method Not Allowed"));
  response.headers.emplace_back("Allow", other_method->method);
  exchange->respond(std::move(response));
}

bool let_in(const std::string& api_key, const std::shared_ptr<Exchange>& exchange) {
  const HttpRequest& request = exchange->request();
  if (api_key.empty() || !request.path.starts_with("/v1")) return true;
  if (find_header(request.headers, "authorization") == "Bearer " + api_key) return true;
  HttpResponse response = uvicorn_response(401, R"({"error":"Unauthorized"})");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  exchange->respond(std::move(response));
  return false;
}

std::string message_text(const json::value& content) {
  if (const auto* text = content.if_string()) return {text->data(), text->size()};
  std::string out;
  const auto* parts = content.if_array();
  if (parts == nullptr) return out;
  for (const json::value& part : *parts) {
    const auto* object = part.if_object();
    const json::value* text = object == nullptr ? nullptr : object->if_contains("text");
    if (text != nullptr && text->is_string()) out.append(text->get_string().data(), text->get_string().size());
  }
  return out;
}

std::vector<int32_t> chat_prompt(const json::array& messages, const TwinTokenizer& tokenizer) {
  std::vector<int32_t> ids;
  const auto add = [&](std::string_view text) {
    const std::vector<int32_t> more = tokenizer.encode(text);
    ids.insert(ids.end(), more.begin(), more.end());
  };
  for (const json::value& message : messages) {
    const auto* object = message.if_object();
    const json::value* role = object == nullptr ? nullptr : object->if_contains("role");
    if (role == nullptr || !role->is_string()) continue;
    add("[" + std::string(role->get_string().data(), role->get_string().size()) + "]");
    const json::value* content = object->if_contains("content");
    add(content == nullptr ? std::string() : message_text(*content));
    add("\n");
  }
  add("[assistant]");
  return ids;
}

std::vector<std::vector<int32_t>> completion_prompts(const json::value& prompt, const TwinTokenizer& tokenizer) {
  if (const auto* text = prompt.if_string()) return {tokenizer.encode({text->data(), text->size()})};
  const auto* list = prompt.if_array();
  if (list == nullptr || list->empty()) return {};
  std::vector<std::vector<int32_t>> prompts;
  if (list->front().is_number()) {
    return read_ids(*list, prompts.emplace_back()) ? std::move(prompts) : std::vector<std::vector<int32_t>>{};
  }
  for (const json::value& item : *list) {
    if (const auto* text = item.if_string()) {
      prompts.push_back(tokenizer.encode({text->data(), text->size()}));
    } else if (const auto* ids = item.if_array(); ids == nullptr || !read_ids(*ids, prompts.emplace_back())) {
      return {};
    }
  }
  return prompts;
}

uint64_t prompt_hash(const std::vector<int32_t>& prompt, uint64_t seed) {
  uint64_t hash = 0xcbf29ce484222325 ^ seed;  // FNV-1a
  for (const int32_t id : prompt) hash = (hash ^ static_cast<uint32_t>(id)) * 0x100000001b3;
  return hash;
}

int64_t natural_length(uint64_t hash, int64_t left) {
  const auto wanted = static_cast<int64_t>(64 + (hash >> 17) % 448);
  return std::max<int64_t>(1, std::min(wanted, left));
}

bool read_stops(const json::object& body, GenerationRequest& request) {
  const auto given = [&](const char* field) {
    const json::value* value = body.if_contains(field);
    return value == nullptr || value->is_null() ? nullptr : value;
  };
  const auto add = [&](const json::value& value) {
    if (value.is_string()) request.stops.emplace_back(value.get_string().data(), value.get_string().size());
    return value.is_string();
  };
  if (const json::value* least = given("min_tokens")) request.min_tokens = json_whole(*least).value_or(0);
  const json::value* keep = given("include_stop_str_in_output");
  request.keep_stop = keep != nullptr && keep->is_bool() && keep->get_bool();
  const json::value* stop = given("stop");
  if (stop == nullptr || add(*stop)) return true;
  return stop->is_array() && std::ranges::all_of(stop->get_array(), add);
}

std::string stops_problem(const GenerationRequest& request, int64_t limit) {
  constexpr size_t kMaxStops = 64, kMaxBytes = 4096;  // what a token's search may cost
  size_t bytes = 0;
  for (const std::string& stop : request.stops) {
    if (stop.empty()) return "stop cannot contain an empty string.";
    bytes += stop.size();
  }
  if (request.stops.size() > kMaxStops || bytes > kMaxBytes) {
    return fmt::format("The twin takes at most {} stop strings of {} bytes together.", kMaxStops, kMaxBytes);
  }
  if (request.min_tokens < 0) return fmt::format("min_tokens must be greater than or equal to 0, got {}.", request.min_tokens);
  if (request.min_tokens <= limit) return "";
  return fmt::format("min_tokens must be less than or equal to max_tokens={}, got {}.", limit, request.min_tokens);
}

void set_answer_length(const AnswerLength& length, GenerationRequest& request) {
  // Of an answer that a relay ends itself: a furiosa-llm engine holds the room for it from the start.
  constexpr int64_t kRelayTokens = 4096;
  request.natural = !length.asked && !length.ignore_eos && !length.relayed;
  if (length.asked) {
    request.max_tokens = *length.asked;
  } else if (length.ignore_eos || length.relayed) {
    request.max_tokens = length.ignore_eos ? length.left : std::min(length.left, std::max(kRelayTokens, request.min_tokens));
  } else {
    request.max_tokens = std::max(request.min_tokens, natural_length(prompt_hash(request.prompts.front(), length.seed), length.left));
  }
}

std::string text_source(const TextRelay* relay) { return relay == nullptr ? "filler" : "relay to " + relay->options().model; }

std::string new_id(std::string_view prefix, size_t digits) {
  static std::mutex mutex;
  static std::mt19937_64 random{std::random_device{}()};
  const std::scoped_lock lock(mutex);
  return std::string(prefix) + fmt::format("{:016x}{:016x}", random(), random()).substr(0, digits);
}

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace ondol
