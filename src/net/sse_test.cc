#include <gtest/gtest.h>

#include "net/client.h"

namespace ondol {
namespace {

std::string events_of(std::string_view stream, size_t cut) {
  SseReader reader;
  std::string out;
  const auto on_event = [&](std::string_view event, std::string_view data) { out.append(event).append("=").append(data).append("|"); };
  EXPECT_TRUE(reader.push(stream.substr(0, cut), on_event));
  EXPECT_TRUE(reader.push(stream.substr(cut), on_event));
  return out;
}

TEST(SseReader, ReadsTheSameWhereverTheBytesAreCut) {
  const std::pair<std::string, std::string> cases[] = {
      {"data: a\n\ndata: b\n\n", "=a|=b|"},
      {"data: a\r\n\r\ndata: b\r\n\r\n", "=a|=b|"},
      {"data: a\r\rdata: b\r\r", "=a|=b|"},
      {"data: a\r\n\ndata:b\n\r\n", "=a|=b|"},
      {"event: x\ndata: 1\ndata: 2\n\ndata: 3\n\n", "x=1\n2|=3|"},
      {": comment\nid: 7\nretry: 1\ndata:  two\nunknown\n\n", "= two|"},
      {"data\n\ndata:\n\nevent: lost\n\ndata: x\n\n", "=|=|=x|"},
      {"data: 한글 \"}\n\n\n\ndata: [DONE]\n\ndata: unfinished\n", "=한글 \"}|=[DONE]|"},
  };
  for (const auto& [stream, expected] : cases)
    for (size_t cut = 0; cut <= stream.size(); ++cut) ASSERT_EQ(events_of(stream, cut), expected) << stream << " cut at " << cut;
}

TEST(SseReader, IsBounded) {
  const auto ignore = [](std::string_view, std::string_view) {};
  SseReader one_line(1000);
  Status status;
  for (int i = 0; i < 200 && status; ++i) status = one_line.push("datadata: ", ignore);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kResourceExhausted);
  SseReader many_lines(1000);
  status = {};
  for (int i = 0; i < 2000 && status; ++i) status = many_lines.push("data:\n", ignore);
  EXPECT_FALSE(status);
  SseReader many_events(1000);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(many_events.push("data: 123456789\n\n", ignore));
}

}  // namespace
}  // namespace ondol
