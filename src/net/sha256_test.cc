#include "net/sha256.h"

#include <gtest/gtest.h>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

TEST(Sha256, MatchesTheStandardsExamples) {
  EXPECT_EQ(Sha256().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 hash;
  hash.update(std::as_bytes(std::span("ab", 2)));
  hash.update(std::as_bytes(std::span("c", 1)));
  EXPECT_EQ(hash.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256File, ReadsFilesLongerThanItsBuffer) {
  const TestFolder folder;
  folder.write("million", std::string(1'000'000, 'a') + std::string(1'000'000, 'b'));
  Sha256 hash;
  const std::string content = folder.read("million");
  hash.update(std::as_bytes(std::span(content)));
  uint64_t last = 0, total = 0;
  EXPECT_EQ(sha256_file(folder.path("million"), [&](uint64_t done, uint64_t all) { last = done, total = all; }).value(), hash.hex());
  EXPECT_EQ(last, 2'000'000u);
  EXPECT_EQ(total, 2'000'000u);
}

TEST(Sha256File, NamesAMissingFile) {
  const auto hash = sha256_file("/no/such/file");
  ASSERT_FALSE(hash);
  EXPECT_EQ(hash.error().code, Code::kNotFound);
  EXPECT_NE(hash.error().message.find("/no/such/file"), std::string::npos);
}

}  // namespace
}  // namespace ondol
