// The reference: the same packed layout in plain code, in the same order of operations up to fused rounding.
#include <bit>
#include <cmath>

#include "kernel/half.h"
#include "kernel/matmul_layout.h"

namespace ondol {
namespace {

float half_at(const uint8_t* at) {
  uint16_t half;
  std::memcpy(&half, at, sizeof half);
  return half_to_float(half);
}
float brain_at(const uint16_t* at) { return std::bit_cast<float>(uint32_t{*at} << 16); }

// One group of a panel, decoded.
struct Group {
  uint8_t codes[kPanelCols][kGroup];
  float scales[2][kPanelCols];
  float minima[kPanelCols];
};

uint8_t code_at(const QuantLayout& layout, const uint8_t* group, int c, int k) {
  const int q = k / 4;
  const auto vector = [&](int i) { return int{group[layout.vector_offset(i) + c * 4 + k % 4]}; };
  const auto top3 = [&](int i) { return vector(i) >> 5; };
  const auto top2 = [&](int i) { return vector(i) >> 6; };
  int code = 0;
  switch (layout.code_bits) {
    case 8: code = vector(q); break;
    case 4: code = vector(q / 2) >> (q % 2 * 4) & 15; break;
    case 5:
      if (q < 5) code = vector(q) & 31;
      if (q == 5) code = top3(0) | (top3(1) & 3) << 3;
      if (q == 6) code = top3(2) | (top3(3) & 3) << 3;
      if (q == 7) code = top3(4) | (top3(1) >> 2) << 3 | (top3(3) >> 2) << 4;
      break;
    default: {
      const int first = q / 4 * 3;
      code = q % 4 < 3 ? vector(first + q % 4) & 63 : top2(first) << 4 | top2(first + 1) << 2 | top2(first + 2);
    }
  }
  return static_cast<uint8_t>(code);
}

void decode(const QuantLayout& layout, const uint8_t* header, const uint8_t* group, Group& out) {
  const uint8_t* scales = group + layout.scale_offset();
  for (int c = 0; c < kPanelCols; ++c) {
    for (int k = 0; k < kGroup; ++k) out.codes[c][k] = code_at(layout, group, c, k);
    if (!layout.blocks_of_256) {
      out.scales[0][c] = half_at(scales + c * 2);
      out.minima[c] = layout.has_min ? half_at(scales + 64 + c * 2) : 0;
    } else if (layout.has_min) {
      out.scales[0][c] = half_at(header + c * 2) * static_cast<float>(scales[c]);
      out.minima[c] = half_at(header + 64 + c * 2) * static_cast<float>(scales[32 + c]);
    } else {
      for (int half = 0; half < 2; ++half) {
        out.scales[half][c] = half_at(header + c * 2) * static_cast<float>(static_cast<int8_t>(scales[half * 32 + c]));
      }
    }
  }
}

// Adds the products of one group to the `features` sums of one row.
void add_group(const QuantLayout& layout, const Group& w, const ActGroup& x, float* sum, int features) {
  const int length = kGroup / layout.halves;
  const int32_t minus_sums[2] = {layout.halves == 2 ? x.first_half : x.sum, x.sum - x.first_half};
  for (int c = 0; c < features; ++c) {
    for (int half = 0; half < layout.halves; ++half) {
      int32_t dot = layout.zero_shift == 0 ? 0 : minus_sums[half] * (1 << layout.zero_shift);
      for (int k = half * length; k < (half + 1) * length; ++k) dot += w.codes[c][k] * x.values[k];
      sum[c] += static_cast<float>(dot) * (w.scales[half][c] * x.scale);
    }
    if (layout.has_min) sum[c] -= w.minima[c] * x.offset;
  }
}

void add_quantised_panel(const Activations& x, int64_t rows, const PackedMatrix& w, const uint8_t* panel, float* out, int64_t ldo,
                         int features) {
  const QuantLayout layout = quant_layout(w.dtype);
  const uint8_t* header = panel;
  const uint8_t* at = panel;
  Group group;
  for (int64_t g = 0; g < w.cols / kGroup; ++g) {
    if (g % layout.groups_per_block() == 0) {
      header = at;
      at += layout.header_bytes();
    }
    decode(layout, header, at, group);
    at += layout.group_bytes();
    for (int64_t m = 0; m < rows; ++m) {
      const auto* row = reinterpret_cast<const ActGroup*>(static_cast<const std::byte*>(x.values) + m * x.stride);
      add_group(layout, group, row[g], out + m * ldo, features);
    }
  }
}

void add_float_panel(const Activations& x, int64_t rows, const PackedMatrix& w, const uint8_t* panel, float* out, int64_t ldo,
                     int features) {
  for (int64_t k = 0; k < w.cols; ++k) {
    float weights[kPanelCols];
    for (int c = 0; c < kPanelCols; ++c) {
      if (w.dtype == DType::kF32) {
        std::memcpy(&weights[c], panel + (k * kPanelCols + c) * 4, 4);
      } else if (w.dtype == DType::kF16) {
        weights[c] = half_at(panel + (k * kPanelCols + c) * 2);
      } else {
        uint16_t brain;
        std::memcpy(&brain, panel + (k / 2 * kPanelCols + c) * 4 + k % 2 * 2, 2);
        weights[c] = brain_at(&brain);
      }
    }
    for (int64_t m = 0; m < rows; ++m) {
      const int64_t at = m * x.stride + k;
      const float a =
          x.kind == ActKind::kBF16 ? brain_at(static_cast<const uint16_t*>(x.values) + at) : static_cast<const float*>(x.values)[at];
      for (int c = 0; c < features; ++c) out[m * ldo + c] += weights[c] * a;
    }
  }
}

void matmul(const Activations& x, int64_t rows, const PackedMatrix& w, int64_t panel_begin, int64_t panel_end, const float* bias,
            float* out, int64_t ldo) {
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    const auto* data = reinterpret_cast<const uint8_t*>(w.data) + static_cast<size_t>(panel) * w.panel_bytes;
    const int64_t n = panel * kPanelCols;
    const int features = static_cast<int>(w.rows - n < kPanelCols ? w.rows - n : kPanelCols);
    for (int64_t m = 0; m < rows; ++m) std::memset(out + m * ldo + n, 0, static_cast<size_t>(features) * sizeof(float));
    if (w.act == ActKind::kQ8) {
      add_quantised_panel(x, rows, w, data, out + n, ldo, features);
    } else {
      add_float_panel(x, rows, w, data, out + n, ldo, features);
    }
    if (bias == nullptr) continue;
    for (int64_t m = 0; m < rows; ++m) {
      for (int c = 0; c < features; ++c) out[m * ldo + n + c] += bias[n + c];
    }
  }
}

void quantize_group(const float* x, ActGroup& out) {
  float amax = 0;
  bool finite = true;
  for (int k = 0; k < kGroup; ++k) {
    finite = finite && std::isfinite(x[k]);
    amax = std::fmax(amax, std::fabs(x[k]));
  }
  if (!finite || amax < kTinyActivation) {
    out = {};
    out.scale = out.offset = finite ? 0.0f : std::nanf("");
    return;
  }
  const float inverse = 127.0f / amax;
  int32_t sums[2] = {0, 0};
  for (int k = 0; k < kGroup; ++k) {
    out.values[k] = static_cast<int8_t>(std::lrint(x[k] * inverse));
    sums[k / 16] -= out.values[k];
  }
  out.scale = amax / 127.0f;
  out.sum = sums[0] + sums[1];
  out.offset = out.scale * static_cast<float>(-out.sum);
  out.first_half = sums[0];
}

// To nearest even; a NaN stays one, quiet.
uint16_t round_to_brain(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

void prepare(const float* x, int64_t ldx, int64_t row_begin, int64_t row_end, const Activations& out) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* from = x + row * ldx;
    if (out.kind == ActKind::kF32) {
      std::memcpy(static_cast<float*>(out.values) + row * out.stride, from, static_cast<size_t>(out.cols) * sizeof(float));
    } else if (out.kind == ActKind::kBF16) {
      uint16_t* to = static_cast<uint16_t*>(out.values) + row * out.stride;
      for (int64_t k = 0; k < out.cols; ++k) to[k] = round_to_brain(from[k]);
      if (out.cols % 2 != 0) to[out.cols] = 0;
    } else {
      auto* to = reinterpret_cast<ActGroup*>(static_cast<std::byte*>(out.values) + row * out.stride);
      for (int64_t g = 0; g < out.cols / kGroup; ++g) quantize_group(from + g * kGroup, to[g]);
    }
  }
}

}  // namespace

constexpr MatmulKernels kMatmulScalar = {pack_panels, prepare, matmul};

}  // namespace ondol
