// Streams, clients that leave or read slowly, and stopping.
#include <thread>

#include "net/server.h"
#include "net/test_server.h"

namespace ondol {
namespace {

TEST_F(ServerTest, StreamsChunksFromAnotherThread) {
  start(keep());
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  const std::jthread writer([exchange = kept(0)] {
    exchange->begin_stream(200, "text/event-stream", {{"X-A", "b\r\nX-Evil: 1"}, {"Content-Length", "7"}, {"bad name", "x"}});
    exchange->write("data: 1\n\n");
    exchange->write("");
    exchange->write("data: [DONE]\n\n");
    exchange->finish();
    exchange->write("after the end");
  });
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("X-A: b  X-Evil: 1\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("Content-Length"), std::string::npos) << head;
  EXPECT_EQ(head.find("bad name"), std::string::npos) << head;
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "9\r\ndata: 1\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
  ASSERT_TRUE(client.send(kGet));  // the connection is as good as before
  echo(kept(1));
  EXPECT_EQ(body_of(client.read_response()), "GET /a ");
  EXPECT_EQ(answers(200), 2u);
}

TEST_F(ServerTest, PostedTasksAnswerInOrder) {
  start(keep());
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  const std::shared_ptr<Exchange> exchange = kept(0);
  exchange->post([&] { exchange->begin_stream(200, "text/plain", {}); });
  for (const char* text : {"a", "b"}) exchange->post([&exchange, text] { exchange->write(text); });
  exchange->post([&] { exchange->finish(); });
  const std::string response = client.read_until("0\r\n\r\n");
  EXPECT_LT(response.find("\r\na\r\n"), response.find("\r\nb\r\n")) << response;
  server_->stop(0);
  exchange->post([] { ADD_FAILURE() << "there is no thread any more"; });
}

TEST_F(ServerTest, StreamsToOldClientsUntilClose) {
  start(keep());
  auto client = connect();
  ASSERT_TRUE(client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  kept(0)->begin_stream(200, "text/plain", {});
  kept(0)->write("a");
  kept(0)->write("b");
  kept(0)->finish();
  const std::string response = client.read_all();
  EXPECT_EQ(response.find("Transfer-Encoding"), std::string::npos) << response;
  EXPECT_EQ(body_of(response), "ab");
}

TEST_F(ServerTest, AnAbortedStreamIsSeenToBeIncomplete) {
  start(keep());
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  kept(0)->begin_stream(200, "text/plain", {});
  kept(0)->write("a");
  kept(0)->abort();
  EXPECT_EQ(body_of(client.read_all()), "1\r\na\r\n");
  EXPECT_EQ(left_.count(), 0);
}

TEST_F(ServerTest, ADroppedStreamIsAborted) {
  start([](const std::shared_ptr<Exchange>& exchange) {
    exchange->begin_stream(200, "text/plain", {});
    exchange->write("a");
  });
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  EXPECT_EQ(body_of(client.read_all()), "1\r\na\r\n");
}

TEST_F(ServerTest, NoticesThatTheClientLeavesBeforeTheAnswer) {
  start(keep());
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  const auto exchange = kept(0);
  EXPECT_TRUE(exchange->connected());
  client.close();
  ASSERT_TRUE(left_.wait());
  EXPECT_FALSE(exchange->connected());
  Signal at_once;
  exchange->on_disconnect([&] { at_once.raise(); });
  EXPECT_TRUE(at_once.wait());
  echo(exchange);
  stop();
  EXPECT_EQ(left_.count(), 1);
  EXPECT_EQ(answers(499), 1u);
  EXPECT_EQ(answers(200), 0u);
  Signal after_stop;
  exchange->on_disconnect([&] { after_stop.raise(); });
  EXPECT_EQ(after_stop.count(), 1);
}

TEST_F(ServerTest, NoticesThatTheClientLeavesAnIdleStream) {
  start(keep());
  for (const bool by_reset : {false, true}) {
    auto client = connect();
    ASSERT_TRUE(client.send(kGet));
    const size_t i = by_reset ? 1 : 0;
    kept(i)->begin_stream(200, "text/plain", {});
    kept(i)->write("a");
    client.read_until("a\r\n");
    by_reset ? client.reset() : client.close();
    ASSERT_TRUE(left_.wait(static_cast<int>(i) + 1));
  }
}

// So many pipelined bytes that none of them is read any more while the first request is answered.
TEST_F(ServerTest, NoticesThatAPipeliningClientLeaves) {
  start(keep());
  auto client = connect();
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += kGet;
  ASSERT_TRUE(client.send(requests));
  kept(0);
  client.close();
  ASSERT_TRUE(left_.wait());
  EXPECT_EQ(arrived_.count(), 1);
}

TEST_F(ServerTest, CutsOffAClientThatDoesNotRead) {
  options_.max_pending_bytes = 64 << 10;
  start(keep());
  auto client = connect(4096);
  ASSERT_TRUE(client.send(kGet));
  const auto exchange = kept(0);
  exchange->begin_stream(200, "text/plain", {});
  const std::string piece(16 << 10, 'z');
  int writes = 0;
  while (exchange->connected() && writes < 100'000) {  // what the kernel takes comes on top
    exchange->write(piece);
    ++writes;
  }
  ASSERT_TRUE(left_.wait());
  EXPECT_LT(writes, 100'000);
  EXPECT_EQ(left_.count(), 1);
  exchange->write(piece);
  exchange->finish();
}

TEST_F(ServerTest, AReaderThatKeepsUpGetsEverything) {
  options_.max_pending_bytes = 1 << 20;
  start(keep());
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  const auto exchange = kept(0);
  exchange->begin_stream(200, "text/plain", {});
  client.read_until("\r\n\r\n");
  for (int i = 0; i < 2000; ++i) {
    exchange->write(std::string(1000, static_cast<char>('a' + i % 26)));
    ASSERT_EQ(client.read_bytes(1007).substr(0, 6), "3e8\r\n" + std::string(1, static_cast<char>('a' + i % 26)));
  }
  exchange->finish();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
}

TEST_F(ServerTest, TheClientOfALargeAnswerMayTakeItsTime) {
  const std::string large(8 << 20, 'l');
  start([&](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    response.body = large;
    exchange->respond(std::move(response));
  });
  EXPECT_EQ(body_of(ask(kGet)), large);
  stop();
}

TEST_F(ServerTest, AClientThatTakesNothingIsCutOffInTime) {
  options_.write_timeout_s = 1;
  start(keep());
  auto client = connect(4096);
  ASSERT_TRUE(client.send(kGet));
  kept(0)->begin_stream(200, "text/plain", {});
  kept(0)->write(std::string(64 << 20, 'x'));
  EXPECT_TRUE(left_.wait());
}

TEST_F(ServerTest, StoppingLetsAnswersEnd) {
  start(keep());
  auto busy = connect(), idle = connect();
  ASSERT_TRUE(idle.send(kGet));
  echo(kept(0));
  EXPECT_EQ(status_of(idle.read_response()), 200);
  ASSERT_TRUE(busy.send(kGet));
  const auto exchange = kept(1);
  std::jthread stopper([&] { server_->stop(60); });
  EXPECT_EQ(idle.read_all(), "");  // the idle one is closed at once
  echo(exchange);
  const std::string response = busy.read_all();
  EXPECT_EQ(body_of(response), "GET /a ");
  EXPECT_NE(response.find("Connection: close\r\n"), std::string::npos) << response;
  busy.close();
  stopper.join();
  EXPECT_EQ(left_.count(), 0);
  EXPECT_EQ(connections(), 0);
  EXPECT_FALSE(connect().connected());
}

TEST_F(ServerTest, StoppingAtOnceCutsAnswersOff) {
  start(keep());
  auto client = connect();
  ASSERT_TRUE(client.send(kGet));
  const auto exchange = kept(0);
  server_->stop(0);
  EXPECT_EQ(left_.count(), 1);
  EXPECT_EQ(client.read_all(), "");
  EXPECT_FALSE(exchange->connected());
  echo(exchange);  // nothing, and no crash
  server_->stop(0);
}

// Threads answer, clients leave and the server stops, all at the same time: for the sanitizers.
TEST_F(ServerTest, StopsUnderFire) {
  options_.threads = 2;
  Signal served;
  std::mutex workers_mutex;
  std::vector<std::jthread> workers;
  start([&](const std::shared_ptr<Exchange>& exchange) {
    exchange->on_disconnect([exchange] { EXPECT_FALSE(exchange->connected()); });
    const std::scoped_lock lock(workers_mutex);
    workers.emplace_back([exchange, &served] {
      exchange->begin_stream(200, "text/plain", {});
      for (int i = 0; i < 50; ++i) exchange->write("piece");
      exchange->finish();
      served.raise();
    });
  });
  std::vector<std::jthread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([this, c] {
      for (int i = 0; i < 25; ++i) {
        auto client = connect();
        if (!client.send(kGet)) continue;
        if ((i + c) % 3 != 0) client.read_until("0\r\n\r\n");
        if ((i + c) % 3 == 1) client.reset();
      }
    });
  }
  EXPECT_TRUE(served.wait(20));
  stop();
  clients.clear();
  workers.clear();
}

}  // namespace
}  // namespace ondol
