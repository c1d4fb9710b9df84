#include "engine/verify.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ondol {
namespace {

const std::string kModels = ONDOL_SOURCE_DIR "/tests/models/";

// Outputs of Hugging Face transformers on random models of each architecture (float32 on CPU).
class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, MatchesTheReferenceInAllFiveWays) {
  const auto report = verify_model(kModels + GetParam());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_LT(report->hidden_max_abs_err, 2e-4);
  EXPECT_LT(report->logits_max_abs_err, 2e-4);
  EXPECT_GT(report->hidden_max_abs_err, 0) << "nothing was compared";
  EXPECT_TRUE(report->whole_prefill);
  EXPECT_TRUE(report->token_by_token);
  EXPECT_TRUE(report->chunks_of_5);
  EXPECT_TRUE(report->in_batch);
  EXPECT_TRUE(report->after_cache_hit);
}

INSTANTIATE_TEST_SUITE_P(Models, Golden,
                         testing::Values("llama", "qwen2", "qwen3", "gemma3", "exaone4-hybrid", "exaone4-dense-tied", "exaone-moe"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Verify, SaysWhatIsMissing) { EXPECT_FALSE(verify_model(kModels + "none")); }

}  // namespace
}  // namespace ondol
