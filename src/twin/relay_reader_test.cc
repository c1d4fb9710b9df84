#include "twin/relay_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace ondol {
namespace {

struct Read {
  std::vector<std::string> texts;
  std::string finish;
  Status status;
};

Read read(std::string_view bytes) {
  Read out;
  RelayReader reader;
  out.status = reader.push(bytes, [&](std::string text) { out.texts.push_back(std::move(text)); });
  out.finish = reader.finish();
  return out;
}

using Texts = std::vector<std::string>;

TEST(RelayReader, AChatsTextsAndItsEnd) {
  const Read chat = read(
      "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"
      ": a comment\n\n"
      "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"},\"finish_reason\":null}]}\n\n"
      "data: {\"choices\":[{\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"length\"}]}\n\n"
      "data: {\"choices\":[],\"usage\":{\"completion_tokens\":2}}\n\n"
      "data: [DONE]\n\n");
  EXPECT_TRUE(chat.status);
  EXPECT_EQ(chat.texts, (Texts{"Hel", "lo"}));
  EXPECT_EQ(chat.finish, "length");
}

TEST(RelayReader, ACompletionWithoutAReasonEndsBySayingSo) {
  const Read completion = read("data: {\"choices\":[{\"text\":\"a\"}]}\r\n\r\n");
  EXPECT_EQ(completion.texts, Texts{"a"});
  EXPECT_EQ(completion.finish, "");
  EXPECT_EQ(read("data: [DONE]\n\n").finish, "stop");
  EXPECT_EQ(read("data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"tool_calls\"}]}\n\n").finish, "stop");
}

TEST(RelayReader, SaysWhatIsWrong) {
  EXPECT_EQ(read("data: {\"error\":{\"message\":\"no\"}}\n\n").status.error().code, Code::kUnavailable);
  for (const char* bad : {"data: x\n\n", "data: []\n\n", "data: {\"choices\":[1]}\n\n", "data: {\"choices\":[{\n\n"}) {
    EXPECT_EQ(read(bad).status.error().code, Code::kDataLoss) << bad;
  }
  EXPECT_EQ(read("data: " + std::string(RelayReader::kMaxEventBytes, 'x')).status.error().code, Code::kResourceExhausted);
  // What has no text is passed over.
  for (const char* empty : {"data: {}\n\n", "data: {\"choices\":7}\n\n", "data: {\"choices\":[{\"delta\":{\"content\":null}}]}\n\n",
                            "data: {\"choices\":[{\"delta\":7}]}\n\n"}) {
    EXPECT_TRUE(read(empty).status) << empty;
    EXPECT_TRUE(read(empty).texts.empty()) << empty;
  }
}

}  // namespace
}  // namespace ondol
