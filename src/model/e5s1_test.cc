#include "model/e5s1.h"

#include <gtest/gtest.h>

#include <functional>

#include "model/e5s1_writer_test_util.h"
#include "model/temp_folder_test_util.h"

namespace ondol {
namespace {

// The bytes are copied to memory of exactly their size, so that a sanitizer sees a read beyond them.
class Parsed {
 public:
  explicit Parsed(const std::string& bytes) : copy_(bytes.begin(), bytes.end()), file_(E5s1File::parse(std::as_bytes(std::span(copy_)))) {}
  E5s1File* operator->() { return &*file_; }
  bool ok() const { return file_.has_value(); }
  std::string error() const { return file_ ? "" : file_.error().message; }

 private:
  std::vector<char> copy_;
  Result<E5s1File> file_;
};

TEST(E5s1, ReadsHeaderTokenizerAndTensors) {
  Parsed file(E5s1Writer().bytes());
  ASSERT_TRUE(file.ok()) << file.error();
  const E5s1Config& c = file->config();
  EXPECT_EQ(c.hidden, 32);
  EXPECT_EQ(c.layers, 1);
  EXPECT_EQ(c.heads, 2);
  EXPECT_EQ(c.ffn, 64);
  EXPECT_EQ(c.vocab, 8);
  EXPECT_EQ(c.max_positions, 4);
  EXPECT_EQ(c.type_vocab, 1);
  EXPECT_EQ(c.norm_eps, 1e-5F);
  EXPECT_EQ(file->file_bytes(), E5s1Writer().bytes().size());

  const auto f = file->tensor("f", DType::kF32, 1, 3);
  ASSERT_TRUE(f) << f.error().message;
  EXPECT_EQ(f->data.size(), 12u);
  EXPECT_EQ(f->data.front(), std::byte{1});
  const auto q = file->tensor("q", DType::kQ4_0, 2, 32);
  ASSERT_TRUE(q) << q.error().message;
  EXPECT_EQ(q->row(1).size(), 18u);
  EXPECT_EQ(file->tensor("g", DType::kF32, 1, 3).error().code, Code::kNotFound);
  EXPECT_NE(file->tensor("f", DType::kF32, 1, 4).error().message.find("has 3 elements of F32; the header implies 1 x 4 of F32"),
            std::string::npos);
  EXPECT_NE(file->tensor("f", DType::kQ4_0, 1, 3).error().message.find("of Q4_0"), std::string::npos);

  const UnigramTables tables = file->take_tokenizer();
  EXPECT_EQ(tables.pieces, (std::vector<std::string_view>{"<s>", "<pad>", "</s>", "<unk>", "\u2581", "a"}));
  EXPECT_EQ(tables.scores[5], -3.0F);
  EXPECT_EQ(tables.bos, 0);
  EXPECT_EQ(tables.eos, 2);
  EXPECT_EQ(tables.pad, 1);
  EXPECT_EQ(tables.unknown, 3);
  ASSERT_EQ(tables.rules.size(), 2u);
  EXPECT_EQ(tables.rules[1].point, 0x41u);
  EXPECT_EQ(tables.replacements, " a");
}

TEST(E5s1, FilesOnDiskReadLikeBytes) {
  const TempFolder folder;
  auto file = E5s1File::open(folder.write("m.e5s1", E5s1Writer().bytes()));
  ASSERT_TRUE(file) << file.error().message;
  E5s1File moved = std::move(*file);
  moved.drop_resident();
  EXPECT_EQ(moved.take_tokenizer().pieces[5], "a");
  EXPECT_EQ(moved.tensor("q", DType::kQ4_0, 1, 64)->data.back(), std::byte{2});
  const auto wrong = E5s1File::open(folder.write("w.e5s1", "GGUF"));
  EXPECT_NE(wrong.error().message.find("w.e5s1"), std::string::npos);
  EXPECT_EQ(E5s1File::open(folder.path() + "/absent.e5s1").error().code, Code::kNotFound);
}

TEST(E5s1, EveryCutIsAnErrorAndEveryFlippedByteIsSafe) {
  const std::string whole = E5s1Writer().bytes();
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(Parsed(whole.substr(0, size)).ok()) << size;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char bit : {'\x01', '\x80', '\xFF'}) {
      std::string bent = whole;
      bent[at] = static_cast<char>(bent[at] ^ bit);
      Parsed file(bent);
      if (!file.ok()) continue;
      const auto q = file->tensor("q", DType::kQ4_0, 2, 32);
      EXPECT_TRUE(!q || q->data.size() == 36u);
      (void)UnigramTokenizer::make(file->take_tokenizer());
    }
  }
}

TEST(E5s1, LyingFilesGetPreciseErrors) {
  struct Lie {
    const char* expected;
    std::function<void(E5s1Writer&)> tell;
  };
  const std::vector<Lie> lies = {
      {"version 2 is not supported", [](E5s1Writer& w) { w.version = 2; }},
      {"blocks of 64", [](E5s1Writer& w) { w.block = 64; }},
      {"the hidden size is -32", [](E5s1Writer& w) { w.hidden = -32; }},
      {"the hidden size is 2147483647", [](E5s1Writer& w) { w.hidden = 2147483647; }},
      {"must be multiples of 32", [](E5s1Writer& w) { w.hidden = 48; }},
      {"must be multiples of 32", [](E5s1Writer& w) { w.ffn = 65; }},
      {"also of the 3 heads", [](E5s1Writer& w) { w.heads = 3; }},
      {"the number of heads is 0", [](E5s1Writer& w) { w.heads = 0; }},
      {"the number of layers is 1000000", [](E5s1Writer& w) { w.layers = 1'000'000; }},
      {"the MLP's size is 0", [](E5s1Writer& w) { w.ffn = 0; }},
      {"the vocabulary is -1", [](E5s1Writer& w) { w.vocab = -1; }},
      {"the number of positions is 1000000", [](E5s1Writer& w) { w.positions = 1'000'000; }},
      {"the number of token types is 0", [](E5s1Writer& w) { w.types = 0; }},
      {"the epsilon", [](E5s1Writer& w) { w.eps = -1; }},
      {"the epsilon", [](E5s1Writer& w) { w.eps = std::numeric_limits<float>::quiet_NaN(); }},
      {"the number of pieces is 9", [](E5s1Writer& w) { w.piece_count = 9; }},
      {"the number of pieces is -5", [](E5s1Writer& w) { w.piece_count = -5; }},
      {"a special token is 6", [](E5s1Writer& w) { w.unknown = 6; }},
      {"a special token is -1", [](E5s1Writer& w) { w.bos = -1; }},
      {"the number of character rules is -1", [](E5s1Writer& w) { w.rule_count = -1; }},
      {"not at", [](E5s1Writer& w) { w.rules += 'x'; }},
      {"which is none", [](E5s1Writer& w) { w.rules = E5s1Writer::rule(9, {0xD800}) + E5s1Writer::rule(10, {}); }},
      {"which is none", [](E5s1Writer& w) { w.rules = E5s1Writer::rule(9, {}) + E5s1Writer::rule(10, {0x110000}); }},
      {"the number of tensors is -1", [](E5s1Writer& w) { w.tensor_count = -1; }},
      {"claims 90000 tensors", [](E5s1Writer& w) { w.tensor_count = 90'000; }},
      {"name is 0", [](E5s1Writer& w) { w.tensors[0].name = ""; }},
      {"name is 65", [](E5s1Writer& w) { w.tensors[0].name = std::string(65, 'x'); }},
      {"has type 2", [](E5s1Writer& w) { w.tensors[0].type = 2; }},
      {"33 elements of Q4_0", [](E5s1Writer& w) { w.tensors[1].elements = 33; }},
      {"which cannot be", [](E5s1Writer& w) { w.tensors[0].elements = 0xFFFFFFFF; }},
      {"which cannot be", [](E5s1Writer& w) { w.tensors[0].bytes_by = uint64_t{1} << 63; }},
      {"beyond the", [](E5s1Writer& w) { w.tensors[1].offset_by = 1; }},
      {"beyond the", [](E5s1Writer& w) { w.tensors[0].offset_by = ~uint64_t{0} - 500; }},
      {"tensor \"q\" appears twice", [](E5s1Writer& w) { w.tensors[0].name = "q"; }},
  };
  for (const Lie& lie : lies) {
    E5s1Writer writer;
    lie.tell(writer);
    const Parsed file(writer.bytes());
    EXPECT_FALSE(file.ok()) << "expected: " << lie.expected;
    EXPECT_NE(file.error().find(lie.expected), std::string::npos) << "expected: " << lie.expected << "\n     got: " << file.error();
  }
}

// Offsets of pieces are made by the writer; this bends them in the bytes.
TEST(E5s1, PiecesMustLieInTheirText) {
  const std::string whole = E5s1Writer().bytes();
  const size_t offsets = 4 + 4 + 7 * 4 + 4 + 4 + 5 * 4 + 8;
  for (const auto& [index, value] : std::vector<std::pair<size_t, uint32_t>>{{6, 0xFFFFFFFF}, {6, 0}, {3, 2}, {0, 4}}) {
    std::string bent = whole;
    std::memcpy(bent.data() + offsets + index * 4, &value, 4);
    const Parsed file(bent);
    ASSERT_FALSE(file.ok()) << index;
    EXPECT_NE(file.error().find("bytes of text"), std::string::npos) << file.error();
  }
}

}  // namespace
}  // namespace ondol
