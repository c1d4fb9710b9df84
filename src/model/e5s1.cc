#include "model/e5s1.h"

#include <cmath>
#include <cstring>
#include <fstream>

#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

constexpr std::string_view kMagic = "E5S1";
constexpr uint32_t kVersion = 1;
constexpr int kBlock = 32;
// Far above the largest encoders of this kind (XLM-R XXL: 4096 wide, 48 layers, 16384 in the MLP), low enough that a product of two fits.
constexpr int kMaxWidth = 32'768;
constexpr int kMaxLayers = 256;
constexpr int kMaxPositions = 8192;
constexpr int kMaxTypes = 16;
constexpr int kMaxRules = 0x110000;   // one for each character of Unicode
constexpr int kMaxEntries = 100'000;  // 16 for each layer and 5
constexpr size_t kMaxName = 64;
constexpr size_t kSmallestEntry = 2 + 1 + 4 + 8 + 8;

std::string text(auto number) { return std::to_string(number); }

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

Status check_range(std::string_view what, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return {};
  return fail(Code::kInvalidArgument, std::string(what) + " is " + text(value) + "; it must be from " + text(low) + " to " + text(high));
}

Status check_config(const E5s1Config& c) {
  ONDOL_TRY_STATUS(check_range("the hidden size", c.hidden, kBlock, kMaxWidth));
  ONDOL_TRY_STATUS(check_range("the number of layers", c.layers, 1, kMaxLayers));
  ONDOL_TRY_STATUS(check_range("the number of heads", c.heads, 1, c.hidden));
  ONDOL_TRY_STATUS(check_range("the MLP's size", c.ffn, kBlock, kMaxWidth));
  ONDOL_TRY_STATUS(check_range("the vocabulary", c.vocab, 1, static_cast<int64_t>(Vocabulary::kMaxTokens)));
  ONDOL_TRY_STATUS(check_range("the number of positions", c.max_positions, 1, kMaxPositions));
  ONDOL_TRY_STATUS(check_range("the number of token types", c.type_vocab, 1, kMaxTypes));
  if (c.hidden % kBlock != 0 || c.ffn % kBlock != 0 || c.hidden % c.heads != 0) {
    return fail(Code::kInvalidArgument, "the sizes do not fit: hidden " + text(c.hidden) + " and MLP " + text(c.ffn) +
                                            " must be multiples of 32, hidden also of the " + text(c.heads) + " heads");
  }
  if (!(c.norm_eps >= 0 && c.norm_eps <= 1)) return fail(Code::kInvalidArgument, "the epsilon of the norms is not from 0 to 1");
  return {};
}

}  // namespace

// Walks the file once, in its order.
class E5s1File::Parser {
 public:
  Parser(std::span<const std::byte> bytes, E5s1File& out) : bytes_(bytes), out_(out) {}

  Status run() {
    ONDOL_TRY_STATUS(header());
    ONDOL_TRY_STATUS(pieces());
    ONDOL_TRY_STATUS(rules());
    return directory();
  }

 private:
  Result<std::span<const std::byte>> take(uint64_t size, std::string_view what) {
    if (size > bytes_.size() - at_) {
      return fail(Code::kDataLoss, "the file ends inside " + std::string(what) + ": " + text(size) + " bytes wanted at offset " +
                                       text(at_) + ", " + text(bytes_.size() - at_) + " left");
    }
    const auto taken = bytes_.subspan(at_, static_cast<size_t>(size));
    at_ += static_cast<size_t>(size);
    return taken;
  }

  template <class T>
  Result<T> number(std::string_view what) {
    ONDOL_TRY(const auto bytes, take(sizeof(T), what));
    return load<T>(bytes.data());
  }

  Result<std::string_view> string(uint64_t size, std::string_view what) {
    ONDOL_TRY(const auto bytes, take(size, what));
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  Status header() {
    ONDOL_TRY(const std::string_view magic, string(4, "the magic"));
    if (magic != kMagic) return fail(Code::kInvalidArgument, "not an E5S1 file: it does not start with \"E5S1\"");
    ONDOL_TRY(const auto version, number<uint32_t>("the header"));
    if (version != kVersion) return fail(Code::kUnimplemented, "E5S1 version " + text(version) + " is not supported (1 is)");
    E5s1Config& c = out_.config_;
    for (int* field : {&c.hidden, &c.layers, &c.heads, &c.ffn, &c.vocab, &c.max_positions, &c.type_vocab}) {
      ONDOL_TRY(*field, number<int32_t>("the header"));
    }
    ONDOL_TRY(c.norm_eps, number<float>("the header"));
    ONDOL_TRY(const auto block, number<int32_t>("the header"));
    if (block != kBlock) return fail(Code::kUnimplemented, "blocks of " + text(block) + " elements are not supported (32 are)");
    return check_config(c);
  }

  Status pieces() {
    UnigramTables& t = out_.tokenizer_;
    ONDOL_TRY(const auto count, number<int32_t>("the tokenizer"));
    ONDOL_TRY_STATUS(check_range("the number of pieces", count, 1, out_.config_.vocab));
    for (int32_t* id : {&t.bos, &t.eos, &t.pad, &t.unknown}) {
      ONDOL_TRY(*id, number<int32_t>("the tokenizer"));
      ONDOL_TRY_STATUS(check_range("a special token", *id, 0, count - 1));
    }
    ONDOL_TRY(const auto text_bytes, number<uint64_t>("the tokenizer"));
    const auto n = static_cast<size_t>(count);
    ONDOL_TRY(const auto offsets, take((n + 1) * 4, "the offsets of the pieces"));
    ONDOL_TRY(const auto scores, take(n * 4, "the scores of the pieces"));
    ONDOL_TRY(const std::string_view names, string(text_bytes, "the text of the pieces"));
    t.pieces.reserve(n);
    t.scores.resize(n);
    std::memcpy(t.scores.data(), scores.data(), scores.size());
    uint32_t begin = load<uint32_t>(offsets.data());
    for (size_t i = 0; i < n; ++i) {
      const auto end = load<uint32_t>(offsets.data() + (i + 1) * 4);
      if (end < begin || end > names.size()) {
        return fail(Code::kInvalidArgument,
                    "piece " + text(i) + " lies at [" + text(begin) + ", " + text(end) + ") of " + text(names.size()) + " bytes of text");
      }
      t.pieces.push_back(names.substr(begin, end - begin));
      begin = end;
    }
    return {};
  }

  Status rules() {
    UnigramTables& t = out_.tokenizer_;
    ONDOL_TRY(const auto count, number<int32_t>("the character rules"));
    ONDOL_TRY_STATUS(check_range("the number of character rules", count, 0, kMaxRules));
    ONDOL_TRY(const auto size, number<uint32_t>("the character rules"));
    const size_t end = at_ + size;
    for (int32_t i = 0; i < count; ++i) {
      CharRule rule{};
      ONDOL_TRY(rule.point, number<uint32_t>("the character rules"));
      ONDOL_TRY(const auto points, number<uint8_t>("the character rules"));
      rule.begin = static_cast<uint32_t>(t.replacements.size());
      for (int p = 0; p < points; ++p) {
        ONDOL_TRY(const auto point, number<uint32_t>("the character rules"));
        if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
          return fail(Code::kInvalidArgument, "the rule of character " + text(rule.point) + " holds " + text(point) + ", which is none");
        }
        append_utf8(t.replacements, point);
      }
      rule.end = static_cast<uint32_t>(t.replacements.size());
      t.rules.push_back(rule);
    }
    if (at_ == end) return {};
    return fail(Code::kInvalidArgument, "the character rules end at offset " + text(at_) + ", not at " + text(end) + " as the file says");
  }

  Status directory() {
    ONDOL_TRY(const auto count, number<int32_t>("the directory"));
    ONDOL_TRY_STATUS(check_range("the number of tensors", count, 0, kMaxEntries));
    if (static_cast<size_t>(count) * kSmallestEntry > bytes_.size() - at_) {
      return fail(Code::kDataLoss, "the file claims " + text(count) + " tensors but has only " + text(bytes_.size() - at_) + " bytes left");
    }
    for (int32_t i = 0; i < count; ++i) ONDOL_TRY_STATUS(entry());
    return {};
  }

  Status entry() {
    ONDOL_TRY(const auto name_bytes, number<uint16_t>("the directory"));
    ONDOL_TRY_STATUS(check_range("the length of a tensor's name", name_bytes, 1, kMaxName));
    ONDOL_TRY(const std::string_view name, string(name_bytes, "the directory"));
    ONDOL_TRY(const auto type, number<uint8_t>("the directory"));
    ONDOL_TRY(const auto elements, number<uint32_t>("the directory"));
    ONDOL_TRY(const auto offset, number<uint64_t>("the directory"));
    ONDOL_TRY(const auto size, number<uint64_t>("the directory"));
    if (type > 1)
      return fail(Code::kUnimplemented, "tensor " + quoted(name) + " has type " + text(type) + " (0, F32, and 1, Q4_0, are known)");
    const DType dtype = type == 0 ? DType::kF32 : DType::kQ4_0;
    if (elements % static_cast<uint32_t>(traits(dtype).block_elements) != 0 || size != row_bytes(dtype, elements)) {
      return fail(Code::kInvalidArgument, "tensor " + quoted(name) + " has " + text(elements) + " elements of " +
                                              std::string(traits(dtype).name) + " in " + text(size) + " bytes, which cannot be");
    }
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      return fail(Code::kDataLoss, "tensor " + quoted(name) + " lies at offset " + text(offset) + " with " + text(size) +
                                       " bytes, beyond the " + text(bytes_.size()) + " bytes of the file");
    }
    const Entry entry{dtype, elements, bytes_.subspan(static_cast<size_t>(offset), static_cast<size_t>(size))};
    if (!out_.entries_.emplace(name, entry).second) {
      return fail(Code::kInvalidArgument, "tensor " + quoted(name) + " appears twice");
    }
    return {};
  }

  std::span<const std::byte> bytes_;
  E5s1File& out_;
  size_t at_ = 0;
};

Result<E5s1File> E5s1File::parse(std::span<const std::byte> bytes) {
  E5s1File out;
  out.bytes_ = bytes;
  ONDOL_TRY_STATUS(Parser(bytes, out).run());
  return out;
}

Result<E5s1File> E5s1File::open(const std::string& path) {
  ONDOL_TRY(MappedFile map, MappedFile::open(path));
  auto out = parse(map.bytes());
  if (!out) return fail(out.error(), "reading " + quoted(path, 200));
  out->map_ = std::move(map);
  return out;
}

bool E5s1File::is_one(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic(kMagic.size(), '\0');
  return file.read(magic.data(), static_cast<std::streamsize>(magic.size())) && magic == kMagic;
}

Result<Tensor> E5s1File::tensor(std::string_view name, DType dtype, int64_t rows, int64_t cols) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return fail(Code::kNotFound, "the file has no tensor " + quoted(name));
  const Entry& entry = found->second;
  if (entry.dtype != dtype || static_cast<int64_t>(entry.elements) != rows * cols) {
    return fail(Code::kInvalidArgument, "tensor " + quoted(name) + " has " + text(entry.elements) + " elements of " +
                                            std::string(traits(entry.dtype).name) + "; the header implies " + text(rows) + " x " +
                                            text(cols) + " of " + std::string(traits(dtype).name));
  }
  return Tensor{dtype, 1, rows, cols, entry.data};
}

}  // namespace ondol
