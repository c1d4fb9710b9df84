#include "model/gguf.h"

#include <gtest/gtest.h>

#include <limits>

#include "model/gguf_writer_test_util.h"
#include "model/temp_folder_test_util.h"

namespace ondol {
namespace {

// The bytes are copied to memory of exactly their size, so that a sanitizer sees a read beyond them.
class Parsed {
 public:
  explicit Parsed(const std::string& bytes, const GgufLimits& limits = {})
      : copy_(bytes.begin(), bytes.end()), file_(GgufFile::parse(std::as_bytes(std::span(copy_)), limits)) {}
  const GgufFile* operator->() const { return &*file_; }
  bool ok() const { return file_.has_value(); }
  std::string error() const { return file_ ? "" : file_.error().message; }
  Code code() const { return file_ ? Code::kInternal : file_.error().code; }

 private:
  std::vector<char> copy_;
  Result<GgufFile> file_;
};

GgufWriter small() {
  GgufWriter writer;
  writer.string("general.architecture", "llama");
  writer.u32("llama.block_count", 2);
  writer.floats("a", {4, 2}, 1.0f);
  writer.floats("b", {3}, 2.0f);
  return writer;
}

TEST(Gguf, ReadsScalarsOfEveryType) {
  GgufWriter writer;
  writer.u8("u8", 200);
  writer.u16("u16", 60000);
  writer.i32("i32", -5);
  writer.u64("big", std::numeric_limits<uint64_t>::max());
  writer.i64("i64", -6'000'000'000);
  writer.f32("f32", 0.5f);
  writer.f64("f64", 0.25);
  writer.boolean("yes", true);
  writer.string("text", "h\xC3\xA9");
  const Parsed file(writer.bytes());
  ASSERT_TRUE(file.ok()) << file.error();
  EXPECT_EQ(file->integer("u8"), 200);
  EXPECT_EQ(file->integer("u16"), 60000);
  EXPECT_EQ(file->integer("i32"), -5);
  EXPECT_EQ(file->integer("i64"), -6'000'000'000);
  EXPECT_EQ(file->integer("big"), std::nullopt) << "does not fit";
  EXPECT_EQ(file->integer("f32"), std::nullopt) << "no integer";
  EXPECT_EQ(file->number("f32"), 0.5);
  EXPECT_EQ(file->number("f64"), 0.25);
  EXPECT_EQ(file->number("i32"), -5.0);
  EXPECT_EQ(file->boolean("yes"), true);
  EXPECT_EQ(file->integer("yes"), 1);
  EXPECT_EQ(file->boolean("u8"), std::nullopt);
  EXPECT_EQ(file->string("text"), "h\xC3\xA9");
  EXPECT_EQ(file->string("absent"), std::nullopt);
  EXPECT_TRUE(file->has("u8"));
  EXPECT_FALSE(file->has("absent"));
  EXPECT_EQ(file->keys().front(), "u8");
  EXPECT_EQ(file->version(), 3u);
}

TEST(Gguf, ReadsArrays) {
  GgufWriter writer(2);
  writer.strings("words", {"a", "", "ccc"});
  writer.i32s("ids", {-1, 7});
  writer.f32s("scores", {0.5f, -1.0f});
  writer.booleans("flags", {1, 0, 1});
  const Parsed file(writer.bytes());
  ASSERT_TRUE(file.ok()) << file.error();
  EXPECT_EQ(file->strings("words"), (std::vector<std::string_view>{"a", "", "ccc"}));
  EXPECT_EQ(file->integers("ids"), (std::vector<int64_t>{-1, 7}));
  EXPECT_EQ(file->integers("flags"), (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(file->numbers("scores"), (std::vector<float>{0.5f, -1.0f}));
  EXPECT_EQ(file->integers("words"), std::nullopt);
  EXPECT_EQ(file->strings("ids"), std::nullopt);
  EXPECT_EQ(file->integer("ids"), std::nullopt);
}

TEST(Gguf, ReadsTensors) {
  GgufWriter writer = small();
  writer.tensor("q", {64, 2, 3}, 8, std::string(6 * 68, '\0'));
  writer.tensor("odd", {256}, 17, std::string(74, '\0'));
  writer.tensor("future", {256}, 77, std::string(10, '\0'));
  const Parsed file(writer.bytes());
  ASSERT_TRUE(file.ok()) << file.error();
  const auto a = file->tensor("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->dtype, DType::kF32);
  EXPECT_EQ(a->rows, 2);
  EXPECT_EQ(a->cols, 4);
  EXPECT_EQ(a->data.size(), 32u);
  EXPECT_EQ(file->tensor("b")->rows, 1);
  const auto q = file->tensor("q");
  ASSERT_TRUE(q);
  EXPECT_EQ(q->dtype, DType::kQ8_0);
  EXPECT_EQ(q->depth, 3);
  EXPECT_EQ(q->slice(2).row(1).size(), 68u);
  EXPECT_EQ(file->tensor("nothing").error().code, Code::kNotFound);
  EXPECT_TRUE(file->has_tensor("odd"));
  EXPECT_NE(file->tensor("odd").error().message.find("IQ2_XS"), std::string::npos);
  EXPECT_NE(file->tensor("future").error().message.find("type 77"), std::string::npos);
  EXPECT_EQ(file->tensor_names().size(), 5u);
}

TEST(Gguf, EveryCutIsAnErrorAndEveryFlippedByteIsSafe) {
  const std::string whole = small().bytes();
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(Parsed(whole.substr(0, size)).ok()) << size;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char bit : {'\x01', '\x80', '\xFF'}) {
      std::string bent = whole;
      bent[at] = static_cast<char>(bent[at] ^ bit);
      const Parsed file(bent);
      if (!file.ok()) continue;
      for (const std::string_view name : file->tensor_names()) {
        if (const auto tensor = file->tensor(name)) {
          EXPECT_EQ(tensor->data.size(), static_cast<size_t>(tensor->depth * tensor->rows) * row_bytes(tensor->dtype, tensor->cols));
        }
      }
    }
  }
}

struct Lie {
  const char* expected;  // part of the message
  std::string bytes;
};

std::vector<Lie> lies() {
  std::vector<Lie> out;
  const auto lie = [&out](const char* expected, auto&& change) {
    GgufWriter writer = small();
    change(writer);
    out.push_back({expected, writer.bytes()});
  };
  const std::string huge_length("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
  lie("limit", [](GgufWriter& w) { w.claim_tensors(1'000'000'000'000); });
  lie("limit", [](GgufWriter& w) { w.claim_pairs(~uint64_t{0}); });
  lie("has only", [](GgufWriter& w) { w.claim_pairs(50'000); });
  lie("has only", [](GgufWriter& w) { w.claim_tensors(150'000); });
  lie("\"general.architecture\" appears twice", [](GgufWriter& w) { w.string("general.architecture", "x"); });
  lie("tensor \"a\" appears twice", [](GgufWriter& w) { w.floats("a", {1}); });
  lie("unknown value type 13", [](GgufWriter& w) { w.raw("k", 13, ""); });
  lie("limit", [&](GgufWriter& w) { w.raw("k", 8, huge_length); });
  lie("limit", [&](GgufWriter& w) { w.raw("k", 9, std::string("\4\0\0\0", 4) + huge_length); });
  lie("file ends inside an array", [](GgufWriter& w) { w.raw("k", 9, std::string("\4\0\0\0\0\0\4\0\0\0\0\0", 12)); });
  lie("nests arrays", [](GgufWriter& w) {
    std::string nested;
    for (int i = 0; i < 6; ++i) nested += std::string("\x09\0\0\0\1\0\0\0\0\0\0\0", 12);
    w.raw("k", 9, nested);
  });
  lie("general.alignment 33", [](GgufWriter& w) { w.u32("general.alignment", 33); });
  lie("general.alignment 0", [](GgufWriter& w) { w.u32("general.alignment", 0); });
  lie("general.alignment 2147483648", [](GgufWriter& w) { w.u32("general.alignment", 0x80000000u); });
  lie("(not an integer)", [](GgufWriter& w) { w.string("general.alignment", "32"); });
  lie("dimension of zero", [](GgufWriter& w) { w.tensor_at("z", {4, 0}, 0, 96); });
  lie("overflows", [](GgufWriter& w) { w.tensor_at("z", {uint64_t{1} << 40, uint64_t{1} << 40}, 0, 96); });
  lie("overflows", [](GgufWriter& w) { w.tensor_at("z", {uint64_t{1} << 63, 2}, 0, 96); });
  lie("5 dimensions", [](GgufWriter& w) { w.tensor_at("z", {1, 1, 1, 1, 1}, 0, 96); });
  lie("0 dimensions", [](GgufWriter& w) { w.tensor_at("z", {}, 0, 96); });
  lie("blocks of 4 bytes", [](GgufWriter& w) { w.tensor_at("z", {1000}, 0, 32); });
  lie("beyond the", [](GgufWriter& w) { w.tensor_at("z", {1}, 0, ~uint64_t{0} - 31); });
  lie("not a multiple of 32", [](GgufWriter& w) { w.tensor_at("z", {1}, 0, 33); });
  lie("overlap at offset 0", [](GgufWriter& w) { w.tensor_at("z", {1}, 0, 0); });
  lie("not a multiple of the 256", [](GgufWriter& w) { w.tensor_at("z", {255}, 12, 32); });
  lie("empty name", [](GgufWriter& w) { w.tensor_at("", {1}, 0, 64); });
  out.push_back({"does not start", "GGML" + small().bytes().substr(4)});
  out.push_back({"version 1", GgufWriter(1).bytes()});
  out.push_back({"big endian", GgufWriter(0x03000000).bytes()});
  return out;
}

TEST(Gguf, LyingFilesGetPreciseErrors) {
  for (const Lie& lie : lies()) {
    const Parsed file(lie.bytes);
    EXPECT_FALSE(file.ok()) << "expected: " << lie.expected;
    EXPECT_NE(file.error().find(lie.expected), std::string::npos) << "expected: " << lie.expected << "\n     got: " << file.error();
  }
}

TEST(Gguf, ErrorsQuoteHostileNames) {
  GgufWriter writer;
  writer.floats("evil\x1B[31m\xFF", {1});
  writer.floats("evil\x1B[31m\xFF", {1});
  const Parsed file(writer.bytes());
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().find('\x1B'), std::string::npos);
  EXPECT_NE(file.error().find("\\x1b"), std::string::npos) << file.error();
}

class GgufSplit : public testing::Test {
 protected:
  std::string write(const std::string& name, const GgufWriter& writer) const { return folder_.write(name, writer.bytes()); }

  static GgufWriter part(uint16_t number, uint16_t count, const std::string& tensor) {
    GgufWriter writer;
    writer.u16("split.no", number);
    writer.u16("split.count", count);
    if (number == 0) writer.i32("split.tensors.count", count);
    if (number == 0) writer.string("general.name", "parts");
    writer.floats(tensor, {4}, number);
    return writer;
  }

  TempFolder folder_;
};

TEST_F(GgufSplit, AnyPartOpensTheWhole) {
  write("m-00001-of-00002.gguf", part(0, 2, "first"));
  const std::string second = write("m-00002-of-00002.gguf", part(1, 2, "second"));
  const auto file = GgufFile::open(second);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->has_tensor("first"));
  float value = 0;
  dequantize_row(DType::kF32, file->tensor("second")->row(0), 1, &value);
  EXPECT_EQ(value, 1.0f);
  EXPECT_EQ(file->string("general.name"), "parts");
  EXPECT_EQ(file->file_bytes(), part(0, 2, "first").bytes().size() + part(1, 2, "second").bytes().size());
}

TEST_F(GgufSplit, MissingWrongAndDoubledPartsAreErrors) {
  const auto message = [](const std::string& path) {
    const auto file = GgufFile::open(path);
    return file ? std::string("opened") : file.error().message;
  };
  const std::string first = write("m-00001-of-00002.gguf", part(0, 2, "first"));
  EXPECT_NE(message(first).find("m-00002-of-00002.gguf"), std::string::npos) << message(first);
  write("m-00002-of-00002.gguf", part(0, 2, "second"));
  EXPECT_NE(message(first).find("but its name says part 2 of 2"), std::string::npos) << message(first);
  write("m-00002-of-00002.gguf", part(1, 2, "first"));
  EXPECT_NE(message(first).find("in two parts"), std::string::npos) << message(first);
  GgufWriter extra = part(1, 2, "second");
  extra.floats("third", {1});
  write("m-00002-of-00002.gguf", extra);
  EXPECT_NE(message(first).find("hold 3 tensors, split.tensors.count says 2"), std::string::npos) << message(first);
  EXPECT_NE(message(write("renamed.gguf", part(1, 2, "x"))).find("name must end in"), std::string::npos);
  EXPECT_NE(message(folder_.path() + "/m-00001-of-99999.gguf").find("limit"), std::string::npos);
  EXPECT_NE(message(folder_.path() + "/absent.gguf").find("absent.gguf"), std::string::npos);
  EXPECT_NE(message(folder_.path()).find("not a regular file"), std::string::npos) << message(folder_.path());
}

TEST_F(GgufSplit, FilesOnDiskReadLikeBytes) {
  const auto file = GgufFile::open(write("plain.gguf", small()));
  ASSERT_TRUE(file) << file.error().message;
  file->drop_resident();
  float values[4];
  dequantize_row(DType::kF32, file->tensor("a")->row(1), 4, values);
  EXPECT_EQ(values[3], 1.0f);
}

}  // namespace
}  // namespace ondol
