#include "gateway/chat_request.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/json_scan.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kMinimal = R"("model": "m", "messages": [{"role": "user", "content": "hi"}])";

ApiResult<ChatRequest> parse(std::string_view text, const RequestLimits& limits = {}) {
  return parse_chat_request(parse_json(text).value(), limits);
}

ApiResult<ChatRequest> with(const std::string& fields) { return parse("{" + std::string(kMinimal) + ", " + fields + "}"); }

TEST(ChatRequest, MinimalRequestLeavesTheRestToTheModel) {
  const ChatRequest request = parse("{" + std::string(kMinimal) + "}").value();
  EXPECT_EQ(request.common.model, "m");
  EXPECT_EQ(request.messages, (json::value{{{"role", "user"}, {"content", "hi"}}}));
  EXPECT_FALSE(request.common.stream);
  EXPECT_FALSE(request.common.max_tokens);
  EXPECT_EQ(request.common.logprobs, -1);
  EXPECT_TRUE(request.common.ignored.empty());
  EXPECT_TRUE(request.template_arguments.empty());
}

TEST(ChatRequest, ReadsEveryParameter) {
  const ChatRequest request = with(R"("max_tokens": 5, "max_completion_tokens": 7, "temperature": 0.5, "top_p": 0.9, "top_k": 40,
      "min_p": 0.05, "repetition_penalty": 1.1, "presence_penalty": -1, "frequency_penalty": 2, "logit_bias": {"5": -100, "6": 1.5},
      "seed": -3, "stop": ["a", "한"], "stream": true, "stream_options": {"include_usage": true}, "n": 1, "logprobs": true,
      "top_logprobs": 4, "user": "u", "metadata": {"k": "v"}, "stop_token_ids": [1, 2], "ignore_eos": true,
      "chat_template_kwargs": {"style": "short"}, "enable_thinking": false)")
                                  .value();
  const CommonRequest& common = request.common;
  EXPECT_EQ(common.max_tokens, 7);
  EXPECT_EQ(common.sampling.temperature, 0.5);
  EXPECT_EQ(common.sampling.top_p, 0.9);
  EXPECT_EQ(common.sampling.top_k, 40);
  EXPECT_EQ(common.sampling.min_p, 0.05);
  EXPECT_EQ(common.sampling.repetition_penalty, 1.1);
  EXPECT_EQ(common.sampling.presence_penalty, -1);
  EXPECT_EQ(common.sampling.frequency_penalty, 2);
  ASSERT_EQ(common.sampling.logit_bias.size(), 2u);
  EXPECT_EQ(common.sampling.logit_bias[0].token, 5);
  EXPECT_EQ(common.sampling.logit_bias[1].bias, 1.5f);
  EXPECT_EQ(common.sampling.seed, -3);
  EXPECT_EQ(common.stop, (std::vector<std::string>{"a", "한"}));
  EXPECT_TRUE(common.stream && common.include_usage && common.ignore_eos);
  EXPECT_EQ(common.logprobs, 4);
  EXPECT_EQ(common.stop_token_ids, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(request.template_arguments, (json::object{{"style", "short"}, {"enable_thinking", false}}));
  EXPECT_TRUE(common.ignored.empty());
}

TEST(ChatRequest, NullIsAbsentAndWholeNumbersMayHaveAPoint) {
  const ChatRequest request =
      with(R"("temperature": null, "stop": null, "tools": null, "logit_bias": null, "stream_options": null, "max_tokens": 8.0,
              "response_format": null, "tool_choice": "none", "tools": [], "functions": [], "response_format": {"type": "text"})")
          .value();
  EXPECT_FALSE(request.common.sampling.temperature);
  EXPECT_EQ(request.common.max_tokens, 8);
}

TEST(ChatRequest, MessagesBecomeWhatTemplatesRead) {
  const ChatRequest request = parse(R"({"model": "m", "messages": [
      {"role": "developer", "content": "be brief"},
      {"role": "user", "name": "kim", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
      {"role": "assistant", "content": null, "reasoning_content": "hm",
       "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
                      {"id": "c2", "function": {"name": "g", "arguments": {"y": 2}}}, {"id": "c3", "function": {"name": "h", "arguments": ""}}]},
      {"role": "tool", "tool_call_id": "c1", "content": "42"},
      {"role": "assistant", "content": "a", "reasoning": "so"},
      {"role": "assistant"}]})")
                                  .value();
  const json::value want = json::parse(R"([
      {"role": "system", "content": "be brief"},
      {"role": "user", "content": "one\ntwo", "name": "kim"},
      {"role": "assistant", "content": "", "reasoning_content": "hm",
       "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}},
                      {"id": "c2", "type": "function", "function": {"name": "g", "arguments": {"y": 2}}},
                      {"id": "c3", "type": "function", "function": {"name": "h", "arguments": {}}}]},
      {"role": "tool", "content": "42", "tool_call_id": "c1"},
      {"role": "assistant", "content": "a", "reasoning_content": "so"},
      {"role": "assistant", "content": ""}])");
  EXPECT_EQ(request.messages, want);
}

TEST(ChatRequest, NamesWhatItIgnored) {
  const auto request = with(R"("service_tier": "auto", "x-y": 1, "bad\r\nname": 1, "": 2, "store": false)");
  EXPECT_EQ(request.value().common.ignored, (std::vector<std::string>{"service_tier", "x-y", "store"}));
}

struct Refusal {
  std::string fields;
  std::string param;
  std::string part;  // of the message
};

class ChatRequestRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(ChatRequestRefuses, AndNamesTheField) {
  const auto request = with(GetParam().fields);
  ASSERT_FALSE(request) << GetParam().fields;
  EXPECT_EQ(request.error().status, 400);
  EXPECT_EQ(request.error().type, "invalid_request_error");
  EXPECT_EQ(request.error().param, GetParam().param);
  EXPECT_NE(request.error().message.find(GetParam().part), std::string::npos) << request.error().message;
}

const Refusal kRefusals[] = {
    {R"("temperature": "hot")", "temperature", "temperature must be a number from 0 to 2, not the string \"hot\"."},
    {R"("temperature": 2.1)", "temperature", "not the number 2.1E0"},
    {R"("temperature": -1)", "temperature", "from 0 to 2"},
    {R"("temperature": true)", "temperature", "not true"},
    {R"("top_p": 1.5)", "top_p", "from 0 to 1"},
    {R"("min_p": -0.1)", "min_p", "from 0 to 1"},
    {R"("top_k": 1.5)", "top_k", "an integer"},
    {R"("top_k": -2)", "top_k", "from -1"},
    {R"("repetition_penalty": 0)", "repetition_penalty", "from 0.01"},
    {R"("presence_penalty": 3)", "presence_penalty", "from -2 to 2"},
    {R"("frequency_penalty": [])", "frequency_penalty", "not an array"},
    {R"("max_tokens": 0)", "max_tokens", "from 1 to"},
    {R"("max_completion_tokens": "5")", "max_completion_tokens", "an integer"},
    {R"("max_tokens": 99999999999)", "max_tokens", "from 1 to 2147483647"},
    {R"("seed": 18446744073709551615)", "seed", "an integer"},
    {R"("seed": 1.5)", "seed", "an integer"},
    {R"("stream": 1)", "stream", "true or false"},
    {R"("stream_options": {"include_usage": true})", "stream_options", "only allowed when stream is true"},
    {R"("stream": true, "stream_options": {"include_usage": "yes"})", "stream_options.include_usage", "true or false"},
    {R"("stop": "")", "stop", "each of 1 to 1024 bytes"},
    {R"("stop": [1])", "stop", "not the number 1"},
    {R"("stop": {})", "stop", "not an object"},
    {R"("stop": ["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"])", "stop", "an array of 17"},
    {R"("logit_bias": [])", "logit_bias", "an object"},
    {R"("logit_bias": {"x": 1})", "logit_bias", "\"x\" is not a token id"},
    {R"("logit_bias": {"-1": 1})", "logit_bias", "is not a token id"},
    {R"("logit_bias": {"99999999999": 1})", "logit_bias", "is not a token id"},
    {R"("logit_bias": {"1": 101})", "logit_bias", "from -100 to 100"},
    {R"("logit_bias": {"1": "a"})", "logit_bias", "from -100 to 100"},
    {R"("stop_token_ids": [-1])", "stop_token_ids", "token ids"},
    {R"("n": 17)", "n", "from 1 to 16"},
    {R"("timeout": 0)", "timeout", "0.001"},
    {R"("prediction": {"type": "text", "content": "a"})", "prediction.type", "content"},
    {R"("prediction": {"type": "content", "content": 3})", "prediction.content", "a string"},
    {R"("n": 0)", "n", "from 1"},
    {R"("logprobs": 3)", "logprobs", "true or false"},
    {R"("top_logprobs": 3)", "top_logprobs", "needs logprobs"},
    {R"("logprobs": true, "top_logprobs": 21)", "top_logprobs", "from 0 to 20"},
    {R"("modalities": ["text", "audio"])", "modalities", "[\"text\"]"},
    {R"("audio": {"voice": "x"})", "audio", "not supported"},
    {R"("best_of": 3)", "best_of", "not supported"},
    {R"("chat_template_kwargs": [])", "chat_template_kwargs", "an object"},
    {R"("enable_thinking": "no")", "enable_thinking", "true or false"},
    {R"("model": 5)", "model", "a string"},
    {R"("model": null)", "model", "model is missing"},
    {R"("messages": [])", "messages", "at least one message"},
    {R"("messages": "hi")", "messages", "an array"},
    {R"("messages": ["hi"])", "messages[0]", "must be a message object, not the string"},
    {R"("messages": [{"content": "x"}])", "messages[0].role", "is missing"},
    {R"("messages": [{"role": "root", "content": "x"}])", "messages[0].role", "not \"root\""},
    {R"("messages": [{"role": "user"}])", "messages[0].content", "is missing"},
    {R"("messages": [{"role": "user", "content": 5}])", "messages[0].content", "a string or an array of text parts, not the number 5"},
    {R"("messages": [{"role": "user", "content": ["x"]}])", "messages[0].content[0]", "a content part object"},
    {R"("messages": [{"role": "user", "content": [{"text": "x"}]}])", "messages[0].content[0].type", "is missing"},
    {R"("messages": [{"role": "user", "content": [{"type": "text"}]}])", "messages[0].content[0].text", "is missing"},
    {R"("messages": [{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "image_url", "image_url": {}}]}])",
     "messages[1].content[0].type", "\"image_url\" are not supported"},
    {R"("messages": [{"role": "assistant", "tool_calls": {}}])", "messages[0].tool_calls", "an array"},
};

INSTANTIATE_TEST_SUITE_P(Table, ChatRequestRefuses, testing::ValuesIn(kRefusals));

TEST(ChatRequest, RefusesABodyOfAnotherKindAndTooManyMessages) {
  EXPECT_EQ(parse("[]").error().message, "The body must be a JSON object, not an array.");
  RequestLimits limits;
  limits.max_messages = 1;
  const auto request = parse(R"({"model": "m", "messages": [{"role": "user", "content": "1"}, {"role": "user", "content": "2"}]})", limits);
  EXPECT_NE(request.error().message.find("has 2 entries; at most 1"), std::string::npos);
}

TEST(ResolveSampling, RequestOverModelOverOpenAI) {
  SamplingDefaults model;
  SamplingFields fields;
  SamplingParams params = resolve_sampling(fields, model, -1, 77);
  EXPECT_EQ(params.temperature, 1);
  EXPECT_EQ(params.top_p, 1);
  EXPECT_EQ(params.top_k, 0);
  EXPECT_EQ(params.repetition_penalty, 1);
  EXPECT_EQ(params.seed, 77u);
  model = {.temperature = 0.7f, .top_p = 0.8f, .min_p = 0.1f, .repetition_penalty = 1.05f, .top_k = 20};
  params = resolve_sampling(fields, model, 3, 77);
  EXPECT_EQ(params.temperature, 0.7f);
  EXPECT_EQ(params.top_p, 0.8f);
  EXPECT_EQ(params.min_p, 0.1f);
  EXPECT_EQ(params.repetition_penalty, 1.05f);
  EXPECT_EQ(params.top_k, 20);
  EXPECT_EQ(params.logprobs, 3);
  fields.temperature = 0;
  fields.top_k = -1;
  fields.seed = -1;
  fields.presence_penalty = -2;
  params = resolve_sampling(fields, model, -1, 77);
  EXPECT_EQ(params.temperature, 0);
  EXPECT_EQ(params.top_k, 0);
  EXPECT_EQ(params.seed, ~uint64_t{0});
  EXPECT_EQ(params.presence_penalty, -2);
  fields.temperature = 1;
  fields.top_p = 0;
  params = resolve_sampling(fields, model, -1, 77);
  EXPECT_EQ(params.temperature, 0);
  EXPECT_EQ(params.top_p, 1);
}

}  // namespace
}  // namespace ondol
