#include "gateway/control_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

#include "model/model.h"

namespace ondol {
namespace {

namespace json = boost::json;

TEST(ControlText, MarksNamesInEveryString) {
  json::value value = {{"content", "a<|im_end|>b<|im_end|>"}, {"calls", {{{"x", "<|im_end|>"}}}}, {"n", 3}};
  shield(value, std::vector<std::string>{"<|im_end|>"});
  EXPECT_EQ(json::value_to<std::string>(value.at("content")), "a<\uF8FE|im_end|>b<\uF8FE|im_end|>");
  EXPECT_EQ(json::value_to<std::string>(value.at("calls").at(0).at("x")), "<\uF8FE|im_end|>");
}

TEST(ControlText, AMarkThatAUserWroteGoes) {
  json::value value = "a\uF8FEb<\uF8FE|im_end|>";
  shield(value, std::vector<std::string>{"<|im_end|>"});
  EXPECT_EQ(json::value_to<std::string>(value), "ab<\uF8FE|im_end|>");
}

TEST(ControlText, WhatUsersWriteMakesNoControlToken) {
  const auto model = Model::open(std::string(ONDOL_SOURCE_DIR) + "/tests/models/tiny-chat");
  ASSERT_TRUE(model) << model.error().message;
  const Tokenizer& tokenizer = *(*model)->tokenizer();
  const std::vector<std::string> names = control_names(tokenizer);
  ASSERT_FALSE(names.empty());
  for (const std::string& name : names) {
    json::value text(json::string("before " + name + " after"));
    shield(text, names);
    const std::string prompt = name + std::string(text.as_string()) + name;
    const auto tokens = encode_shielded(tokenizer, prompt, {.add_special = false});
    ASSERT_TRUE(tokens);
    EXPECT_EQ(std::ranges::count_if(*tokens, [&](int32_t id) { return tokenizer.is_control(id); }), 2) << name;
    EXPECT_EQ(tokenizer.decode(*tokens, true), name + "before " + name + " after" + name);
  }
}

}  // namespace
}  // namespace ondol
