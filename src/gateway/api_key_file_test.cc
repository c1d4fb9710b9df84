#include "gateway/api_key_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

class ApiKeyFileTest : public testing::Test {
 protected:
  std::string path() const { return folder_.path("keys.jsonl"); }
  NewApiKey create(const std::string& name = "n") const { return create_api_key(path(), name, 100, std::nullopt).value(); }
  std::shared_ptr<ApiKeyFile> open() const { return ApiKeyFile::open(path(), clock_).value(); }
  void a_second_passes() { clock_.advance_us(1'000'000); }

  const TestFolder folder_;
  ManualClock clock_;
};

TEST_F(ApiKeyFileTest, IsMadeForItsOwnerOnly) {
  const NewApiKey made = create();
  struct stat info{};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_TRUE(open()->find(made.key, 100));
  ASSERT_EQ(::chmod(path().c_str(), 0644), 0);
  create();
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u) << "also when it was replaced";
  EXPECT_FALSE(folder_.has("keys.jsonl.new"));
}

TEST_F(ApiKeyFileTest, AMissingOneIsAnError) {
  const auto file = ApiKeyFile::open(path(), clock_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kNotFound);
  EXPECT_NE(file.error().message.find("ondol key create"), std::string::npos);
  EXPECT_FALSE(revoke_api_key(path(), "00000000"));
  EXPECT_FALSE(folder_.has("keys.jsonl"));
}

TEST_F(ApiKeyFileTest, SeesNewAndRevokedKeysWithinASecond) {
  const NewApiKey first = create();
  const auto file = open();
  const NewApiKey second = create();
  EXPECT_FALSE(file->find(second.key, 100)) << "looks at the disk once a second only";
  a_second_passes();
  EXPECT_TRUE(file->find(second.key, 100));
  ASSERT_TRUE(revoke_api_key(path(), first.record.id));
  EXPECT_TRUE(file->find(first.key, 100));
  a_second_passes();
  EXPECT_FALSE(file->find(first.key, 100));
  EXPECT_TRUE(file->find(second.key, 100));
}

TEST_F(ApiKeyFileTest, KeepsTheLastGoodKeysWhileItCannotBeRead) {
  const NewApiKey made = create();
  const auto file = open();
  const std::string good = folder_.read("keys.jsonl");
  for (const std::string& text : {good + "{\"id\":", std::string("garbage"), std::string(2000, 'x')}) {
    folder_.write("keys.jsonl", text);
    a_second_passes();
    EXPECT_TRUE(file->find(made.key, 100)) << text;
  }
  std::filesystem::remove(path());
  a_second_passes();
  EXPECT_TRUE(file->find(made.key, 100)) << "gone";
  std::filesystem::create_directory(path());
  a_second_passes();
  EXPECT_TRUE(file->find(made.key, 100)) << "a folder";
  std::filesystem::remove(path());
  folder_.write("keys.jsonl", "");
  a_second_passes();
  EXPECT_FALSE(file->find(made.key, 100)) << "empty, which can be read";
}

TEST_F(ApiKeyFileTest, AGarbledFileIsNotEdited) {
  folder_.write("keys.jsonl", "garbage\n");
  EXPECT_FALSE(create_api_key(path(), "n", 1, std::nullopt));
  EXPECT_EQ(folder_.read("keys.jsonl"), "garbage\n");
}

TEST_F(ApiKeyFileTest, AFailedWriteLeavesTheOldFile) {
  const NewApiKey made = create();
  folder_.write("keys.jsonl.new/in the way", "");
  EXPECT_FALSE(create_api_key(path(), "n", 1, std::nullopt));
  EXPECT_TRUE(open()->find(made.key, 100));
}

TEST_F(ApiKeyFileTest, EditorsTakeTurns) {
  std::vector<std::thread> editors;
  for (int i = 0; i < 4; ++i) {
    editors.emplace_back([&] {
      for (int k = 0; k < 5; ++k) create();
    });
  }
  for (std::thread& editor : editors) editor.join();
  EXPECT_EQ(read_api_keys(path())->records().size(), 20u);
}

TEST_F(ApiKeyFileTest, AKilledEditorLeavesTheOldFileOrTheNewOne) {
  const NewApiKey kept = create("kept");
  size_t records = 1;
  for (int round = 0; round < 30; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) (void)create_api_key(path(), "n", 1, std::nullopt).has_value();
    }
    const size_t wanted = records + 1 + static_cast<size_t>(round % 3);
    size_t seen = 0;
    while (seen < wanted) {  // each state that is visible meanwhile is whole, too
      const auto table = read_api_keys(path());
      ASSERT_TRUE(table) << table.error().message;
      seen = table->records().size();
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto table = read_api_keys(path());
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_GE(table->records().size(), seen);
    EXPECT_TRUE(table->find(kept.key, 100));
    records = table->records().size();
  }
  create();
  EXPECT_EQ(read_api_keys(path())->records().size(), records + 1) << "the lock of the killed one is gone with it";
}

}  // namespace
}  // namespace ondol
