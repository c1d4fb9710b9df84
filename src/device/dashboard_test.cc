// deploy/grafana/ondol.json draws nothing that no source exports.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

namespace ondol {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::set<std::string> metrics_in(const std::string& text) {
  static const std::regex kName("ondol_[a-z0-9_]+");
  std::set<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), kName), end; at != end; ++at) {
    std::string name = at->str();
    for (const std::string_view suffix : {"_bucket", "_sum", "_count"}) {
      if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
    }
    names.insert(name);
  }
  return names;
}

TEST(Dashboard, DrawsWhatIsExported) {
  const std::filesystem::path root = ONDOL_SOURCE_DIR;
  const std::string dashboard = text_of(root / "deploy/grafana/ondol.json");
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(dashboard, error);
  ASSERT_FALSE(error) << error.message();
  EXPECT_GT(parsed.at("panels").as_array().size(), 20u);

  std::string sources;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "src")) {
    if (entry.path().extension() == ".cc" && !entry.path().stem().string().ends_with("_test")) sources += text_of(entry.path());
  }
  const auto names = metrics_in(dashboard);
  EXPECT_GT(names.size(), 25u);
  for (const std::string& name : names) EXPECT_NE(sources.find("\"" + name + "\""), std::string::npos) << name << " is exported by nobody";
}

}  // namespace
}  // namespace ondol
