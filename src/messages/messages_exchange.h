// A request for a Message, shown to whoever answers chats as a chat: the answer is turned around on its way back.
//
// Owner: as any Exchange; shares the one it wraps. Any thread. Bounded: events of SseReader's limit, answers of kMaxAnswerJsonBytes.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "messages/messages_stream.h"
#include "net/client.h"
#include "net/server.h"

namespace ondol {

class MessagesExchange final : public Exchange {
 public:
  enum class Kind { kMessage, kCountTokens };
  struct Shown {
    std::string body;        // of the chat, or of /tokenize
    std::string id;          // of the message ("msg_...")
    std::string request_id;  // for Anthropic's header request-id, and in errors
    std::string ignored;     // for x-ondol-ignored; empty: none
  };

  MessagesExchange(std::shared_ptr<Exchange> inner, Kind kind, Shown shown);

  // POST /v1/chat/completions or /tokenize, with the headers that came.
  const HttpRequest& request() const override { return request_; }
  void respond(HttpResponse response) override;
  void begin_stream(int status, const std::string& content_type, HttpHeaders headers) override;
  void write(std::string data) override;
  void finish() override;
  void abort() override;
  void on_disconnect(std::function<void()> callback) override { inner_->on_disconnect(std::move(callback)); }
  bool connected() const override { return inner_->connected(); }
  void post(std::function<void()> task) override { inner_->post(std::move(task)); }

 private:
  void add_headers(HttpHeaders& headers) const;
  HttpResponse turned(HttpResponse response) const;

  const std::shared_ptr<Exchange> inner_;
  const Kind kind_;
  Shown shown_;  // without its body
  HttpRequest request_;
  std::mutex mutex_;  // of what follows
  SseReader reader_;
  MessagesStream stream_;
  bool too_large_ = false;  // a whole answer that comes in pieces: it was refused
};

}  // namespace ondol
