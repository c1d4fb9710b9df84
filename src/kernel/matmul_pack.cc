// Repacks ggml blocks and floats into panels, moving bits in 32-bit words: no value is ever computed, so any bytes are safe, NaN scales
// too. Block formats: the struct definitions of ggml's ggml-common.h, as read by model/tensor.cc.
#include <algorithm>
#include <bit>

#include "kernel/matmul_layout.h"

namespace ondol {
namespace {

static_assert(std::endian::native == std::endian::little, "blocks and panels are little endian");

// Bits of four bytes at once.
constexpr uint32_t kBit = 0x01010101, kTwoBits = 0x03030303, kThreeBits = 0x07070707, kFourBits = 0x0F0F0F0F;

template <class T>
T load(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

// Writes a feature's eight quads of codes, one code in each byte of `q`, as matmul_layout.h has them. `to` is of the feature's column.
template <QuantLayout kL>
void put_codes(uint8_t* to, const uint32_t (&q)[8]) {
  if constexpr (kL.code_bits == 8) {
    for (int i = 0; i < 8; ++i) store(to + kL.vector_offset(i), q[i]);
  } else if constexpr (kL.code_bits == 4) {
    for (int i = 0; i < 4; ++i) store(to + kL.vector_offset(i), q[2 * i] | q[2 * i + 1] << 4);
  } else if constexpr (kL.code_bits == 5) {
    store(to, q[0] | (q[5] & kThreeBits) << 5);
    store(to + 128, q[1] | (q[5] >> 3 & kTwoBits) << 5 | (q[7] >> 3 & kBit) << 7);
    store(to + 256, q[2] | (q[6] & kThreeBits) << 5);
    store(to + 384, q[3] | (q[6] >> 3 & kTwoBits) << 5 | (q[7] >> 4 & kBit) << 7);
    store(to + 512, q[4] | (q[7] & kThreeBits) << 5);
  } else {
    for (int half = 0; half < 2; ++half) {
      for (int i = 0; i < 3; ++i)
        store(to + kL.vector_offset(half * 3 + i), q[half * 4 + i] | (q[half * 4 + 3] >> (4 - 2 * i) & kTwoBits) << 6);
    }
  }
}

template <QuantLayout kL>
void pack_block_of_32(const uint8_t* from, uint8_t* to, int column) {
  uint8_t* scales = to + kL.scale_offset() + column * 2;
  store(scales, load<uint16_t>(from));
  from += 2;
  if constexpr (kL.has_min) {
    constexpr uint16_t kSign = 0x8000;  // the file adds a minimum where a panel subtracts one
    store(scales + 64, static_cast<uint16_t>(load<uint16_t>(from) ^ kSign));
    from += 2;
  }
  uint32_t q[8];
  if constexpr (kL.code_bits == 8) {
    for (int i = 0; i < 8; ++i) q[i] = load<uint32_t>(from + i * 4) ^ 0x80808080u;
  } else {
    uint32_t fifth = 0;
    if constexpr (kL.code_bits == 5) {
      fifth = load<uint32_t>(from);
      from += 4;
    }
    for (int i = 0; i < 4; ++i) {
      const auto pair = load<uint32_t>(from + i * 4);
      q[i] = pair & kFourBits;
      q[i + 4] = pair >> 4 & kFourBits;
    }
    // The product moves bit j of a quad's four fifth bits to bit 8 * j.
    for (int i = 0; kL.code_bits == 5 && i < 8; ++i) q[i] |= ((fifth >> (4 * i) & 15) * 0x00204081u & kBit) << 4;
  }
  put_codes<kL>(to + column * 4, q);
}

// Q4_K and Q5_K: d, dmin, 12 bytes of 6-bit scales and minima, (32 bytes of fifth bits,) 128 bytes of nibbles.
template <QuantLayout kL>
void pack_block_4_5_k(const uint8_t* from, uint8_t* to, int column) {
  store(to + column * 2, load<uint16_t>(from));
  store(to + 64 + column * 2, load<uint16_t>(from + 2));
  const uint8_t* packed = from + 4;
  const uint8_t* fifth = from + 16;
  const uint8_t* nibbles = fifth + (kL.code_bits == 5 ? 32 : 0);
  for (int g = 0; g < 8; ++g) {
    uint8_t* group = to + kL.header_bytes() + g * kL.group_bytes();
    uint8_t* scales = group + kL.scale_offset() + column;
    if (g < 4) {
      scales[0] = packed[g] & 63;
      scales[32] = packed[g + 4] & 63;
    } else {
      scales[0] = static_cast<uint8_t>((packed[g + 4] & 15) | (packed[g - 4] >> 6) << 4);
      scales[32] = static_cast<uint8_t>((packed[g + 4] >> 4) | (packed[g] >> 6) << 4);
    }
    uint32_t q[8];
    for (int i = 0; i < 8; ++i) {
      q[i] = load<uint32_t>(nibbles + g / 2 * 32 + i * 4) >> (g % 2 * 4) & kFourBits;
      if constexpr (kL.code_bits == 5) q[i] |= (load<uint32_t>(fifth + i * 4) >> g & kBit) << 4;
    }
    put_codes<kL>(group + column * 4, q);
  }
}

// Q6_K: 128 bytes of nibbles, 64 of top bits, 16 scales, d. A half of the block has four groups: group g's nibbles are the low (g < 2) or
// high ones of 32 bytes, its top bits are bits 2g, 2g + 1 of 32 others.
template <QuantLayout kL>
void pack_block_6_k(const uint8_t* from, uint8_t* to, int column) {
  store(to + column * 2, load<uint16_t>(from + 208));
  for (int g = 0; g < 8; ++g) {
    uint8_t* group = to + kL.header_bytes() + g * kL.group_bytes();
    const int in_half = g % 4;
    const uint8_t* nibbles = from + g / 4 * 64 + in_half % 2 * 32;
    const uint8_t* top = from + 128 + g / 4 * 32;
    uint32_t q[8];
    for (int i = 0; i < 8; ++i) {
      q[i] = (load<uint32_t>(nibbles + i * 4) >> (in_half / 2 * 4) & kFourBits) | (load<uint32_t>(top + i * 4) >> (2 * in_half) & kTwoBits)
                                                                                      << 4;
    }
    put_codes<kL>(group + column * 4, q);
    for (int half = 0; half < 2; ++half) group[kL.scale_offset() + half * 32 + column] = from[192 + g * 2 + half];
  }
}

// Copies `cols` values, each to `step` bytes after the one before.
template <class T>
void scatter(const uint8_t* from, int64_t cols, uint8_t* to, int64_t step) {
  for (int64_t k = 0; k < cols; ++k) store(to + k * step, load<T>(from + k * static_cast<int64_t>(sizeof(T))));
}

// One unit of a source row is what a panel keeps together: a block, or up to kFloatUnit floats.
constexpr int64_t kFloatUnit = 32;
using PackUnit = void (*)(const uint8_t* from, uint8_t* to, int column);

struct UnitPacker {
  PackUnit pack;
  int64_t from_bytes;
  int64_t to_bytes;
};

template <DType kType>
UnitPacker block_packer() {
  constexpr QuantLayout kL = quant_layout(kType);
  const DTypeTraits& type = traits(kType);
  if constexpr (!kL.blocks_of_256) return {pack_block_of_32<kL>, type.block_bytes, kL.block_bytes()};
  if constexpr (kL.blocks_of_256 && kL.has_min) return {pack_block_4_5_k<kL>, type.block_bytes, kL.block_bytes()};
  if constexpr (kL.blocks_of_256 && !kL.has_min) return {pack_block_6_k<kL>, type.block_bytes, kL.block_bytes()};
}

void pack_words(const uint8_t* from, uint8_t* to, int column) { scatter<uint32_t>(from, kFloatUnit, to + column * 4, kPanelCols * 4); }
void pack_shorts(const uint8_t* from, uint8_t* to, int column) { scatter<uint16_t>(from, kFloatUnit, to + column * 2, kPanelCols * 2); }
void pack_pairs(const uint8_t* from, uint8_t* to, int column) { scatter<uint32_t>(from, kFloatUnit / 2, to + column * 4, kPanelCols * 4); }

UnitPacker unit_packer(DType type) {
  switch (type) {
    case DType::kF32: return {pack_words, kFloatUnit * 4, kFloatUnit * kPanelCols * 4};
    case DType::kF16: return {pack_shorts, kFloatUnit * 2, kFloatUnit * kPanelCols * 2};
    case DType::kBF16: return {pack_pairs, kFloatUnit * 2, kFloatUnit * kPanelCols * 2};
    case DType::kQ4_0: return block_packer<DType::kQ4_0>();
    case DType::kQ4_1: return block_packer<DType::kQ4_1>();
    case DType::kQ5_0: return block_packer<DType::kQ5_0>();
    case DType::kQ5_1: return block_packer<DType::kQ5_1>();
    case DType::kQ8_0: return block_packer<DType::kQ8_0>();
    case DType::kQ4_K: return block_packer<DType::kQ4_K>();
    case DType::kQ5_K: return block_packer<DType::kQ5_K>();
    case DType::kQ6_K: return block_packer<DType::kQ6_K>();
  }
  return {};
}

// The floats after the last whole unit.
void pack_float_tail(DType type, const uint8_t* from, int64_t count, uint8_t* to, int column) {
  if (type == DType::kF32) return scatter<uint32_t>(from, count, to + column * 4, kPanelCols * 4);
  if (type == DType::kF16) return scatter<uint16_t>(from, count, to + column * 2, kPanelCols * 2);
  scatter<uint32_t>(from, count / 2, to + column * 4, kPanelCols * 4);
  if (count % 2 != 0) store(to + count / 2 * kPanelCols * 4 + column * 4, load<uint16_t>(from + (count - 1) * 2));
}

void pack_panel(const Tensor& source, std::span<const int32_t> row_map, const PackedMatrix& matrix, int64_t first, uint8_t* to) {
  const UnitPacker unit = unit_packer(matrix.dtype);
  const bool quantised = matrix.act == ActKind::kQ8;
  const int64_t per_unit = quantised ? traits(matrix.dtype).block_elements : kFloatUnit;
  const int64_t units = matrix.cols / per_unit;
  const int64_t tail = matrix.cols % per_unit;
  const int features = static_cast<int>(std::min<int64_t>(kPanelCols, matrix.rows - first));
  const uint8_t* rows[kPanelCols];
  for (int c = 0; c < features; ++c) {
    const int64_t row = row_map.empty() ? first + c : row_map[static_cast<size_t>(first + c)];
    rows[c] = reinterpret_cast<const uint8_t*>(source.row(row).data());
  }
  // Feature by feature within a unit: the unit's 0.5 to 7 KB stay in L1 while the 32 rows are read as sequential streams.
  for (int64_t u = 0; u < units; ++u) {
    uint8_t* at = to + u * unit.to_bytes;
    std::memset(at, 0, static_cast<size_t>(unit.to_bytes));
    for (int c = 0; c < features; ++c) unit.pack(rows[c] + u * unit.from_bytes, at, c);
  }
  if (tail == 0) return;
  uint8_t* at = to + units * unit.to_bytes;
  std::memset(at, 0, static_cast<size_t>(to + matrix.panel_bytes - at));
  for (int c = 0; c < features; ++c) pack_float_tail(matrix.dtype, rows[c] + units * unit.from_bytes, tail, at, c);
}

}  // namespace

void pack_panels(const Tensor& source, std::span<const int32_t> row_map, const PackedMatrix& matrix, int64_t panel_begin, int64_t panel_end,
                 std::byte* dst) {
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    auto* to = reinterpret_cast<uint8_t*>(dst) + static_cast<size_t>(panel) * matrix.panel_bytes;
    pack_panel(source, row_map, matrix, panel * kPanelCols, to);
  }
}

}  // namespace ondol
