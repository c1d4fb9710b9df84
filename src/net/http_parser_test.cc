#include "net/http_parser.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

// Feeds in pieces of `step` bytes as a connection does: what is not taken comes again with more behind it.
ParseState feed_all(RequestParser& parser, std::string_view bytes, size_t step) {
  std::string input;
  while (!bytes.empty() && parser.state() != ParseState::kDone && parser.state() != ParseState::kRefused) {
    input += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    input.erase(0, parser.feed(input));
  }
  return parser.state();
}

constexpr int kAccepted = 200;

// The status that a request is refused with. However it is cut it must end so, or never be complete: Beast waits for the empty line before
// it looks at a request line that came in pieces.
int refused_with(std::string_view request) {
  RequestParser whole(ParserLimits{});
  const int status = feed_all(whole, request, request.size()) == ParseState::kRefused ? whole.refusal().status : kAccepted;
  for (const size_t step : {size_t{1}, size_t{7}}) {
    RequestParser parser(ParserLimits{});
    const ParseState state = feed_all(parser, request, step);
    EXPECT_TRUE(state != ParseState::kRefused || parser.refusal().status == status) << request;
    EXPECT_TRUE(state != ParseState::kDone || status == kAccepted) << request;
  }
  return status;
}

// Shapes that two HTTP programs in a row read in two ways (request smuggling; RFC 9112 sections 2.2, 5, 6, 7 and 11.2).
TEST(RequestParser, RefusesWhatMayBeReadInTwoWays) {
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const std::pair<std::string, int> cases[] = {
      {start + "Content-Length: 3\r\n" + chunked + "\r\n0\r\n\r\n", 400},
      {start + chunked + "Content-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {start + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {start + "Content-Length: 3, 4\r\n\r\nabcd", 400},
      {start + "Content-Length: +3\r\n\r\nabc", 400},
      {start + "Content-Length: -3\r\n\r\nabc", 400},
      {start + "Content-Length: 0x3\r\n\r\nabc", 400},
      {start + "Content-Length: 3 3\r\n\r\nabc", 400},
      {start + "Content-Length:\r\n\r\nabc", 400},
      {start + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {start + chunked + chunked + "\r\n0\r\n\r\n", 400},
      {start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {start + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
      {start + "Transfer-Encoding: \x0b"
               "chunked\r\n\r\n0\r\n\r\n",
       400},
      {start + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
      {start + "X: a\r\n\tContent-Length: 5\r\n\r\nabcde", 400},
      {start + "Content-Length : 3\r\n\r\nabc", 400},
      {start + "Content-Length\t: 3\r\n\r\nabc", 400},
      {start + " Content-Length: 3\r\n\r\nabc", 400},
      {start + ": 3\r\n\r\n", 400},
      {start + "Bad Name: 3\r\n\r\n", 400},
      {start + std::string("X: a\0b\r\n\r\n", 10), 400},
      {start + "X: a\rb\r\n\r\n", 400},
      {start + "X: a\nY: b\r\n\r\n", 400},
      {"POST / HTTP/1.1\nHost: h\n\n", 400},
      {"POST  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"POST / a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"POST /\tHTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"POST / HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
      {"POST / http/1.1\r\nHost: h\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n\r\n", 400},
      {"POST / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
      {start + "Host: other\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n", 400},
      {start + chunked + "\r\nz\r\n", 400},
      {start + chunked + "\r\n-1\r\n", 400},
      {start + chunked + "\r\n1\nab\r\n0\r\n\r\n", 400},
      {start + chunked + "\r\n1\r\nabc\r\n0\r\n\r\n", 400},
      {start + chunked + "\r\n11111111111111111\r\n", 400},
      {start + chunked + "\r\n0\r\nContent-Length: 3\r\n\r\n", 400},
  };
  for (const auto& [request, status] : cases) {
    EXPECT_EQ(refused_with(request), status) << request;
  }
}

TEST(RequestParser, TakesTheSameLengthTwiceAsRfc9110Allows) {
  EXPECT_EQ(refused_with("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), kAccepted);
}

TEST(RequestParser, ResultsDoNotDependOnHowTheBytesAreCut) {
  const std::string request =
      "POST /p%20q?x=%20 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;a=b\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: t\r\n\r\n";
  for (size_t step = 1; step <= request.size(); ++step) {
    RequestParser parser(ParserLimits{});
    ASSERT_EQ(feed_all(parser, request, step), ParseState::kDone) << step;
    EXPECT_EQ(parser.request().method, "POST");
    EXPECT_EQ(parser.request().path, "/p q");
    EXPECT_EQ(parser.request().query, "x=%20");
    EXPECT_EQ(parser.request().body, "abc0123456789abcdef");
    EXPECT_EQ(parser.request().headers.size(), 3u);
    EXPECT_TRUE(parser.expects_continue());
    EXPECT_TRUE(parser.keep_alive());
  }
}

TEST(RequestParser, LeavesThePipelinedRequestAlone) {
  RequestParser parser(ParserLimits{});
  const std::string first = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(parser.feed(first + "GET /b"), first.size());
  EXPECT_EQ(parser.state(), ParseState::kDone);
  EXPECT_EQ(parser.feed("GET /b"), 0u);
}

TEST(RequestParser, ABodyHoldsWhatItAllocates) {
  for (const bool chunked : {false, true}) {
    BodyBudget budget(1000);
    const std::string body(700, 'b');
    std::string request = "POST / HTTP/1.1\r\nHost: h\r\n";
    request += chunked ? "Transfer-Encoding: chunked\r\n\r\n2bc\r\n" + body + "\r\n0\r\n\r\n" : "Content-Length: 700\r\n\r\n" + body;
    {
      RequestParser first(ParserLimits{}, &budget);
      ASSERT_EQ(feed_all(first, request, 50), ParseState::kDone);
      EXPECT_EQ(first.request().body, body);
      EXPECT_EQ(budget.bytes() - budget.free(), first.request().body.capacity());
      RequestParser second(ParserLimits{}, &budget);
      ASSERT_EQ(feed_all(second, request, 50), ParseState::kRefused);
      EXPECT_EQ(second.refusal().status, 503);
      EXPECT_EQ(second.refusal().code, "too_many_body_bytes");
      const BodyBudget::Share kept = first.take_body_share();
      first = RequestParser(ParserLimits{}, &budget);
      second = RequestParser(ParserLimits{}, &budget);
      EXPECT_LE(budget.free(), 300u) << "who takes the body holds it";
    }
    EXPECT_EQ(budget.free(), 1000u);
  }
}

TEST(RequestParser, AClaimedLengthAllocatesNothing) {
  RequestParser parser(ParserLimits{});
  parser.feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 33554432\r\n\r\nab");
  EXPECT_EQ(parser.state(), ParseState::kBody);
  EXPECT_LT(parser.request().body.capacity(), 1000u);
}

Result<std::string> read_response(std::string_view bytes, size_t step, bool closes) {
  std::string body, input;
  ResponseParser parser(ParserLimits{}, false, [&](std::string_view piece) {
    body += piece;
    return Status();
  });
  while (!bytes.empty() && !parser.done()) {
    input += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    ONDOL_TRY(const size_t taken, parser.feed(input));
    input.erase(0, taken);
  }
  if (closes) ONDOL_TRY_STATUS(parser.finish());
  return std::to_string(parser.status()) + " " + body;
}

TEST(ResponseParser, KnowsWhereABodyEnds) {
  for (const size_t step : {1u, 3u, 1000u}) {
    EXPECT_EQ(read_response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", step, false), "200 ab");
    EXPECT_EQ(read_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", step, false), "200 abc");
    EXPECT_EQ(read_response("HTTP/1.0 404 No\r\n\r\nab", step, true), "404 ab");
    EXPECT_EQ(read_response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", step, true).error().code, Code::kDataLoss);
    EXPECT_EQ(read_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", step, true).error().code, Code::kDataLoss);
    EXPECT_EQ(read_response("SSH-2.0-x\r\n", step, true).error().code, Code::kDataLoss);
    EXPECT_EQ(read_response("", step, true).error().code, Code::kDataLoss);
  }
}

}  // namespace
}  // namespace ondol
