#include "app/cmd_up.h"

#include <gtest/gtest.h>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

constexpr uint64_t kPlenty = 16ull << 30;

class ChooseModel : public testing::Test {
 protected:
  void put(std::string_view name) {
    const CatalogModel& model = *find_model(name);
    folder_.write_sparse(model.file, model.bytes);
  }
  Result<ResolvedModel> choose(const std::string& wanted, uint64_t memory, bool online) {
    return choose_model(wanted, memory, {folder_.path(), {folder_.path()}}, [&](const CatalogModel& model) -> Result<std::string> {
      fetched_ = model.name;
      if (online) return "/fetched/" + std::string(model.file);
      return fail(Code::kNotFound, "offline");
    });
  }
  TestFolder folder_;
  std::string fetched_;
};

TEST_F(ChooseModel, TakesTheLocalDefault) {
  put("qwen2.5-coder-1.5b");
  EXPECT_EQ(choose("", kPlenty, false)->name, "qwen2.5-coder-1.5b");
  EXPECT_EQ(fetched_, "");
}

TEST_F(ChooseModel, FetchesWhatIsNotHere) {
  EXPECT_EQ(choose("", kPlenty, true)->path, "/fetched/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf");
  EXPECT_EQ(choose("", 1 << 30, true)->name, "smollm2-135m");
  EXPECT_EQ(choose("qwen2.5-coder-0.5b", kPlenty, true)->name, "qwen2.5-coder-0.5b");
  EXPECT_EQ(fetched_, "qwen2.5-coder-0.5b");
}

TEST_F(ChooseModel, FallsBackToASmallerOneOnlyIfNobodyChose) {
  put("smollm2-135m");
  EXPECT_EQ(choose("", kPlenty, false)->name, "smollm2-135m");
  const auto chosen = choose("qwen2.5-coder-1.5b", kPlenty, false);
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().message, "offline");
}

TEST_F(ChooseModel, TakesPaths) {
  folder_.write("mine.gguf", "x");
  EXPECT_EQ(choose(folder_.path("mine.gguf"), kPlenty, false)->name, "mine");
  EXPECT_FALSE(choose("/no/such.gguf", kPlenty, true));
  EXPECT_EQ(fetched_, "") << "an unknown name is never fetched";
}

}  // namespace
}  // namespace ondol
