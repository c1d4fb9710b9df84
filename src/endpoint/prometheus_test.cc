#include "endpoint/prometheus.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace ondol {
namespace {

TEST(Prometheus, ReadsSamplesOfEveryForm) {
  const std::string text =
      "# HELP a b\n\n a 1\nb{} 2.5e3 1700000000\nc{x=\"}\\\"\",y=\"z\"} +Inf\nd NaN # {trace=\"1\"} 3\r\ne:f_g{h=\"i\"}\t-7\nlast 1e999";
  const auto page = parse_prometheus(text);
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->size(), 6u);
  EXPECT_EQ((*page)[1].value, 2500);
  EXPECT_EQ((*page)[2].labels, "x=\"}\\\"\",y=\"z\"");
  EXPECT_TRUE(std::isinf((*page)[2].value));
  EXPECT_TRUE(std::isnan((*page)[3].value));
  EXPECT_EQ((*page)[4].name, "e:f_g");
  EXPECT_EQ((*page)[4].value, -7);
}

TEST(Prometheus, SumsTheFirstNameThatIsThere) {
  const auto page = parse_prometheus("a{e=\"0\"} 1\na{e=\"1\"} 2\na{e=\"2\"} NaN\nb 7\n").value();
  EXPECT_EQ(metric_sum(page, {"missing", "a", "b"}), 3);
  EXPECT_EQ(metric_mean(page, {"a"}), 1.5);
  EXPECT_EQ(metric_sum(page, {"a"}, "e=\"1\""), 2);
  EXPECT_FALSE(metric_sum(page, {"missing"}));
}

TEST(Prometheus, WhatIsNoPageIsAnError) {
  for (const char* text : {"a", "a b", "{x=\"1\"} 1", "a{x=\"1\" 1", "a 1x", "<html>", "\x80\xff 1"}) {
    const auto page = parse_prometheus(std::string("ok 1\n") + text);
    ASSERT_FALSE(page) << text;
    EXPECT_EQ(page.error().code, Code::kDataLoss);
    EXPECT_NE(page.error().message.find("line 2"), std::string::npos) << page.error().message;
  }
  std::string many;
  for (size_t i = 0; i <= kMaxPrometheusSamples; ++i) many += "a 1\n";
  EXPECT_EQ(parse_prometheus(many).error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace ondol
