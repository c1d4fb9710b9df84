#include "gateway/reply.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/gateway_test_util.h"

namespace ondol {
namespace {

namespace json = boost::json;

Reply::Setup setup(const std::shared_ptr<FakeExchange>& exchange, bool stream, int answers, bool usage = false) {
  Reply::Setup out;
  out.exchange = exchange;
  out.headers = {{"x-request-id", "r"}};
  out.stream = stream;
  out.answers = answers;
  out.meta.id = "id";
  out.meta.include_usage = usage;
  out.object = "chunk";
  return out;
}

std::shared_ptr<FakeExchange> exchange() { return std::make_shared<FakeExchange>(HttpRequest{}); }

TEST(Reply, JoinsTheChoicesOfWholeAnswersInTheirOrder) {
  const auto to = exchange();
  Reply reply(setup(to, false, 2));
  reply.complete(R"({"id":"a","choices":[{"index":1,"x":"second"}],"usage":{}})",
                 {.prompt_tokens = 5, .cached_tokens = 4, .completion_tokens = 2});
  EXPECT_FALSE(to->answered());
  reply.complete(R"({"id":"a","choices":[{"index":0,"x":"first"}],"usage":{}})", {.prompt_tokens = 5, .completion_tokens = 3});
  const json::value body = json::parse(to->wait().body);
  EXPECT_EQ(body.at("choices").at(0).at("x"), "first");
  EXPECT_EQ(body.at("choices").at(1).at("x"), "second");
  EXPECT_EQ(body.at("usage").at("total_tokens"), 10);
  EXPECT_EQ(body.at("usage").at("prompt_tokens_details").at("cached_tokens"), 4);
}

TEST(Reply, EndsAStreamOfSeveralAnswersOnce) {
  const auto to = exchange();
  Reply reply(setup(to, true, 2, true));
  reply.write("data: a\n\n");
  reply.complete("data: b\n\n", {.prompt_tokens = 5, .completion_tokens = 2});
  EXPECT_FALSE(reply.over());
  reply.complete("data: c\n\n", {.prompt_tokens = 5, .completion_tokens = 2});
  const std::string body = to->wait().body;
  EXPECT_TRUE(body.starts_with("data: a\n\ndata: b\n\ndata: c\n\n")) << body;
  EXPECT_NE(body.find(R"("total_tokens":9)"), std::string::npos);
  EXPECT_TRUE(body.ends_with("data: [DONE]\n\n"));
}

TEST(Reply, OneFailureEndsAllAnswers) {
  const auto to = exchange();
  int ended = 0;
  Reply::Setup with = setup(to, false, 3);
  with.give_up_rest = [&] { ++ended; };
  Reply reply(std::move(with));
  reply.complete("{}", {});
  reply.fail(overloaded("busy"), "frames");
  EXPECT_EQ(to->wait().status, 429);
  EXPECT_EQ(ended, 1);
  reply.complete("{}", {});  // too late
  reply.abort();
  EXPECT_EQ(ended, 1);
}

TEST(Reply, AStreamThatFailsSaysSoAndIsCut) {
  const auto to = exchange();
  Reply reply(setup(to, true, 1));
  reply.write("data: a\n\n");
  reply.fail(overloaded("busy"), "data: error\n\n");
  EXPECT_TRUE(to->aborted());
  EXPECT_TRUE(reply.over());
}

}  // namespace
}  // namespace ondol
