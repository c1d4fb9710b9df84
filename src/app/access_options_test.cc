#include "app/access_options.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

TEST(AccessOptions, AreTakenFromTheCommandLine) {
  CLI::App app;
  AccessOptions options;
  options.cors_origins = {"https://from.file"};
  bind_access_options(app, options);
  app.parse("--tls-cert c.pem --tls-key k.pem --api-keys keys.jsonl --require-key --cors-origin https://a --cors-origin https://b");
  EXPECT_EQ(options.tls_certificate, "c.pem");
  EXPECT_EQ(options.tls_key, "k.pem");
  EXPECT_EQ(options.api_keys, "keys.jsonl");
  EXPECT_TRUE(options.require_key);
  EXPECT_FALSE(options.allow_anonymous);
  EXPECT_EQ(options.cors_origins, (std::vector<std::string>{"https://a", "https://b"}));
}

TEST(AccessOptions, ThatContradictEachOtherAreRefused) {
  const TestFolder folder;
  folder.write("keys.jsonl", "");
  folder.write("garbled.jsonl", "{}\n");
  const SteadyClock clock;
  const std::pair<AccessOptions, std::string> rows[] = {
      {{.require_key = true}, "--require-key needs --api-keys"},
      {{.api_keys = folder.path("keys.jsonl"), .allow_anonymous = true}, "contradict"},
      {{.api_keys = folder.path("none.jsonl")}, "ondol key create"},
      {{.api_keys = folder.path("garbled.jsonl")}, "line 1: id must be 8 letters and digits"},
      {{.cors_origins = {"example.com"}}, "\"example.com\" is no origin"},
  };
  for (const auto& [options, message] : rows) {
    const auto admission = make_admission(options, clock);
    ASSERT_FALSE(admission) << message;
    EXPECT_NE(admission.error().message.find(message), std::string::npos) << admission.error().message;
  }
  EXPECT_TRUE(make_admission({}, clock));
  EXPECT_TRUE(make_admission({.api_keys = folder.path("keys.jsonl"), .require_key = true}, clock));
}

TEST(ExposureWarning, SpeaksUpWhenOthersCanReachIt) {
  EXPECT_EQ(exposure_warning({}, "127.0.0.1"), "");
  EXPECT_EQ(exposure_warning({.allow_anonymous = true}, "localhost"), "");
  EXPECT_NE(exposure_warning({}, "0.0.0.0").find("ondol key create"), std::string::npos);
  EXPECT_NE(exposure_warning({.allow_anonymous = true}, "0.0.0.0").find("anyone"), std::string::npos);
  EXPECT_NE(exposure_warning({.api_keys = "k"}, "::").find("unencrypted"), std::string::npos);
  EXPECT_EQ(exposure_warning({.tls_certificate = "c", .tls_key = "k", .api_keys = "f"}, "0.0.0.0"), "");
}

}  // namespace
}  // namespace ondol
