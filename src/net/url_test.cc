#include "net/url.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(PercentDecode, DecodesAndRefuses) {
  EXPECT_EQ(percent_decode("/a%2Fb%ed%95%9C+"), "/a/b한+");
  for (const char* bad : {"%", "%4", "%4g", "a%%20", "%00", "% 1"}) EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(ParseUrl, FindsTheParts) {
  const auto url = parse_url("HTTPS://us%40er:pw@Hub.Example:8443/a%20b?c=d#frag");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->user_info, "us@er:pw");
  EXPECT_EQ(url->host, "hub.example");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a%20b?c=d");
  EXPECT_EQ(url->text(), "https://hub.example:8443/a%20b?c=d");
  EXPECT_EQ(parse_url("http://h")->text(), "http://h/");
  EXPECT_EQ(parse_url("http://h:80?q")->text(), "http://h/?q");
  EXPECT_EQ(parse_url("https://[::1]:443/x")->text(), "https://[::1]/x");
  EXPECT_EQ(parse_url("http://h:/x")->port, 80);
}

TEST(ParseUrl, RefusesWhatIsNone) {
  for (const char* bad :
       {"", "h", "ftp://h", "http:/h", "http://", "http:///x", "http://h:0", "http://h:65536", "http://h:8a", "http://h h/", "http://h/a b",
        "http://h/\r\n", "http://[::1", "http://[::1]x", "http://[zz]/", "http://[1]/", "http://a%41/", "http://a@/", "http://%zz@h/"}) {
    const auto url = parse_url(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().code, Code::kInvalidArgument);
  }
  EXPECT_FALSE(parse_url("http://h/" + std::string(kMaxUrlBytes, 'a')));
}

TEST(ResolveUrl, FollowsEveryFormOfReference) {
  const Url base = *parse_url("https://h:8443/a/b/c?q=1");
  const std::pair<const char*, const char*> cases[] = {
      {"http://o/x", "http://o/x"},       {"//o/x", "https://o/x"},           {"/x?y", "https://h:8443/x?y"},
      {"x", "https://h:8443/a/b/x"},      {"./x/", "https://h:8443/a/b/x/"},  {"../x", "https://h:8443/a/x"},
      {"../../../x", "https://h:8443/x"}, {"..", "https://h:8443/a/"},        {"?z", "https://h:8443/a/b/c?z"},
      {"", "https://h:8443/a/b/c?q=1"},   {"#f", "https://h:8443/a/b/c?q=1"}, {"x?u=http://v", "https://h:8443/a/b/x?u=http://v"},
  };
  for (const auto& [location, expected] : cases) {
    const auto url = resolve_url(base, location);
    ASSERT_TRUE(url) << location << ": " << url.error().message;
    EXPECT_EQ(url->text(), expected) << location;
  }
  EXPECT_FALSE(resolve_url(base, "javascript:alert(1)"));
  EXPECT_FALSE(resolve_url(base, "/a b"));
}

}  // namespace
}  // namespace ondol
