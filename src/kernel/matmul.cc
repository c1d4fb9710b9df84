#include "kernel/matmul.h"

#include <algorithm>
#include <string>

#include "kernel/matmul_layout.h"

namespace ondol {
namespace {

constexpr size_t kLine = 64;

constexpr size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

// What Activations::stride counts.
size_t element_bytes(ActKind kind) { return kind == ActKind::kF32 ? 4 : kind == ActKind::kBF16 ? 2 : 1; }

// An odd number of lines, so that the rows of a tile fall into different cache sets even when cols is a power of two.
size_t row_bytes_of(ActKind kind, int64_t cols) {
  const auto n = static_cast<size_t>(cols);
  const size_t bytes = kind == ActKind::kQ8 ? n / kGroup * sizeof(ActGroup) : n * element_bytes(kind);
  return (round_up(bytes, kLine) / kLine | 1) * kLine;
}

// Rows of activations that a panel meets before the next panel: they must stay in an L2 of 1 MiB beside one panel (8960 inputs of Q8_0
// are 305 KB) and the stream of the next.
constexpr size_t kRowBlockBytes = 384 * 1024;

int64_t row_block(const Activations& x, int64_t tile_rows) {
  const auto tiles = static_cast<int64_t>(kRowBlockBytes / row_bytes_of(x.kind, x.cols)) / tile_rows;
  return std::max<int64_t>(tiles, 1) * tile_rows;
}

}  // namespace

size_t act_bytes(ActKind kind, int64_t max_rows, int64_t cols) { return static_cast<size_t>(max_rows) * row_bytes_of(kind, cols); }

Activations bind_activations(ActKind kind, int64_t, int64_t cols, void* memory) {
  return {kind, cols, static_cast<int64_t>(row_bytes_of(kind, cols) / element_bytes(kind)), memory};
}

Result<PackedMatrix> plan_matrix(DType dtype, int64_t rows, int64_t cols, Isa) {
  if (static_cast<int>(dtype) >= kDTypeCount) {
    return fail(Code::kInvalidArgument, "weight type " + std::to_string(static_cast<int>(dtype)) + " is not one the kernels know");
  }
  const DTypeTraits& type = traits(dtype);
  const std::string shape = std::string(type.name) + " matrix of " + std::to_string(rows) + " x " + std::to_string(cols);
  if (rows <= 0 || cols <= 0) return fail(Code::kInvalidArgument, shape + ": both sizes must be positive");
  if (cols % type.block_elements != 0) {
    return fail(Code::kInvalidArgument,
                shape + ": the inputs must be a multiple of " + std::to_string(type.block_elements) + ", the block of the type");
  }
  PackedMatrix m;
  m.dtype = dtype;
  m.rows = rows;
  m.cols = cols;
  const QuantLayout layout = quant_layout(dtype);
  int64_t units = cols;  // of unit_bytes each
  int64_t unit_bytes = 0;
  if (layout.code_bits != 0) {
    m.act = ActKind::kQ8;
    units = cols / type.block_elements;
    unit_bytes = layout.block_bytes();
  } else if (dtype == DType::kBF16) {
    m.act = ActKind::kBF16;
    units = cols / 2 + cols % 2;
    unit_bytes = int64_t{4} * kPanelCols;
  } else {
    m.act = ActKind::kF32;
    unit_bytes = int64_t{type.block_bytes} * kPanelCols;
  }
  int64_t panel_bytes = 0;
  int64_t total = 0;
  if (rows > INT64_MAX - kPanelCols || __builtin_mul_overflow(units, unit_bytes, &panel_bytes) ||
      __builtin_mul_overflow(panel_bytes, m.panels(), &total)) {
    return fail(Code::kInvalidArgument, shape + ": its size does not fit 63 bits");
  }
  m.panel_bytes = static_cast<size_t>(panel_bytes);
  return m;
}

void run_tiles(const Activations& x, int64_t rows, const PackedMatrix& w, int64_t panel_begin, int64_t panel_end, const float* bias,
               float* out, int64_t ldo, const TileSet& tiles) {
  const int64_t block = row_block(x, tiles.max_rows);
  for (int64_t first = 0; first < rows; first += block) {
    const int64_t count = std::min(block, rows - first);
    const int64_t most = tiles.max_rows;
    const int64_t more = (count - 1) / most;  // tiles after the first
    for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
      const int64_t n = panel * kPanelCols;
      for (int64_t i = 0; i <= more; ++i) {
        // The first tile brings the panel from memory and hides that best with the most rows; the others share what is left evenly.
        const int64_t begin = i == 0 ? first : first + most + (count - most) * (i - 1) / more;
        const int64_t end = more == 0 ? first + count : first + most + (count - most) * i / more;
        TileArgs t;
        t.values = static_cast<const std::byte*>(x.values) + begin * x.stride * static_cast<int64_t>(element_bytes(x.kind));
        t.stride = x.stride;
        t.groups = x.cols / kGroup;
        t.cols = x.cols;
        t.panel = reinterpret_cast<const uint8_t*>(w.data) + static_cast<size_t>(panel) * w.panel_bytes;
        t.bias = bias == nullptr ? nullptr : bias + n;
        t.out = out + begin * ldo + n;
        t.ldo = ldo;
        t.features = static_cast<int>(std::min<int64_t>(kPanelCols, w.rows - n));
        tiles.rows[end - begin - 1](t);
      }
    }
  }
}

const MatmulKernels& matmul_kernels(Isa isa) {
  switch (isa) {
    case Isa::kAvx512: return kMatmulAvx512;
    case Isa::kAvx2: return kMatmulAvx2;
    case Isa::kScalar: break;
  }
  return kMatmulScalar;
}

}  // namespace ondol
