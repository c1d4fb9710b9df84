#include "app/paths.h"

#include <gtest/gtest.h>

#include <map>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

EnvLookup environment(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
}

TEST(ModelDirs, PrefersTheOwnVariable) {
  EXPECT_EQ(model_dirs(environment({{"ONDOL_MODELS", "/m"}, {"XDG_CACHE_HOME", "/x"}, {"HOME", "/h"}})).download, "/m");
  EXPECT_EQ(model_dirs(environment({{"XDG_CACHE_HOME", "/x"}, {"HOME", "/h"}})).download, "/x/ondol/models");
  EXPECT_EQ(model_dirs(environment({{"HOME", "/h"}})).download, "/h/.cache/ondol/models");
  EXPECT_EQ(model_dirs(environment({})).download, "models");
}

TEST(FindLocal, WantsTheRightSize) {
  const TestFolder folder;
  const CatalogModel& model = *find_model("smollm2-135m");
  const ModelDirs dirs{folder.path("a"), {folder.path("a"), folder.path("b")}};
  EXPECT_EQ(find_local(model, dirs), "");
  folder.write("a/" + std::string(model.file), "cut short");
  EXPECT_EQ(find_local(model, dirs), "");
  folder.write_sparse("b/" + std::string(model.file), model.bytes);
  EXPECT_EQ(find_local(model, dirs), folder.path("b/" + std::string(model.file)));
}

TEST(ResolveModel, TakesNamesPathsAndFilesInTheSearchFolders) {
  const TestFolder folder;
  const ModelDirs dirs{folder.path("a"), {folder.path("a")}};
  folder.write("a/mine.gguf", "x");
  folder.write("a/folder/config.json", "{}");
  folder.write_sparse("a/smollm2-135m-instruct-q4_1.gguf", find_model("smollm2-135m")->bytes);

  EXPECT_EQ(resolve_model("SmolLM2-135M", dirs)->name, "smollm2-135m");
  EXPECT_EQ(resolve_model("mine", dirs)->path, folder.path("a/mine.gguf"));
  EXPECT_EQ(resolve_model("mine", dirs)->name, "mine");
  EXPECT_EQ(resolve_model(folder.path("a/mine.gguf"), dirs)->name, "mine");
  EXPECT_EQ(resolve_model(folder.path("a/folder/"), dirs)->name, "folder");
}

TEST(ResolveModel, SaysWhatToDoNext) {
  const ModelDirs dirs{"/nowhere", {"/nowhere"}};
  const auto missing = resolve_model("qwen2.5-coder-0.5b", dirs);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_NE(missing.error().message.find("ondol model get qwen2.5-coder-0.5b"), std::string::npos);
  const auto unknown = resolve_model("gpt-9", dirs);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("\"gpt-9\""), std::string::npos);
  EXPECT_NE(unknown.error().message.find("smollm2-135m"), std::string::npos);
  EXPECT_FALSE(resolve_model("", dirs));
}

}  // namespace
}  // namespace ondol
