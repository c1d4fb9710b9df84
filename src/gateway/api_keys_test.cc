#include "gateway/api_keys.h"

#include <gtest/gtest.h>

#include <set>

#include "net/sha256.h"

namespace ondol {
namespace {

constexpr const char* kLine = R"({"id":"Ab3dE9xZ","name":"alice","created":5,"expires":9,"salt":"000102030405060708090a0b0c0d0e0f",)"
                              R"("sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(MakeApiKey, HasItsShapeAndStoresOnlyAHash) {
  std::set<std::string> keys, ids, salts;
  for (int i = 0; i < 200; ++i) {
    const NewApiKey made = make_api_key("n", 1, std::nullopt).value();
    EXPECT_TRUE(made.key.starts_with("sk-ondol-"));
    ASSERT_EQ(made.key.size(), 52u);
    EXPECT_EQ(made.key.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 9), std::string::npos);
    EXPECT_EQ(made.record.id, made.key.substr(9, 8));
    EXPECT_EQ(format_api_key(made.record).find(made.key.substr(17)), std::string::npos);
    Sha256 hash;
    const std::string salted = made.record.salt + made.key;
    hash.update(std::as_bytes(std::span(salted)));
    EXPECT_EQ(made.record.sha256, hash.hex());
    keys.insert(made.key);
    ids.insert(made.record.id);
    salts.insert(made.record.salt);
  }
  EXPECT_EQ(keys.size(), 200u);
  EXPECT_EQ(ids.size(), 200u);
  EXPECT_EQ(salts.size(), 200u);
}

TEST(MakeApiKey, RefusesUnfitNames) {
  for (const std::string& name : {std::string(), std::string(65, 'a'), std::string("a\nb"), std::string("a\0b", 3), std::string("\x7f")}) {
    EXPECT_FALSE(make_api_key(name, 1, std::nullopt));
  }
  EXPECT_TRUE(make_api_key("온돌 \"bot\"", 1, std::nullopt));
}

TEST(ApiKeyTable, FindsAKeyWhileItIsValid) {
  const NewApiKey made = make_api_key("alice", 100, 200).value();
  const NewApiKey other = make_api_key("bob", 100, std::nullopt).value();
  ApiKeyTable table;
  table.put(made.record);
  table.put(other.record);
  ASSERT_NE(table.find(made.key, 199), nullptr);
  EXPECT_EQ(table.find(made.key, 199)->name, "alice");
  EXPECT_EQ(table.find(made.key, 200), nullptr) << "expired";
  EXPECT_NE(table.find(other.key, 1LL << 40), nullptr);
  ApiKeyRecord disabled = other.record;
  disabled.disabled = true;
  table.put(disabled);
  EXPECT_EQ(table.find(other.key, 150), nullptr) << "disabled";
  EXPECT_EQ(table.records().size(), 2u);
}

TEST(ApiKeyTable, FindsNothingElse) {
  const NewApiKey made = make_api_key("alice", 1, std::nullopt).value();
  const NewApiKey other = make_api_key("bob", 1, std::nullopt).value();
  ApiKeyTable table;
  table.put(made.record);
  std::string last = made.key, mixed = made.key.substr(0, 17) + other.key.substr(17), prefix = made.key;
  last.back() = last.back() == 'a' ? 'b' : 'a';
  prefix[0] = 'S';
  for (const std::string& key : {std::string(), std::string("sk-ondol-"), made.record.id, made.key.substr(0, 17), made.key.substr(0, 51),
                                 made.key + "a", " " + made.key, last, mixed, prefix, other.key, made.record.sha256}) {
    EXPECT_EQ(table.find(key, 2), nullptr) << key;
  }
  EXPECT_EQ(ApiKeyTable().find(made.key, 2), nullptr);
}

TEST(ApiKeyTable, ReadsWhatItWrites) {
  ApiKeyTable table;
  for (int i = 0; i < 10; ++i) {
    ApiKeyRecord record = make_api_key("name \"" + std::to_string(i), i, i % 2 ? std::optional<int64_t>(i * 7) : std::nullopt)->record;
    record.disabled = i % 3 == 0;
    table.put(record);
  }
  const auto again = ApiKeyTable::parse(table.format(), "f");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->format(), table.format());
  EXPECT_EQ(again->records().size(), 10u);
  EXPECT_EQ(again->records()[3].expires_unix_s, 21);
  EXPECT_TRUE(again->records()[3].disabled);
}

TEST(ApiKeyTable, TakesEmptyLinesAndCarriageReturns) {
  const auto table = ApiKeyTable::parse("\n \t\r\n" + std::string(kLine) + "\r\n\n", "f");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->records().size(), 1u);
  EXPECT_TRUE(ApiKeyTable::parse("", "f"));
}

TEST(ApiKeyTable, NamesTheLineOfEachMistake) {
  const std::string line = kLine;
  const std::pair<std::string, const char*> rows[] = {
      {line + "\n" + line, "\"f\" line 2: the id Ab3dE9xZ stands there twice"},
      {"\n{", "\"f\" line 2: is no JSON"},
      {"[]", "line 1: is no JSON object"},
      {line + "x", "line 1: is no JSON"},
      {"{}", "id must be 8 letters and digits"},
      {replaced(line, "Ab3dE9xZ", "Ab3dE9x-"), "id must be 8 letters and digits"},
      {replaced(line, "\"alice\"", "7"), "name must be a string, not the number 7"},
      {replaced(line, "alice", ""), "name must be 1 to 64 bytes"},
      {replaced(line, "alice", "a\\u0000"), "name must be 1 to 64 bytes"},
      {replaced(line, "\"created\":5,", ""), "created is missing"},
      {replaced(line, "\"created\":5", "\"created\":-1"), "created must be an integer"},
      {replaced(line, "\"expires\":9", "\"expires\":\"soon\""), "expires must be an integer"},
      {replaced(line, "\"expires\":9", "\"expires\":1e18"), "expires must be an integer"},
      {replaced(line, "expires", "expire"), "there is no field \"expire\""},
      {replaced(line, "\"expires\":9", "\"disabled\":\"yes\""), "disabled must be true or false"},
      {replaced(line, "0001", "00"), "salt must be 32 hexadecimal digits"},
      {replaced(line, "e3b0", "E3B0"), "sha256 must be 64 hexadecimal digits"},
      {replaced(line, "alice", "\xff"), "is no JSON"},
      {replaced(line, "alice", std::string(2000, 'a')), "is longer than 1024 bytes"},
      {std::string(900, '['), "is no JSON"},
  };
  for (const auto& [text, message] : rows) {
    const auto table = ApiKeyTable::parse(text, "f");
    ASSERT_FALSE(table) << text;
    EXPECT_NE(table.error().message.find(message), std::string::npos) << table.error().message;
  }
}

}  // namespace
}  // namespace ondol
