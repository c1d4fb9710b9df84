#include "load/samples_file.h"

#include <gtest/gtest.h>

#include "load/sample_test_util.h"

namespace ondol {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& text) {
  const auto run = parse_samples(text);
  return run ? "no error" : run.error().message;
}

TEST(SamplesFile, ComesBackAsItWas) {
  const SavedRun run{test_info(), test_samples()};
  const std::string text = samples_text(run);
  const auto read = parse_samples(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(samples_text(*read), text);
  EXPECT_EQ(read->info.seed, test_info().seed);
  EXPECT_EQ(read->info.model, test_info().model);
  ASSERT_EQ(read->samples.size(), 5u);
  EXPECT_EQ(read->samples[1].gaps_us, (std::vector<uint32_t>{20'000, 30'000}));
  EXPECT_EQ(read->samples[1].last_us, 500'000);
  EXPECT_EQ(read->samples[2].error, SampleError::kHttp429);
  EXPECT_EQ(read->samples[2].first_us, -1);
}

TEST(SamplesFile, ErrorsNameTheLine) {
  const std::string good = samples_text({test_info(), {make_sample(0, 0, 100, {10}, 2)}});
  EXPECT_EQ(error_of(good), "no error");
  EXPECT_NE(error_of("").find("--save"), std::string::npos);
  EXPECT_TRUE(error_of("{}\n").starts_with("line 1: ondol_bench_serve"));
  EXPECT_TRUE(error_of(replaced(good, "\"ondol_bench_serve\":1", "\"ondol_bench_serve\":2")).starts_with("line 1: ondol_bench_serve must"));
  EXPECT_TRUE(error_of(good + "nonsense\n").starts_with("line 3: \"nonsense\" is no JSON object"));
  EXPECT_TRUE(error_of(replaced(good, "\"sent_us\":0", "\"sent_us\":-1")).starts_with("line 2: sent_us must"));
  EXPECT_TRUE(error_of(replaced(good, "\"gaps_us\":[10000]", "\"gaps_us\":[-1]")).starts_with("line 2: gaps_us must"));
  EXPECT_TRUE(error_of(replaced(good, "\"error\":\"\"", "\"error\":\"odd\"")).starts_with("line 2: error is"));
  EXPECT_TRUE(error_of(replaced(good, "\"seed\":\"", "\"seed\":\"x")).starts_with("line 1: seed must"));
}

TEST(SampleErrors, HaveNamesThatComeBack) {
  for (int i = 0; i < kSampleErrors; ++i) {
    const auto error = static_cast<SampleError>(i);
    EXPECT_EQ(sample_error_from_name(sample_error_name(error)), error);
  }
  EXPECT_FALSE(sample_error_from_name("no such"));
}

}  // namespace
}  // namespace ondol
