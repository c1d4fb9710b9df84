#include <gtest/gtest.h>

#include "app/fetch.h"
#include "app/file_server_test_util.h"
#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

std::string content(size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>(i * 7 + i / 251);
  return text;
}

TEST(FetchUrl, BringsAFileWithProgress) {
  const TestFolder folder;
  const std::string bytes = content(300'000);
  FileServer server(bytes);
  uint64_t last = 0;
  ASSERT_TRUE(fetch_url(server.url(), bytes.size(), folder.path("f"), [&](uint64_t done, uint64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, 300'000u);
    last = done;
  }));
  EXPECT_EQ(folder.read("f"), bytes);
  EXPECT_EQ(last, bytes.size());
}

TEST(FetchUrl, AsksOnlyForWhatIsMissing) {
  const TestFolder folder;
  const std::string bytes = content(100'000);
  FileServer server(bytes);
  folder.write("f", bytes.substr(0, 60'000));
  ASSERT_TRUE(fetch_url(server.url(), bytes.size(), folder.path("f"), {}));
  EXPECT_EQ(folder.read("f"), bytes);
  EXPECT_EQ(server.seen_ranges(), std::vector<std::string>{"bytes=60000-"});
}

TEST(FetchUrl, StartsOverWhereTheServerKnowsNoRanges) {
  const TestFolder folder;
  const std::string bytes = content(100'000);
  FileServer server(bytes);
  server.ranges = false;
  folder.write("f", std::string(60'000, 'x'));
  ASSERT_TRUE(fetch_url(server.url(), bytes.size(), folder.path("f"), {}));
  EXPECT_EQ(folder.read("f"), bytes);
}

TEST(FetchUrl, AsksForNothingWhenAllIsThere) {
  const TestFolder folder;
  folder.write("f", "1234");
  FileServer server("1234");
  ASSERT_TRUE(fetch_url(server.url(), 4, folder.path("f"), {}));
  EXPECT_TRUE(server.seen_ranges().empty());
}

TEST(FetchUrl, DropsAPartialFileThatIsTooLong) {
  const TestFolder folder;
  folder.write("f", "123456789");
  FileServer server("1234");
  ASSERT_TRUE(fetch_url(server.url(), 4, folder.path("f"), {}));
  EXPECT_EQ(folder.read("f"), "1234");
}

TEST(FetchUrl, RefusesAnotherSizeAndNamesBoth) {
  const TestFolder folder;
  FileServer server("12345");
  for (const uint64_t expected : {4u, 6u}) {
    const Status status = fetch_url(server.url(), expected, folder.path("f"), {});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::kDataLoss);
    EXPECT_NE(status.error().message.find("5 bytes instead of " + std::to_string(expected)), std::string::npos) << status.error().message;
    EXPECT_EQ(folder.read("f"), "");
  }
}

TEST(FetchUrl, FailsAtOnceOnAnHttpError) {
  const TestFolder folder;
  FileServer server("x");
  server.status = 404;
  const Status status = fetch_url(server.url(), 5, folder.path("f"), {});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("404"), std::string::npos);
  EXPECT_EQ(server.seen_ranges().size(), 1u);
}

// Answers without a length, each a part of the file.
TEST(FetchUrl, NeverJoinsBytesWhosePlaceIsUnknown) {
  const TestFolder folder;
  const std::string bytes = content(90'000);
  Registry metrics;
  std::atomic<int> requests = 0;
  const auto server = HttpServer::start({}, metrics, [&](std::shared_ptr<Exchange> exchange) {
                        ++requests;
                        size_t from = 0;
                        const std::string_view range = find_header(exchange->request().headers, "Range");
                        if (range.size() > 6) std::from_chars(range.data() + 6, range.data() + range.size(), from);
                        exchange->begin_stream(from == 0 ? 200 : 206, "application/octet-stream", {});
                        exchange->write(bytes.substr(from, 30'000));
                        exchange->finish();
                      }).value();
  // After the first part the place of further bytes is unknown: the file is given up, not corrupted.
  const Status status = fetch_url("http://127.0.0.1:" + std::to_string(server->port()) + "/f", bytes.size(), folder.path("f"), {});
  ASSERT_FALSE(status);
  EXPECT_LE(requests.load(), 50);
  EXPECT_TRUE(!folder.has("f") || bytes.starts_with(folder.read("f")));
}

}  // namespace
}  // namespace ondol
