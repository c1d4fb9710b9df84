#include "app/cmd_key.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <vector>

#include "base/test_folder_test_util.h"
#include "gateway/api_key_file.h"

namespace ondol {
namespace {

struct Outcome {
  int code;
  std::string out, err;
};

Outcome run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "ondol");
  std::vector<const char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_cli(static_cast<int>(pointers.size()), pointers.data());
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

TEST(KeyCommand, CreatesListsAndRevokes) {
  const TestFolder folder;
  const std::string file = folder.path("keys.jsonl");
  const Outcome created = run({"key", "create", "--file", file, "--name", "alice"});
  ASSERT_EQ(created.code, kExitOk) << created.err;
  ASSERT_EQ(created.out.size(), 9 + 43 + 1u) << "the key alone, for scripts";
  const std::string key = created.out.substr(0, 52);
  EXPECT_EQ(created.err.find(key), std::string::npos);
  EXPECT_EQ(folder.read("keys.jsonl").find(key.substr(9 + 8)), std::string::npos) << "the secret is stored nowhere";
  const Outcome other = run({"key", "create", "--file", file, "--name", "bob", "--expires", "90d", "--json"});
  ASSERT_EQ(other.code, kExitOk) << other.err;
  const boost::json::value made = boost::json::parse(other.out);
  EXPECT_EQ(made.at("expires").as_int64() - made.at("created").as_int64(), 90 * 86'400);
  EXPECT_TRUE(read_api_keys(file)->find(made.at("key").as_string(), made.at("created").as_int64()));

  const std::string id = key.substr(9, 8);
  const Outcome revoked = run({"key", "revoke", "--file", file, id});
  EXPECT_EQ(revoked.code, kExitOk) << revoked.err;
  const Outcome list = run({"key", "list", "--file", file});
  EXPECT_NE(list.out.find("alice"), std::string::npos);
  EXPECT_NE(list.out.find("revoked"), std::string::npos);
  EXPECT_NE(list.out.find("valid"), std::string::npos);
  const boost::json::value listed = boost::json::parse(run({"key", "list", "--file", file, "--json"}).out);
  EXPECT_EQ(listed.at(0).at("state"), "revoked");
  EXPECT_EQ(listed.at(1).at("name"), "bob");
  EXPECT_EQ(listed.at(1).as_object().if_contains("sha256"), nullptr);
}

TEST(KeyCommand, SaysWhatIsWrong) {
  const TestFolder folder;
  const std::string file = folder.path("keys.jsonl");
  const Outcome missing = run({"key", "list", "--file", file});
  EXPECT_EQ(missing.code, kExitFailed);
  EXPECT_NE(missing.err.find("ondol key create"), std::string::npos) << missing.err;
  EXPECT_EQ(run({"key", "create", "--file", file, "--name", ""}).code, kExitFailed);
  EXPECT_FALSE(folder.has("keys.jsonl"));
  ASSERT_EQ(run({"key", "create", "--file", file, "--name", "a"}).code, kExitOk);
  const Outcome unknown = run({"key", "revoke", "--file", file, "00000000"});
  EXPECT_EQ(unknown.code, kExitFailed);
  EXPECT_NE(unknown.err.find("no key with the id \"00000000\""), std::string::npos) << unknown.err;
  EXPECT_EQ(run({"key", "create", "--file", file, "--name", "a", "--expires", "soon"}).code, kExitUsage);
  EXPECT_EQ(run({"key", "create", "--name", "a"}).code, kExitUsage);
  EXPECT_EQ(run({"key"}).code, kExitUsage);
}

TEST(ParseDuration, TakesWholeNumbersOfUnits) {
  EXPECT_EQ(parse_duration("90d").value(), 90 * 86'400);
  EXPECT_EQ(parse_duration("1w").value(), 7 * 86'400);
  EXPECT_EQ(parse_duration("12h").value(), 12 * 3600);
  EXPECT_EQ(parse_duration("30m").value(), 1800);
  for (const char* wrong : {"", "d", "90", "0d", "-1d", "1.5d", "1 d", "1y", "99999999999d", "99999999999999999999d", "36601d"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace ondol
