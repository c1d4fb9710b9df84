#include "load/load_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "load/text_file.h"

namespace ondol {
namespace {

int words_in(const std::string& text) { return static_cast<int>(std::ranges::count(text, ' ')) + 1; }

Trace trace_of(const std::string& text) {
  auto trace = parse_trace(text);
  EXPECT_TRUE(trace) << trace.error().message;
  return trace.value_or(Trace{});
}

TEST(PromptText, HasAWordPerTokenAndSharesItsBeginning) {
  const std::string twelve = prompt_text({{7, 12}}), five = prompt_text({{7, 5}});
  EXPECT_EQ(words_in(twelve), 12);
  EXPECT_TRUE(twelve.starts_with(five + " ")) << twelve;
  EXPECT_EQ(prompt_text({{7, 5}, {8, 3}}), five + " " + prompt_text({{8, 3}}));
  EXPECT_NE(prompt_text({{7, 12}}), prompt_text({{8, 12}}));
  EXPECT_EQ(prompt_text({}), "");
}

TEST(PoissonArrivals, FollowTheirSeedAndRate) {
  const auto times_us = poisson_arrivals(2.5, 20'000, 42);
  EXPECT_EQ(times_us, poisson_arrivals(2.5, 20'000, 42));
  EXPECT_NE(times_us, poisson_arrivals(2.5, 20'000, 43));
  EXPECT_TRUE(std::ranges::is_sorted(times_us));
  EXPECT_GT(times_us.front(), 0);
  const double mean_us = static_cast<double>(times_us.back()) / 20'000;
  EXPECT_NEAR(mean_us, 400'000, 400'000 * 0.03);  // four standard errors: 1 / sqrt(20000) = 0.7 %
  double squares = 0, previous = 0;
  for (const int64_t time_us : times_us) {
    const double gap = static_cast<double>(time_us) - previous;
    squares += (gap - mean_us) * (gap - mean_us);
    previous = static_cast<double>(time_us);
  }
  EXPECT_NEAR(std::sqrt(squares / 20'000) / mean_us, 1, 0.05);  // an exponential's deviation is its mean
}

TEST(ClosedLoop, PromptsAreDistinctAndDeterministic) {
  const RequestShape shape{.requests = 50, .input_tokens = 20, .output_tokens = 9, .seed = 3};
  const LoadPlan plan = plan_closed_loop(shape, 4), again = plan_closed_loop(shape, 4);
  EXPECT_FALSE(plan.open_loop);
  EXPECT_EQ(plan.max_in_flight, 4);
  std::set<std::string> prompts;
  for (size_t i = 0; i < 50; ++i) {
    const std::string prompt = prompt_of(plan, plan.requests[i]);
    EXPECT_EQ(words_in(prompt), 20);
    EXPECT_EQ(plan.requests[i].output_tokens, 9);
    EXPECT_EQ(plan.requests[i].due_us, 0);
    EXPECT_EQ(prompt, prompt_of(again, again.requests[i]));
    prompts.insert(prompt);
  }
  EXPECT_EQ(prompts.size(), 50u);
}

TEST(ClosedLoop, SharesAPrefixIfAsked) {
  const LoadPlan plan = plan_closed_loop({.requests = 2, .input_tokens = 20, .shared_prefix = 15}, 1);
  const std::string first = prompt_of(plan, plan.requests[0]), second = prompt_of(plan, plan.requests[1]);
  const std::string shared = prompt_text({{plan.requests[0].parts[0].seed, 15}});
  EXPECT_TRUE(first.starts_with(shared + " ") && second.starts_with(shared + " "));
  EXPECT_NE(first, second);
  const LoadPlan all = plan_closed_loop({.requests = 2, .input_tokens = 20, .shared_prefix = 100}, 1);
  EXPECT_EQ(prompt_of(all, all.requests[0]), prompt_of(all, all.requests[1]));
  EXPECT_EQ(words_in(prompt_of(all, all.requests[0])), 20);
}

TEST(ClosedLoop, SpreadsLengths) {
  const LoadPlan plan = plan_closed_loop({.requests = 500, .input_tokens = 100, .output_tokens = 10, .spread = 0.2}, 1);
  const auto [shortest, longest] = std::ranges::minmax(plan.requests, {}, &PlannedRequest::input_tokens);
  EXPECT_GE(shortest.input_tokens, 80);
  EXPECT_LE(shortest.input_tokens, 83);
  EXPECT_LE(longest.input_tokens, 120);
  EXPECT_GE(longest.input_tokens, 117);
  for (const auto& request : plan.requests) EXPECT_TRUE(request.output_tokens >= 8 && request.output_tokens <= 12);
}

TEST(Poisson, GivesRequestsTheirTimes) {
  const LoadPlan plan = plan_poisson({.requests = 10, .seed = 5}, 4, 64);
  const auto times_us = poisson_arrivals(4, 10, 5);
  EXPECT_TRUE(plan.open_loop);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(plan.requests[i].due_us, times_us[i]);
}

TEST(TracePlan, DividesTimesBySpeed) {
  const Trace trace = trace_of("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:00:00,3,4\n2023-11-16 18:00:03,5,6\n");
  const LoadPlan plan = plan_trace(trace, 2, 1, 64);
  EXPECT_EQ(plan.requests[0].due_us, 0);
  EXPECT_EQ(plan.requests[1].due_us, 1'500'000);
  EXPECT_EQ(words_in(prompt_of(plan, plan.requests[1])), 5);
  EXPECT_EQ(plan.requests[1].output_tokens, 6);
  EXPECT_NE(prompt_of(plan, plan.requests[1]).substr(0, 8), prompt_of(plan, plan.requests[0]).substr(0, 8));
}

TEST(TracePlan, PromptsWithCommonBlocksBeginAlike) {
  const Trace trace = trace_of(
      "{\"timestamp\": 0, \"input_length\": 1100, \"output_length\": 1, \"hash_ids\": [0, 1, 2]}\n"
      "{\"timestamp\": 0, \"input_length\": 1030, \"output_length\": 1, \"hash_ids\": [0, 1, 7]}\n"
      "{\"timestamp\": 0, \"input_length\": 1030, \"output_length\": 1, \"hash_ids\": [9]}\n");
  const LoadPlan plan = plan_trace(trace, 1, 1, 64);
  const std::string a = prompt_of(plan, plan.requests[0]), b = prompt_of(plan, plan.requests[1]), c = prompt_of(plan, plan.requests[2]);
  EXPECT_EQ(words_in(a), 1100);
  EXPECT_EQ(words_in(b), 1030);
  EXPECT_EQ(words_in(c), 1030);  // what no block covers is filled up
  const auto split = std::ranges::mismatch(a, b).in1 - a.begin();
  const int shared = words_in(a.substr(0, static_cast<size_t>(split))) - 1;
  EXPECT_GE(shared, 1024);
  EXPECT_LT(shared, 1030);  // the third block differs at once, but for words that happen to be equal
  EXPECT_NE(a.substr(0, 40), c.substr(0, 40));
}

TEST(TracePlan, RoundsOfASessionContinueItsText) {
  const auto text = read_input_file(std::string(ONDOL_SOURCE_DIR) + "/tests/traces/tracelab_sessions.csv", kMaxTraceBytes);
  const LoadPlan plan = plan_trace(trace_of(text.value_or("")), 2, 1, 64);
  const std::string first = prompt_of(plan, plan.requests[0]), second = prompt_of(plan, plan.requests[1]);
  EXPECT_EQ(words_in(second), 2518 + 348);
  EXPECT_TRUE(second.starts_with(first + " "));
  EXPECT_EQ(plan.requests[1].previous, 0);
  EXPECT_EQ(plan.requests[1].wait_us, 150'000);
  EXPECT_NE(prompt_of(plan, plan.requests[3]).substr(0, 40), first.substr(0, 40));
}

TEST(Prompts, AreTextOrJson) {
  const auto prompts = parse_prompts("Why?\r\n\n\"two\\nlines\"\n{\"prompt\": \"p\", \"max_tokens\": 7}\n");
  ASSERT_TRUE(prompts) << prompts.error().message;
  ASSERT_EQ(prompts->size(), 3u);
  EXPECT_EQ((*prompts)[0].text, "Why?");
  EXPECT_EQ((*prompts)[1].text, "two\nlines");
  EXPECT_EQ((*prompts)[2].text, "p");
  EXPECT_EQ((*prompts)[2].output_tokens, 7);
}

TEST(Prompts, AreUsedInTurn) {
  LoadPlan plan = plan_closed_loop({.requests = 3, .output_tokens = 5}, 1);
  use_prompts(plan, {{"a", 0}, {"b", 9}});
  EXPECT_EQ(prompt_of(plan, plan.requests[0]), "a");
  EXPECT_EQ(prompt_of(plan, plan.requests[1]), "b");
  EXPECT_EQ(prompt_of(plan, plan.requests[2]), "a");
  EXPECT_EQ(plan.requests[0].output_tokens, 5);
  EXPECT_EQ(plan.requests[1].output_tokens, 9);
}

TEST(Prompts, ErrorsNameTheLine) {
  const auto error = [](const char* text) {
    const auto prompts = parse_prompts(text);
    return prompts ? "no error" : prompts.error().message;
  };
  EXPECT_TRUE(error("a\n{\"prompt\": 1}\n").starts_with("line 2: the object has no string"));
  EXPECT_TRUE(error("{\"prompt\"\n").starts_with("line 1: "));
  EXPECT_TRUE(error("{\"prompt\": \"a\", \"max_tokens\": 0}").starts_with("line 1: max_tokens"));
  EXPECT_NE(error(" \n\n").find("no prompt"), std::string::npos);
}

}  // namespace
}  // namespace ondol
