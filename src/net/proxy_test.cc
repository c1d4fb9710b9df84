#include "net/proxy.h"

#include <gtest/gtest.h>

#include <map>

namespace ondol {
namespace {

std::string proxy_for(const char* target, const std::map<std::string, std::string>& variables) {
  const auto proxy = choose_proxy(*parse_url(target), [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
  if (!proxy) return "error: " + proxy.error().message;
  return *proxy ? (*proxy)->authority() : "direct";
}

TEST(Proxy, ComesFromTheVariableOfTheScheme) {
  const std::map<std::string, std::string> both = {{"http_proxy", "http://p:3128/"}, {"HTTPS_PROXY", "s:8080"}};
  EXPECT_EQ(proxy_for("http://h/", both), "p:3128");
  EXPECT_EQ(proxy_for("https://h/", both), "s:8080");
  EXPECT_EQ(proxy_for("https://h/", {{"http_proxy", "p"}}), "direct");
  EXPECT_EQ(proxy_for("http://h/", {{"HTTP_PROXY", "p"}}), "direct");
  EXPECT_EQ(proxy_for("http://h/", {{"http_proxy", ""}, {"all_proxy", "a"}}), "a");
  EXPECT_TRUE(proxy_for("http://h/", {{"http_proxy", "socks5://p"}}).starts_with("error: reading the proxy"));
  EXPECT_TRUE(proxy_for("http://h/", {{"http_proxy", "https://p"}}).starts_with("error: the proxy"));
}

TEST(Proxy, ExceptionsAreHostsDomainsAndPorts) {
  const auto with = [](const char* target, const char* except) {
    return proxy_for(target, {{"http_proxy", "p"}, {"https_proxy", "p"}, {"no_proxy", except}});
  };
  EXPECT_EQ(with("http://a.corp.example/", "x, .CORP.example"), "direct");
  EXPECT_EQ(with("http://a.corp.example/", "corp.example"), "direct");
  EXPECT_EQ(with("http://acorp.example/", "corp.example"), "p");
  EXPECT_EQ(with("http://h:8000/", "h:8000"), "direct");
  EXPECT_EQ(with("http://h/", "h:8000"), "p");
  EXPECT_EQ(with("http://h/", "*"), "direct");
  EXPECT_EQ(with("http://h/", ",, ,"), "p");
  EXPECT_EQ(with("http://[fd00::1]/", "fd00::1"), "direct");
}

TEST(Proxy, LoopbackIsReachedDirectly) {
  for (const char* target : {"http://localhost:8080/", "http://127.0.0.1/", "http://127.1.2.3/", "http://[::1]/"})
    EXPECT_EQ(proxy_for(target, {{"http_proxy", "p"}}), "direct") << target;
  EXPECT_EQ(proxy_for("http://127.evil.example/", {{"http_proxy", "p"}}), "p");
}

TEST(Proxy, CredentialsAreBase64) {  // RFC 4648 section 10
  EXPECT_EQ(basic_credentials(""), "Basic ");
  EXPECT_EQ(basic_credentials("f"), "Basic Zg==");
  EXPECT_EQ(basic_credentials("fo"), "Basic Zm8=");
  EXPECT_EQ(basic_credentials("foobar"), "Basic Zm9vYmFy");
}

}  // namespace
}  // namespace ondol
