// Private to this room: the Exchange of one request on a connection.
//
// Owner: the application, which may keep it longer than the connection or the server lives. Any thread.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "net/connection.h"
#include "net/server.h"

namespace ondol {

class ConnectionExchange final : public Exchange {
 public:
  ConnectionExchange(std::shared_ptr<Connection> connection, uint64_t id, HttpRequest request, BodyBudget::Share body)
      : connection_(std::move(connection)), id_(id), request_(std::move(request)), body_(std::move(body)) {}
  ~ConnectionExchange() override { outbox().dropped(id_); }

  const HttpRequest& request() const override { return request_; }
  void respond(HttpResponse response) override { outbox().respond(id_, response); }
  void begin_stream(int status, const std::string& content_type, HttpHeaders headers) override {
    outbox().begin_stream(id_, status, content_type, headers);
  }
  void write(std::string data) override { outbox().write(id_, data); }
  void finish() override { outbox().finish(id_); }
  void abort() override { outbox().abort(id_); }
  void on_disconnect(std::function<void()> callback) override { outbox().on_disconnect(id_, std::move(callback)); }
  bool connected() const override { return outbox().connected(); }
  void post(std::function<void()> task) override { connection_->run(std::move(task)); }

 private:
  Outbox& outbox() const { return connection_->outbox(); }

  const std::shared_ptr<Connection> connection_;
  const uint64_t id_;
  const HttpRequest request_;
  const BodyBudget::Share body_;  // of the request's body
};

}  // namespace ondol
