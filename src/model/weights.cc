#include "model/weights.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace ondol {
namespace {

// Leftovers of common exporters: computed tables that the program makes itself.
constexpr std::string_view kHarmlessEndings[] = {".rotary_emb.inv_freq", ".rotary.inv_freq", ".attn.bias", ".masked_bias"};
constexpr std::string_view kHarmlessNames[] = {"rope_freqs.weight", "lm_head.weight",
                                               "output.weight"};  // the last two: copies of a tied matrix

std::string filled(std::string_view pattern, int layer, int expert) {
  std::string out;
  for (size_t at = 0; at < pattern.size();) {
    const std::string_view rest = pattern.substr(at);
    if (rest.starts_with("{L}")) {
      out += std::to_string(layer);
      at += 3;
    } else if (rest.starts_with("{E}")) {
      out += std::to_string(expert);
      at += 3;
    } else {
      out += pattern[at++];
    }
  }
  return out;
}

std::string shape_text(int64_t depth, int64_t rows, int64_t cols) {
  return (depth > 1 ? std::to_string(depth) + " x " : "") + std::to_string(rows) + " x " + std::to_string(cols);
}

struct Shape {
  int64_t rows, cols;
};

}  // namespace

class WeightTableBuilder {
 public:
  WeightTableBuilder(const Source& source, const Architecture& architecture, const ModelSpec& spec)
      : source_(source), architecture_(architecture), spec_(spec) {}

  Result<WeightTable> build() {
    const ModelSpec& s = spec_;
    ONDOL_TRY_STATUS(matrix(Role::kEmbedding, -1, {s.vocab, s.hidden}));
    ONDOL_TRY_STATUS(vector(Role::kFinalNorm, -1, s.hidden));
    if (!s.tied) ONDOL_TRY_STATUS(matrix(Role::kLmHead, -1, {s.vocab, s.hidden}));
    for (int layer = 0; layer < s.n_layers(); ++layer) {
      ONDOL_TRY_STATUS(norms(layer));
      ONDOL_TRY_STATUS(attention(layer));
      ONDOL_TRY_STATUS(s.layers[static_cast<size_t>(layer)].moe ? experts(layer) : mlp(layer));
    }
    ONDOL_TRY_STATUS(check_nothing_left());
    return std::move(table_);
  }

 private:
  Status norms(int layer) {
    if (spec_.pre_norm) {
      ONDOL_TRY_STATUS(vector(Role::kAttnNorm, layer, spec_.hidden));
      ONDOL_TRY_STATUS(vector(Role::kFfnNorm, layer, spec_.hidden));
    }
    if (spec_.post_norm) {
      ONDOL_TRY_STATUS(vector(Role::kAttnPostNorm, layer, spec_.hidden));
      ONDOL_TRY_STATUS(vector(Role::kFfnPostNorm, layer, spec_.hidden));
    }
    return {};
  }

  Status attention(int layer) {
    const ModelSpec& s = spec_;
    ONDOL_TRY_STATUS(matrix(Role::kQ, layer, {s.q_width(), s.hidden}));
    ONDOL_TRY_STATUS(matrix(Role::kK, layer, {s.kv_width(), s.hidden}));
    ONDOL_TRY_STATUS(matrix(Role::kV, layer, {s.kv_width(), s.hidden}));
    ONDOL_TRY_STATUS(matrix(Role::kO, layer, {s.hidden, s.q_width()}));
    if (s.qkv_bias) {
      ONDOL_TRY_STATUS(vector(Role::kQBias, layer, s.q_width()));
      ONDOL_TRY_STATUS(vector(Role::kKBias, layer, s.kv_width()));
      ONDOL_TRY_STATUS(vector(Role::kVBias, layer, s.kv_width()));
    }
    if (s.qk_norm) {
      ONDOL_TRY_STATUS(vector(Role::kQNorm, layer, s.head_dim));
      ONDOL_TRY_STATUS(vector(Role::kKNorm, layer, s.head_dim));
    }
    return {};
  }

  Status mlp(int layer) {
    ONDOL_TRY_STATUS(matrix(Role::kGate, layer, {spec_.ffn, spec_.hidden}));
    ONDOL_TRY_STATUS(matrix(Role::kUp, layer, {spec_.ffn, spec_.hidden}));
    return matrix(Role::kDown, layer, {spec_.hidden, spec_.ffn});
  }

  Status experts(int layer) {
    const MoeSpec& moe = spec_.moe;
    ONDOL_TRY_STATUS(matrix(Role::kRouter, layer, {moe.experts, spec_.hidden}));
    ONDOL_TRY_STATUS(vector(Role::kRouterBias, layer, moe.experts));
    for (int expert = 0; expert < moe.experts; ++expert) {
      ONDOL_TRY_STATUS(matrix(Role::kExpertGate, layer, {moe.expert_ffn, spec_.hidden}, expert));
      ONDOL_TRY_STATUS(matrix(Role::kExpertUp, layer, {moe.expert_ffn, spec_.hidden}, expert));
      ONDOL_TRY_STATUS(matrix(Role::kExpertDown, layer, {spec_.hidden, moe.expert_ffn}, expert));
    }
    if (moe.shared_ffn == 0) return {};
    ONDOL_TRY_STATUS(matrix(Role::kSharedGate, layer, {moe.shared_ffn, spec_.hidden}));
    ONDOL_TRY_STATUS(matrix(Role::kSharedUp, layer, {moe.shared_ffn, spec_.hidden}));
    return matrix(Role::kSharedDown, layer, {spec_.hidden, moe.shared_ffn});
  }

  Status vector(Role role, int layer, int64_t length) {
    ONDOL_TRY_STATUS(matrix(role, layer, {1, length}));
    if (traits(table_.tensors_.at({role, layer, -1}).dtype).block_elements == 1) return {};
    return fail(Code::kUnimplemented, "tensor " + quoted(std::string_view(last_name_)) + " is quantised; norms and biases must be floats");
  }

  Status matrix(Role role, int layer, Shape shape, int expert = -1) {
    std::string tried;
    for (const TensorName& name : architecture_.names) {
      const std::string_view pattern = source_.is_gguf() ? name.gguf : name.hf;
      if (name.role != role || pattern.empty()) continue;
      last_name_ = filled(pattern, layer, expert);
      if (!source_.has_tensor(last_name_)) {
        tried += (tried.empty() ? "" : " or ") + quoted(std::string_view(last_name_), 200);
        continue;
      }
      const bool stacked = expert >= 0 && pattern.find("{E}") == std::string_view::npos;
      ONDOL_TRY(const Tensor tensor, take(name.part, shape, stacked ? expert : -1));
      table_.tensors_.emplace(std::tuple(role, layer, expert), tensor);
      return {};
    }
    return fail(Code::kNotFound, "the file has no tensor " + (tried.empty() ? std::string("for a role of this architecture") : tried));
  }

  // The tensor called last_name_, or one expert of the stack that it is, or half of that; `expert` -1: it is no stack.
  Result<Tensor> take(TensorName::Part part, Shape shape, int expert) {
    ONDOL_TRY(Tensor tensor, source_.tensor(last_name_));
    const int64_t depth = expert >= 0 ? spec_.moe.experts : 1;
    const int64_t rows = part == TensorName::Part::kAll ? shape.rows : 2 * shape.rows;
    if (tensor.depth != depth || tensor.rows != rows || tensor.cols != shape.cols) {
      return fail(Code::kInvalidArgument, "tensor " + quoted(std::string_view(last_name_), 200) + " is " +
                                              shape_text(tensor.depth, tensor.rows, tensor.cols) + "; the configuration implies " +
                                              shape_text(depth, rows, shape.cols));
    }
    count(tensor);
    if (expert >= 0) tensor = tensor.slice(expert);
    if (part == TensorName::Part::kAll) return tensor;
    const size_t half = static_cast<size_t>(shape.rows) * row_bytes(tensor.dtype, tensor.cols);
    tensor.rows = shape.rows;
    tensor.data = tensor.data.subspan(part == TensorName::Part::kFirstHalf ? 0 : half, half);
    return tensor;
  }

  void count(const Tensor& tensor) {
    if (!used_.insert(last_name_).second) return;
    table_.parameters_ += static_cast<uint64_t>(tensor.elements());
    table_.bytes_[tensor.dtype] += tensor.data.size();
  }

  Status check_nothing_left() const {
    for (const std::string_view name : source_.tensor_names()) {
      if (used_.contains(name) || harmless(name)) continue;
      return fail(Code::kUnimplemented, "the file has tensor " + quoted(name, 200) + ", which " + std::string(architecture_.name) +
                                            " does not use: it belongs to a variant that is not supported");
    }
    return {};
  }

  bool harmless(std::string_view name) const {
    const auto begins = [&](std::string_view start) { return name.starts_with(start); };
    const auto ends = [&](std::string_view end) { return name.ends_with(end); };
    if (std::any_of(architecture_.ignored.begin(), architecture_.ignored.end(), begins)) return true;
    if (std::any_of(std::begin(kHarmlessEndings), std::end(kHarmlessEndings), ends)) return true;
    if (std::find(std::begin(kHarmlessNames), std::end(kHarmlessNames), name) != std::end(kHarmlessNames)) return true;
    return is_draft_block(name);
  }

  // GGUF puts the layers of multi-token prediction behind the last block.
  bool is_draft_block(std::string_view name) const {
    if (!name.starts_with("blk.")) return false;
    int block = 0;
    for (size_t at = 4; at < name.size() && at < 10 && name[at] >= '0' && name[at] <= '9'; ++at) block = block * 10 + (name[at] - '0');
    return block >= spec_.n_layers() && source_.has_tensor("blk." + std::to_string(block) + ".nextn.eh_proj.weight");
  }

  const Source& source_;
  const Architecture& architecture_;
  const ModelSpec& spec_;
  WeightTable table_;
  std::string last_name_;
  std::set<std::string, std::less<>> used_;
};

Result<WeightTable> WeightTable::build(const Source& source, const Architecture& architecture, const ModelSpec& spec) {
  return WeightTableBuilder(source, architecture, spec).build();
}

Result<Tensor> WeightTable::find(Role role, int layer, int expert) const {
  const auto found = tensors_.find({role, layer, expert});
  if (found != tensors_.end()) return found->second;
  return fail(Code::kNotFound, "the model has no weight for role " + std::to_string(static_cast<int>(role)) + ", layer " +
                                   std::to_string(layer) + ", expert " + std::to_string(expert));
}

std::string WeightTable::common_type() const {
  const auto most = std::max_element(bytes_.begin(), bytes_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes_.end() ? std::string() : std::string(traits(most->first).name);
}

}  // namespace ondol
