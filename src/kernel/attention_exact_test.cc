// The promise of attention.h: a query's result does not depend on what is computed or stored beside it.
#include <gtest/gtest.h>

#include "kernel/attention.h"
#include "kernel/attention_test_support.h"

namespace ondol {
namespace {

constexpr KvType kTypes[] = {KvType::kF16, KvType::kF32, KvType::kQ8};
constexpr int kTokens = 300;

// Every row alone, each with a cache that ends with its own token.
std::vector<float> row_by_row(Sequence& sequence, const AttentionKernels& kernels) {
  std::vector<float> all;
  for (int p = 0; p < kTokens; ++p) {
    sequence.store(kernels, p + 1);
    const auto row = sequence.attend(kernels, p, 1);
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

struct ExactCase {
  Isa isa;
  KvType type;
};

class AttentionExact : public testing::TestWithParam<ExactCase> {};

TEST_P(AttentionExact, RowsOfAnyChunkEqualTheSameRowsAlone) {
  const AttentionKernels& kernels = attention_kernels(GetParam().isa);
  for (const int group : {1, 2, 3, 6, 7, 8}) {
    for (const int window : {0, 1, 12, 128}) {
      Sequence sequence({.type = GetParam().type, .head_dim = group == 3 ? 20 : 32, .group = group, .window = window}, kTokens, 29);
      const auto expected = row_by_row(sequence, kernels);
      const size_t width = expected.size() / kTokens;
      int first = 0;
      // From 0 to the end in chunks of 1, 2, 3 .. 40 rows, the later tokens already stored.
      for (int rows = 1; rows <= 40; ++rows) {
        if (first + rows > kTokens) first = rows % 7;
        const auto got = sequence.attend(kernels, first, rows);
        const auto from = expected.begin() + static_cast<int64_t>(width) * first;
        ASSERT_TRUE(same_bits(got, {from, from + static_cast<int64_t>(width) * rows}))
            << "group " << group << " window " << window << " rows " << rows << " from " << first;
        first += rows;
      }
      ASSERT_TRUE(same_bits(sequence.attend(kernels, 0, kTokens), expected)) << "group " << group << " window " << window;
    }
  }
}

std::vector<ExactCase> cases() {
  std::vector<ExactCase> all;
  for (const Isa isa : supported_isas()) {
    for (const KvType type : kTypes) all.push_back({isa, type});
  }
  return all;
}

std::string case_name(const testing::TestParamInfo<ExactCase>& info) {
  constexpr const char* kNames[] = {"f16", "f32", "q8"};
  return std::string(isa_name(info.param.isa)) + "_" + kNames[static_cast<int>(info.param.type)];
}

INSTANTIATE_TEST_SUITE_P(All, AttentionExact, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace ondol
