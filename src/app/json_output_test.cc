#include "app/json_output.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <limits>

namespace ondol {
namespace {

TEST(PrettyJson, IndentsAndParsesBack) {
  const boost::json::value value = boost::json::parse(R"({"a":[1,2.5,"온\"돌"],"b":{},"c":[],"d":{"e":null,"f":true}})");
  const std::string text = pretty_json(value);
  EXPECT_EQ(boost::json::parse(text), value);
  EXPECT_NE(text.find("{\n  \"a\": [\n    1,\n    2.5,\n"), std::string::npos) << text;
}

TEST(PrettyJson, WritesFiguresPlainly) {
  EXPECT_EQ(pretty_json(boost::json::value(512.25)), "512.25");
  EXPECT_EQ(pretty_json(boost::json::value(std::numeric_limits<double>::infinity())), "null");
  EXPECT_EQ(pretty_json(boost::json::value(rounded(1.23456))), "1.235");
}

}  // namespace
}  // namespace ondol
