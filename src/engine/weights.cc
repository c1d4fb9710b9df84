#include "engine/weights.h"

#include <algorithm>
#include <atomic>

namespace ondol {
namespace {

// Rows of interleaved rotary pairs (0, 1), (2, 3), ... of each head, in the order of the halves that the engine rotates.
std::vector<int32_t> halves_from_pairs(int heads, int head_dim) {
  std::vector<int32_t> map(static_cast<size_t>(heads * head_dim));
  for (int h = 0; h < heads; ++h)
    for (int j = 0; j < head_dim; ++j)
      map[static_cast<size_t>(h * head_dim + j)] = h * head_dim + (j < head_dim / 2 ? 2 * j : 2 * (j - head_dim / 2) + 1);
  return map;
}

std::vector<float> as_floats(const Tensor& tensor) {
  std::vector<float> out(static_cast<size_t>(tensor.elements()));
  for (int64_t r = 0; r < tensor.depth * tensor.rows; ++r)
    dequantize_row(tensor.dtype, tensor.row(r), tensor.cols, out.data() + r * tensor.cols);
  return out;
}

}  // namespace

// Walks all weights once; knows for each packed matrix where it comes from and where it goes.
class WeightPlan {
 public:
  struct Item {
    PackedMatrix* matrix;
    Tensor source;
    const std::vector<int32_t>* row_map;
    size_t offset;
  };

  WeightPlan(const Model& model, Isa isa) : model_(model), spec_(model.spec()), isa_(isa) {}

  Status build(Weights& out) {
    if (model_.interleaved_rope_rows()) {
      q_map_ = halves_from_pairs(spec_.heads, spec_.head_dim);
      k_map_ = halves_from_pairs(spec_.kv_heads, spec_.head_dim);
    }
    out.layers_.resize(spec_.layers.size());
    for (int layer = 0; layer < spec_.n_layers(); ++layer) ONDOL_TRY_STATUS(add_layer(layer, out.layers_[static_cast<size_t>(layer)]));
    ONDOL_TRY_STATUS(norm(Role::kFinalNorm, -1, out.final_norm_));
    ONDOL_TRY(out.embedding_, model_.weight(Role::kEmbedding));
    embedding_offset_ = reserve(out.embedding_.data.size());
    return matrix(spec_.tied ? Role::kEmbedding : Role::kLmHead, -1, -1, nullptr, out.lm_head_);
  }

  const std::vector<Item>& items() const { return items_; }
  size_t embedding_offset() const { return embedding_offset_; }
  size_t bytes() const { return bytes_; }

 private:
  Status add_layer(int layer, LayerWeights& w) {
    const LayerSpec& ls = spec_.layers[static_cast<size_t>(layer)];
    if (spec_.pre_norm) {
      ONDOL_TRY_STATUS(norm(Role::kAttnNorm, layer, w.attn_norm));
      ONDOL_TRY_STATUS(norm(Role::kFfnNorm, layer, w.ffn_norm));
    }
    if (spec_.post_norm) {
      ONDOL_TRY_STATUS(norm(Role::kAttnPostNorm, layer, w.attn_post_norm));
      ONDOL_TRY_STATUS(norm(Role::kFfnPostNorm, layer, w.ffn_post_norm));
    }
    if (spec_.qk_norm) {
      ONDOL_TRY_STATUS(norm(Role::kQNorm, layer, w.q_norm));
      ONDOL_TRY_STATUS(norm(Role::kKNorm, layer, w.k_norm));
    }
    if (spec_.qkv_bias) {
      ONDOL_TRY_STATUS(vector(Role::kQBias, layer, &q_map_, w.q_bias));
      ONDOL_TRY_STATUS(vector(Role::kKBias, layer, &k_map_, w.k_bias));
      ONDOL_TRY_STATUS(vector(Role::kVBias, layer, nullptr, w.v_bias));
    }
    ONDOL_TRY_STATUS(matrix(Role::kQ, layer, -1, &q_map_, w.q));
    ONDOL_TRY_STATUS(matrix(Role::kK, layer, -1, &k_map_, w.k));
    ONDOL_TRY_STATUS(matrix(Role::kV, layer, -1, nullptr, w.v));
    ONDOL_TRY_STATUS(matrix(Role::kO, layer, -1, nullptr, w.o));
    return ls.moe ? add_moe(layer, w) : add_mlp(layer, w);
  }

  Status add_mlp(int layer, LayerWeights& w) {
    ONDOL_TRY_STATUS(matrix(Role::kGate, layer, -1, nullptr, w.gate));
    ONDOL_TRY_STATUS(matrix(Role::kUp, layer, -1, nullptr, w.up));
    return matrix(Role::kDown, layer, -1, nullptr, w.down);
  }

  Status add_moe(int layer, LayerWeights& w) {
    ONDOL_TRY_STATUS(matrix(Role::kRouter, layer, -1, nullptr, w.router));
    ONDOL_TRY_STATUS(vector(Role::kRouterBias, layer, nullptr, w.router_bias));
    w.experts.resize(static_cast<size_t>(spec_.moe.experts));
    for (int e = 0; e < spec_.moe.experts; ++e) {
      ExpertWeights& expert = w.experts[static_cast<size_t>(e)];
      ONDOL_TRY_STATUS(matrix(Role::kExpertGate, layer, e, nullptr, expert.gate));
      ONDOL_TRY_STATUS(matrix(Role::kExpertUp, layer, e, nullptr, expert.up));
      ONDOL_TRY_STATUS(matrix(Role::kExpertDown, layer, e, nullptr, expert.down));
    }
    if (spec_.moe.shared_ffn == 0) return {};
    ONDOL_TRY_STATUS(matrix(Role::kSharedGate, layer, -1, nullptr, w.shared_gate));
    ONDOL_TRY_STATUS(matrix(Role::kSharedUp, layer, -1, nullptr, w.shared_up));
    return matrix(Role::kSharedDown, layer, -1, nullptr, w.shared_down);
  }

  Status norm(Role role, int layer, std::vector<float>& out) {
    ONDOL_TRY_STATUS(vector(role, layer, nullptr, out));
    for (float& w : out) w += spec_.norm_offset;
    return {};
  }

  Status vector(Role role, int layer, const std::vector<int32_t>* map, std::vector<float>& out) {
    ONDOL_TRY(const Tensor tensor, model_.weight(role, layer));
    out = as_floats(tensor);
    if (map == nullptr || map->empty()) return {};
    const std::vector<float> source = out;
    for (size_t i = 0; i < out.size(); ++i) out[i] = source[static_cast<size_t>((*map)[i])];
    return {};
  }

  Status matrix(Role role, int layer, int expert, const std::vector<int32_t>* map, PackedMatrix& out) {
    ONDOL_TRY(Tensor tensor, model_.weight(role, layer, expert));
    if (role == Role::kRouter && tensor.dtype != DType::kF32) {
      routers_.push_back(as_floats(tensor));
      tensor = {DType::kF32, 1, tensor.rows, tensor.cols, std::as_bytes(std::span(routers_.back()))};
    }
    ONDOL_TRY(out, plan_matrix(tensor.dtype, tensor.rows, tensor.cols, isa_));
    items_.push_back({&out, tensor, map, reserve(static_cast<size_t>(out.panels()) * out.panel_bytes)});
    return {};
  }

  // The place of the next `bytes` in the arena, on a cache line.
  size_t reserve(size_t bytes) {
    const size_t offset = bytes_;
    bytes_ = (bytes_ + bytes + 63) / 64 * 64;
    return offset;
  }

  const Model& model_;
  const ModelSpec& spec_;
  Isa isa_;
  std::vector<int32_t> q_map_, k_map_;
  std::vector<std::vector<float>> routers_;
  std::vector<Item> items_;
  size_t embedding_offset_ = 0;
  size_t bytes_ = 0;
};

Result<uint64_t> Weights::packed_bytes(const Model& model, Isa isa) {
  Weights shapes;
  WeightPlan plan(model, isa);
  ONDOL_TRY_STATUS(plan.build(shapes));
  return plan.bytes();
}

Result<Weights> Weights::load(const Model& model, Isa isa, bool huge_pages, Team& team, const std::function<void(double)>& progress) {
  Weights out;
  WeightPlan plan(model, isa);
  ONDOL_TRY_STATUS(plan.build(out));
  out.arena_ = Arena(plan.bytes(), huge_pages);
  if (out.arena_.data() == nullptr)
    return fail(Code::kResourceExhausted, "the system refused " + std::to_string(plan.bytes() >> 20) + " MiB for the weights");
  const MatmulKernels& kernels = matmul_kernels(isa);
  // Panels of about 1 MiB at a time: small enough to share evenly, large enough to read the file in long runs.
  constexpr size_t kPieceBytes = 1 << 20;
  WorkCounter next;
  std::atomic<size_t> done_bytes{0};
  for (const WeightPlan::Item& item : plan.items()) {
    PackedMatrix& matrix = *item.matrix;
    std::byte* dst = out.arena_.data() + item.offset;
    matrix.data = dst;
    const auto grain = static_cast<int64_t>(std::max<size_t>(1, kPieceBytes / matrix.panel_bytes));
    const std::span<const int32_t> map = item.row_map == nullptr ? std::span<const int32_t>{} : std::span<const int32_t>(*item.row_map);
    next.reset();
    team.run([&](int member) {
      for (int64_t begin; (begin = next.take(grain)) < matrix.panels();) {
        const int64_t end = std::min(begin + grain, matrix.panels());
        kernels.pack(item.source, map, matrix, begin, end, dst);
        done_bytes.fetch_add(static_cast<size_t>(end - begin) * matrix.panel_bytes, std::memory_order_relaxed);
        if (member == 0 && progress)
          progress(static_cast<double>(done_bytes.load(std::memory_order_relaxed)) / static_cast<double>(plan.bytes()));
      }
    });
  }
  std::byte* rows = out.arena_.data() + plan.embedding_offset();
  std::ranges::copy(out.embedding_.data, rows);
  out.embedding_.data = {rows, out.embedding_.data.size()};
  return out;
}

}  // namespace ondol
