#include "model/safetensors.h"

#include <gtest/gtest.h>

#include "model/safetensors_writer_test_util.h"
#include "model/temp_folder_test_util.h"

namespace ondol {
namespace {

// The bytes are copied to memory of exactly their size, so that a sanitizer sees a read beyond them.
class Parsed {
 public:
  explicit Parsed(const std::string& bytes, const SafetensorsLimits& limits = {})
      : copy_(bytes.begin(), bytes.end()), file_(SafetensorsFile::parse(std::as_bytes(std::span(copy_)), limits)) {}
  const SafetensorsFile* operator->() const { return &*file_; }
  bool ok() const { return file_.has_value(); }
  std::string error() const { return file_ ? "" : file_.error().message; }

 private:
  std::vector<char> copy_;
  Result<SafetensorsFile> file_;
};

SafetensorsWriter small() {
  SafetensorsWriter writer;
  writer.raw(R"("__metadata__":{"format":"pt"})");
  writer.floats("a", {2, 3}, 1.5f);
  writer.tensor("ids", "I32", {1, 2}, std::string("\1\0\0\0\xFF\xFF\xFF\xFF", 8));
  writer.tensor("half", "BF16", {4}, std::string("\x80\x3F\x80\x3F\x80\x3F\x80\x3F", 8));
  return writer;
}

TEST(Safetensors, ReadsTensors) {
  const Parsed file(small().bytes());
  ASSERT_TRUE(file.ok()) << file.error();
  EXPECT_EQ(file->tensor_names(), (std::vector<std::string_view>{"a", "half", "ids"}));
  const auto a = file->tensor("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->rows, 2);
  EXPECT_EQ(a->cols, 3);
  EXPECT_EQ(*file->floats("a"), std::vector<float>(6, 1.5f));
  EXPECT_EQ(*file->floats("half"), std::vector<float>(4, 1.0f));
  EXPECT_EQ(*file->int32s("ids"), (std::vector<int32_t>{1, -1}));
  EXPECT_EQ(*file->shape("ids"), (std::vector<int64_t>{1, 2}));
  EXPECT_FALSE(file->int32s("a"));
  EXPECT_EQ(file->tensor("nothing").error().code, Code::kNotFound);
  EXPECT_NE(file->tensor("ids").error().message.find("\"I32\""), std::string::npos);
  EXPECT_EQ(file->tensor("ids").error().code, Code::kUnimplemented);
}

TEST(Safetensors, ShapesOfEveryRank) {
  SafetensorsWriter writer;
  writer.floats("scalar", {}, 1);
  writer.floats("stack", {2, 3, 4, 5}, 2);
  writer.tensor("none", "F32", {0, 7}, "");
  writer.tensor("eight", "F8_E4M3", {2}, "ab");
  writer.tensor("future", "F4_X", {2}, "a");
  const Parsed file(writer.bytes());
  ASSERT_TRUE(file.ok()) << file.error();
  EXPECT_EQ(file->tensor("scalar")->elements(), 1);
  const auto stack = file->tensor("stack");
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->depth, 6);
  EXPECT_EQ(stack->rows, 4);
  EXPECT_EQ(stack->cols, 5);
  EXPECT_NE(file->tensor("none").error().message.find("no elements"), std::string::npos);
  EXPECT_NE(file->tensor("eight").error().message.find("F8_E4M3"), std::string::npos);
  EXPECT_NE(file->tensor("future").error().message.find("F4_X"), std::string::npos);
}

TEST(Safetensors, EveryCutIsAnErrorAndEveryFlippedByteIsSafe) {
  const std::string whole = small().bytes();
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(Parsed(whole.substr(0, size)).ok()) << size;
  EXPECT_FALSE(Parsed(whole + "x").ok()) << "bytes that no tensor covers";
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bent = whole;
    bent[at] = static_cast<char>(bent[at] ^ 1);
    const Parsed file(bent);
    if (!file.ok()) continue;
    for (const std::string_view name : file->tensor_names()) {
      if (const auto values = file->floats(name)) {
        EXPECT_LE(values->size() * 2, whole.size());
      }
    }
  }
}

struct Lie {
  const char* expected;
  std::string bytes;
};

std::vector<Lie> lies() {
  std::vector<Lie> out;
  const auto lie = [&out](const char* expected, auto&& change) {
    SafetensorsWriter writer = small();
    change(writer);
    out.push_back({expected, writer.bytes()});
  };
  const uint64_t end = small().bytes().size();  // beyond the data
  lie("24 elements of F32, but 4 bytes", [](SafetensorsWriter& w) { w.tensor("z", "F32", {24}, "1234"); });
  lie("beyond the", [&](SafetensorsWriter& w) { w.entry("z", "F32", {1}, end, end + 4); });
  lie("beyond the", [](SafetensorsWriter& w) { w.entry("z", "F32", {1}, 18446744073709551611u, 18446744073709551615u); });
  lie("not a range", [](SafetensorsWriter& w) { w.entry("z", "F32", {1}, 8, 4); });
  lie("overlaps", [](SafetensorsWriter& w) { w.entry("z", "F32", {1}, 0, 4); });
  lie("overflows", [](SafetensorsWriter& w) { w.entry("z", "F32", {int64_t{1} << 40, int64_t{1} << 40}, 0, 4); });
  lie("overflows", [](SafetensorsWriter& w) { w.entry("z", "F32", {int64_t{1} << 62, 4}, 0, 0); });
  lie("not a count", [](SafetensorsWriter& w) { w.entry("z", "F32", {-1}, 0, 4); });
  lie("9 dimensions", [](SafetensorsWriter& w) { w.entry("z", "F32", std::vector<int64_t>(9, 1), 0, 4); });
  lie("needs a dtype string", [](SafetensorsWriter& w) { w.raw("\"z\":3"); });
  lie("needs a dtype string", [](SafetensorsWriter& w) { w.raw(R"("z":{"dtype":"F32","shape":[1],"data_offsets":[0]})"); });
  lie("needs a dtype string", [](SafetensorsWriter& w) { w.raw(R"("z":{"dtype":4,"shape":[1],"data_offsets":[0,4]})"); });
  lie("not a range", [](SafetensorsWriter& w) { w.raw(R"("z":{"dtype":"F32","shape":[1],"data_offsets":[0.5,4]})"); });
  lie("not valid JSON", [](SafetensorsWriter& w) { w.raw("\"z\""); });
  lie("gap in front", [](SafetensorsWriter& w) { w.floats("a", {1}); });  // a doubled name: the first one's bytes are orphans
  out.push_back({"not an object", SafetensorsWriter::with_header("[]", "")});
  out.push_back({"not valid JSON", SafetensorsWriter::with_header(std::string(100'000, '['), "")});
  out.push_back({"claims 18446744073709551615 bytes", std::string(8, '\xFF') + "{}"});
  out.push_back({"not even a header length", "abc"});
  return out;
}

TEST(Safetensors, LyingFilesGetPreciseErrors) {
  for (const Lie& lie : lies()) {
    const Parsed file(lie.bytes);
    EXPECT_FALSE(file.ok()) << "expected: " << lie.expected;
    EXPECT_NE(file.error().find(lie.expected), std::string::npos) << "expected: " << lie.expected << "\n     got: " << file.error();
  }
}

TEST(Safetensors, LimitsHold) {
  SafetensorsLimits limits;
  limits.max_header = 64;
  EXPECT_NE(Parsed(small().bytes(), limits).error().find("more than the limit of 64"), std::string::npos);
  limits = {};
  limits.max_tensors = 2;
  EXPECT_NE(Parsed(small().bytes(), limits).error().find("more than the limit of 2"), std::string::npos);
}

std::string one(const std::string& name, float value) {
  SafetensorsWriter writer;
  writer.floats(name, {2}, value);
  return writer.bytes();
}

std::string open_error(const std::string& path) {
  const auto file = SafetensorsFile::open(path);
  return file ? "opened" : file.error().message;
}

TEST(Safetensors, ShardsByIndex) {
  const TempFolder folder;
  folder.write("part-a.safetensors", one("a", 1));
  folder.write("part-b.safetensors", one("b", 2));
  folder.write("model.safetensors.index.json", R"({"metadata":{},"weight_map":{"a":"part-a.safetensors","b":"part-b.safetensors"}})");
  const auto file = SafetensorsFile::open(folder.path());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->floats("b")->at(1), 2.0f);
  EXPECT_EQ(file->file_bytes(), one("a", 1).size() + one("b", 2).size());

  const auto index = [&](const std::string& json) {
    folder.write("model.safetensors.index.json", json);
    return open_error(folder.path());
  };
  EXPECT_NE(index(R"({"weight_map":{"c":"part-a.safetensors"}})").find("promises tensor \"c\""), std::string::npos);
  EXPECT_NE(index(R"({"weight_map":{"a":"../part-a.safetensors"}})").find("no file name"), std::string::npos);
  EXPECT_NE(index(R"({"weight_map":{"a":".."}})").find("no file name"), std::string::npos);
  EXPECT_NE(index(R"({"weight_map":{"a":7}})").find("no file name"), std::string::npos);
  EXPECT_NE(index(R"({"weight_map":{}})").find("names 0 files"), std::string::npos);
  EXPECT_NE(index(R"({"weight_map":3})").find("weight_map"), std::string::npos);
  EXPECT_NE(index(R"({"weight_map":{"a":"absent.safetensors"}})").find("absent.safetensors"), std::string::npos);
  EXPECT_NE(index("{").find("not valid JSON"), std::string::npos);
}

TEST(Safetensors, ShardsByNumber) {
  const TempFolder folder;
  EXPECT_NE(open_error(folder.path()).find("no shards"), std::string::npos);
  folder.write("model-00001-of-00002.safetensors", one("a", 1));
  EXPECT_NE(open_error(folder.path()).find("missing"), std::string::npos);
  folder.write("model-00002-of-00002.safetensors", one("a", 2));
  EXPECT_NE(open_error(folder.path()).find("in two shards"), std::string::npos);
  folder.write("model-00002-of-00002.safetensors", one("b", 2));
  EXPECT_EQ(open_error(folder.path()), "opened");
}

TEST(Safetensors, ReadsTheGoldenFiles) {
  const auto file = SafetensorsFile::open(ONDOL_SOURCE_DIR "/tests/models/llama/expected.safetensors");
  ASSERT_TRUE(file) << file.error().message;
  const auto ids = file->int32s("input_ids");
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->size(), 48u);
  EXPECT_EQ(file->floats("logits")->size(), 48u * 160u);
}

}  // namespace
}  // namespace ondol
