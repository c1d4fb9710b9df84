#include <boost/json.hpp>
#include <utility>

#include "gateway/api_state.h"
#include "messages/messages_error.h"
#include "messages/messages_exchange.h"
#include "messages/messages_request.h"

namespace ondol {
namespace {

constexpr std::string_view kMessagesPath = "/v1/messages", kCountPath = "/v1/messages/count_tokens";

}  // namespace

bool is_messages_path(std::string_view path) { return path == kMessagesPath || path == kCountPath; }

// From here on whoever answers chats, the door included, sees a chat.
ApiResult<void> Api::State::turn_messages(const std::shared_ptr<Exchange>& exchange, const std::string& request_id) {
  const HttpRequest& asked = exchange->request();
  if (asked.method != "POST") return std::unexpected(method_not_allowed(asked.method, asked.path, "POST"));
  const bool counts = asked.path == kCountPath;
  ONDOL_TRY(const boost::json::value body, parse_json(asked.body, json_limits()));
  ONDOL_TRY(const MessagesRequest request, counts ? parse_count_tokens_request(body) : parse_messages_request(body));
  MessagesExchange::Shown shown{.body = boost::json::serialize(request.chat),
                                .id = ids.name("msg_"),
                                .request_id = request_id,
                                .ignored = join_names(header_names(request.ignored))};
  const auto kind = counts ? MessagesExchange::Kind::kCountTokens : MessagesExchange::Kind::kMessage;
  const auto chat = std::make_shared<MessagesExchange>(exchange, kind, std::move(shown));
  const ApiResult<void> taken = accept(chat, counts ? Kind::kTokenize : Kind::kChat, request_id);
  if (!taken) respond_error(*chat, taken.error(), request_id);
  return {};
}

void Api::State::take_messages(const std::shared_ptr<Exchange>& exchange, const std::string& request_id) {
  const auto refuse = [exchange, request_id](const ApiError& error) {
    HttpResponse response = messages_error_response(error, request_id);
    response.headers.emplace_back("x-request-id", request_id);
    exchange->respond(std::move(response));
  };
  const auto job = [this, exchange, request_id, refuse] {
    const ApiResult<void> done = guarded([&] { return turn_messages(exchange, request_id); });
    if (!done) refuse(done.error());
  };
  const size_t bytes = exchange->request().body.size();
  if (bytes <= kReadAtOnce) return job();
  if (!workers.post(job, bytes)) refuse(overloaded("Too many requests wait to be read; try again in a second."));
}

}  // namespace ondol
