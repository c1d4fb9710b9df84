#include "net/http_text.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(HttpText, FindsHeadersInAnyCase) {
  const HttpHeaders headers = {{"X-A", "1"}, {"x-a", "2"}};
  EXPECT_EQ(find_header(headers, "x-A"), "1");
  EXPECT_EQ(find_header(headers, "x-b"), "");
}

TEST(HttpText, ErrorBodiesAreJsonWhateverTheMessage) {
  EXPECT_EQ(error_body(400, "a \"b\"\n\\", "bad"),
            R"({"error":{"message":"a \"b\"\u000a\\","type":"invalid_request_error","param":null,"code":"bad"}})");
  EXPECT_NE(error_body(503, "", "").find("server_error"), std::string::npos);
}

TEST(HttpText, HeadsCannotBeSplit) {
  std::string out;
  append_head(out, {.status = 200, .content_type = "a\r\nb", .content_length = 12},
              {{"Good", "x\r\nSet-Cookie: y"}, {"Transfer-Encoding", "chunked"}, {"a\r\nb", "c"}, {"", "d"}});
  EXPECT_TRUE(out.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << out;
  EXPECT_NE(out.find(" GMT\r\nServer: ondol\r\nContent-Type: a  b\r\nContent-Length: 12\r\nGood: x  Set-Cookie: y\r\n\r\n"),
            std::string::npos)
      << out;
}

TEST(HttpText, ChunksCarryTheirLengthInHex) {
  std::string out;
  append_chunk(out, std::string(26, 'a'));
  append_chunk(out, "");
  EXPECT_EQ(out, "1a\r\n" + std::string(26, 'a') + "\r\n");
}

}  // namespace
}  // namespace ondol
