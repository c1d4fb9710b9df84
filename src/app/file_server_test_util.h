// An HTTP server on loopback that serves one file, with or without byte ranges, and may cut answers short.
#pragma once

#include <atomic>
#include <charconv>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "net/server.h"

namespace ondol {

class FileServer {
 public:
  explicit FileServer(std::string content) : content_(std::move(content)) {
    server_ = HttpServer::start({}, metrics_, [this](std::shared_ptr<Exchange> exchange) { handle(*exchange); }).value();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()) + "/file"; }

  bool ranges = true;
  int status = 0;  // not 0: what every request is answered with
  std::vector<std::string> seen_ranges() {
    const std::lock_guard lock(mutex_);
    return seen_ranges_;
  }

 private:
  void handle(Exchange& exchange) {
    const std::string range(find_header(exchange.request().headers, "Range"));
    {
      const std::lock_guard lock(mutex_);
      seen_ranges_.push_back(range);
    }
    HttpResponse response;
    response.content_type = "application/octet-stream";
    if (status != 0) {
      response.status = status;
      return exchange.respond(std::move(response));
    }
    size_t from = 0;
    if (ranges && range.starts_with("bytes=")) {
      std::from_chars(range.data() + 6, range.data() + range.size(), from);
      response.status = 206;
      response.headers.emplace_back("Content-Range", "bytes " + std::to_string(from) + "-" + std::to_string(content_.size() - 1) + "/" +
                                                         std::to_string(content_.size()));
    }
    response.body = content_.substr(from);
    exchange.respond(std::move(response));
  }

  std::string content_;
  std::mutex mutex_;
  std::vector<std::string> seen_ranges_;
  Registry metrics_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace ondol
