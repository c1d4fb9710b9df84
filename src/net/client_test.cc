#include "net/client.h"

#include "net/test_script.h"
#include "net/test_server.h"

namespace ondol {
namespace {

ClientRequest get(std::string url) {
  ClientRequest request;
  request.url = std::move(url);
  return request;
}

std::string outcome(const Result<HttpResponse>& response) {
  return response ? std::to_string(response->status) + " " + response->body : std::string(code_name(response.error().code));
}

class ClientTest : public ServerTest {
 protected:
  std::string url(const std::string& rest = "/") const { return "http://localhost:" + std::to_string(server_->port()) + rest; }
};

TEST_F(ClientTest, TalksToTheServer) {
  start(echo);
  ClientRequest request = get(url("/a%20b"));
  EXPECT_EQ(outcome(http_fetch(request)), "200 GET /a b ");
  request.method = "POST";
  request.body = std::string(1'000'000, 'p');
  EXPECT_EQ(outcome(http_fetch(request)), "200 POST /a b " + request.body);
  request.method = "HEAD";
  request.body.clear();
  const auto head = http_fetch(request);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(find_header(head->headers, "content-length"), "10");
  EXPECT_EQ(head->content_type, "text/plain");
}

TEST_F(ClientTest, HandsOnAStreamPieceByPiece) {
  start(keep());
  Signal received;
  std::string seen;
  int64_t last_total = 0;
  std::jthread client([&] {
    const auto response = http_fetch(get(url()), [&](std::string_view data, int64_t total) {
      seen += data;
      last_total = total;
      received.raise();
      return true;
    });
    EXPECT_EQ(outcome(response), "200 ");
  });
  const auto exchange = kept(0);
  exchange->begin_stream(200, "text/event-stream", {});
  for (int i = 1; i <= 3; ++i) {
    exchange->write("piece");
    EXPECT_TRUE(received.wait(i));
  }
  exchange->finish();
  client.join();
  EXPECT_EQ(seen, "piecepiecepiece");
  EXPECT_EQ(last_total, -1);
}

TEST_F(ClientTest, StoppingATransferIsSeenByTheServer) {
  start(keep());
  std::jthread client([&] { EXPECT_EQ(outcome(http_fetch(get(url()), [](std::string_view, int64_t) { return false; })), "cancelled"); });
  kept(0)->begin_stream(200, "text/plain", {});
  kept(0)->write("piece");
  EXPECT_TRUE(left_.wait());
}

TEST_F(ClientTest, StopsWhileItWaits) {
  start(keep());
  std::atomic<bool> stop{false};
  std::jthread client([&] {
    ClientRequest request = get(url());
    request.stop = &stop;
    EXPECT_EQ(outcome(http_fetch(request)), "cancelled");
  });
  kept(0);
  stop = true;
  EXPECT_TRUE(left_.wait());
}

TEST_F(ClientTest, GivesUpOnASilentServer) {
  start(keep());
  ClientRequest request = get(url());
  request.idle_timeout_s = 1;
  EXPECT_EQ(outcome(http_fetch(request)), "deadline_exceeded");
  release_kept();
}

TEST_F(ClientTest, CollectsErrorBodiesAndBoundsThem) {
  start([](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    response.status = 404;
    response.body = std::string(1000, 'e');
    exchange->respond(std::move(response));
  });
  const auto never = [](std::string_view, int64_t) { return false; };
  EXPECT_EQ(outcome(http_fetch(get(url()), never)), "404 " + std::string(1000, 'e'));
  ClientRequest small = get(url());
  small.max_body_bytes = 999;
  EXPECT_EQ(outcome(http_fetch(small)), "resource_exhausted");
}

TEST_F(ClientTest, ATruncatedAnswerIsDataLoss) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nContent-", "", "nonsense\r\n\r\n"}) {
    ScriptedServer server({answer});
    EXPECT_EQ(outcome(http_fetch(get(server.url()))), "data_loss") << answer;
  }
  start(keep());
  std::jthread aborter([&] {
    kept(0)->begin_stream(200, "text/plain", {});
    kept(0)->write("a");
    kept(0)->abort();
  });
  EXPECT_EQ(outcome(http_fetch(get(url()))), "data_loss");
}

TEST_F(ClientTest, InterimAnswersArePassedOver) {
  ScriptedServer server({"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + answer_with("ok")});
  EXPECT_EQ(outcome(http_fetch(get(server.url()))), "200 ok");
}

TEST_F(ClientTest, SaysWhatCannotBeReached) {
  uint16_t free_port = 0;
  {
    free_port = ScriptedServer({}).port();
  }
  const auto refused = http_fetch(get("http://127.0.0.1:" + std::to_string(free_port) + "/"));
  EXPECT_EQ(outcome(refused), "unavailable");
  EXPECT_NE(refused.error().message.find("127.0.0.1:" + std::to_string(free_port)), std::string::npos) << refused.error().message;
  EXPECT_EQ(outcome(http_fetch(get("file:///etc/passwd"))), "invalid_argument");
  ClientRequest split = get("http://127.0.0.1/");
  split.headers = {{"A", "b\r\nC: d"}};
  EXPECT_EQ(outcome(http_fetch(split)), "invalid_argument");
}

TEST_F(ClientTest, FollowsRedirectsButNotWithSecretsToOthers) {
  ScriptedServer other({answer_with("there")});
  ScriptedServer first({redirect_to("/b", 307), redirect_to(other.url("/c"))});
  ClientRequest request = get(first.url("/a"));
  request.headers = {{"Authorization", "Bearer secret"}, {"Range", "bytes=5-"}};
  EXPECT_EQ(outcome(http_fetch(request, [](std::string_view, int64_t) { return true; })), "200 ");
  ASSERT_EQ(first.requests().size(), 2u);
  EXPECT_TRUE(first.requests()[1].starts_with("GET /b HTTP/1.1\r\n")) << first.requests()[1];
  EXPECT_NE(first.requests()[1].find("secret"), std::string::npos);
  EXPECT_EQ(other.requests().at(0).find("secret"), std::string::npos);
  EXPECT_NE(other.requests().at(0).find("Range: bytes=5-\r\n"), std::string::npos);
}

TEST_F(ClientTest, RedirectsKeepOrDropTheBodyAsTheStatusSays) {
  ScriptedServer server({redirect_to("/b", 308), redirect_to("/c", 303), answer_with("done")});
  ClientRequest request = get(server.url("/a"));
  request.method = "POST";
  request.body = "body";
  EXPECT_EQ(outcome(http_fetch(request)), "200 done");
  EXPECT_TRUE(server.requests().at(1).starts_with("POST /b "));
  EXPECT_TRUE(server.requests().at(1).ends_with("\r\n\r\nbody"));
  EXPECT_TRUE(server.requests().at(2).starts_with("GET /c "));
  EXPECT_TRUE(server.requests().at(2).ends_with("\r\n\r\n"));
}

TEST_F(ClientTest, EndlessRedirectsEnd) {
  ScriptedServer server({redirect_to("/"), redirect_to("/"), redirect_to("/")});
  ClientRequest request = get(server.url());
  request.max_redirects = 2;
  EXPECT_EQ(outcome(http_fetch(request)), "unavailable");
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(ClientTest, AsksAProxyWithTheWholeUrl) {
  ScriptedServer proxy({answer_with("through")});
  const ScopedVariable variable("http_proxy", "http://us:pw@127.0.0.1:" + std::to_string(proxy.port()));
  EXPECT_EQ(outcome(http_fetch(get("http://unreachable.example:81/x?y"))), "200 through");
  const std::string request = proxy.requests().at(0);
  EXPECT_TRUE(request.starts_with("GET http://unreachable.example:81/x?y HTTP/1.1\r\nHost: unreachable.example:81\r\n")) << request;
  EXPECT_NE(request.find("Proxy-Authorization: Basic dXM6cHc=\r\n"), std::string::npos) << request;
}

}  // namespace
}  // namespace ondol
