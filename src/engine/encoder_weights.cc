#include "engine/encoder_weights.h"

#include <string>

namespace ondol {

// Walks all weights once; knows for each packed matrix where it comes from and where it goes.
class EncoderWeights::Loader {
 public:
  Loader(const E5s1File& file, Isa isa) : file_(file), isa_(isa) {}

  Status plan(EncoderWeights& out) {
    const E5s1Config& c = file_.config();
    ONDOL_TRY(out.words_, file_.tensor("emb.word", DType::kQ4_0, c.vocab, c.hidden));
    ONDOL_TRY_STATUS(floats("emb.pos", c.max_positions, c.hidden, out.places_));
    std::vector<float> types;
    ONDOL_TRY_STATUS(floats("emb.type", c.type_vocab, c.hidden, types));
    for (size_t i = 0; i < out.places_.size(); ++i) out.places_[i] += types[i % static_cast<size_t>(c.hidden)];
    ONDOL_TRY_STATUS(norm("emb.ln", out.embedding_norm_));
    out.layers_.resize(static_cast<size_t>(c.layers));
    for (int i = 0; i < c.layers; ++i) {
      EncoderLayer& layer = out.layers_[static_cast<size_t>(i)];
      const std::string prefix = "l" + std::to_string(i) + ".";
      ONDOL_TRY_STATUS(linear(prefix + "q", c.hidden, c.hidden, layer.q));
      ONDOL_TRY_STATUS(linear(prefix + "k", c.hidden, c.hidden, layer.k));
      ONDOL_TRY_STATUS(linear(prefix + "v", c.hidden, c.hidden, layer.v));
      ONDOL_TRY_STATUS(linear(prefix + "ao", c.hidden, c.hidden, layer.o));
      ONDOL_TRY_STATUS(linear(prefix + "fi", c.ffn, c.hidden, layer.up));
      ONDOL_TRY_STATUS(linear(prefix + "fo", c.hidden, c.ffn, layer.down));
      ONDOL_TRY_STATUS(norm(prefix + "aln", layer.attn_norm));
      ONDOL_TRY_STATUS(norm(prefix + "oln", layer.out_norm));
    }
    return {};
  }

  Status pack(EncoderWeights& out, Team& team) {
    out.arena_ = Arena(bytes_, true);
    if (out.arena_.data() == nullptr) {
      return fail(Code::kResourceExhausted, "the system refused " + std::to_string(bytes_ >> 20) + " MiB for the encoder's weights");
    }
    WorkCounter next;
    team.run([&](int) {
      for (int64_t i; (i = next.take(1)) < std::ssize(items_);) {
        const Item& item = items_[static_cast<size_t>(i)];
        std::byte* dst = out.arena_.data() + item.offset;
        item.matrix->data = dst;
        matmul_kernels(isa_).pack(item.source, {}, *item.matrix, 0, item.matrix->panels(), dst);
      }
    });
    return {};
  }

 private:
  struct Item {
    PackedMatrix* matrix;
    Tensor source;
    size_t offset;
  };

  Status floats(std::string_view name, int64_t rows, int64_t cols, std::vector<float>& out) const {
    ONDOL_TRY(const Tensor tensor, file_.tensor(name, DType::kF32, rows, cols));
    out.resize(static_cast<size_t>(rows * cols));
    dequantize_row(DType::kF32, tensor.data, rows * cols, out.data());
    return {};
  }

  Status norm(const std::string& name, EncoderNorm& out) const {
    ONDOL_TRY_STATUS(floats(name + ".w", 1, file_.config().hidden, out.weight));
    return floats(name + ".b", 1, file_.config().hidden, out.bias);
  }

  Status linear(const std::string& name, int64_t rows, int64_t cols, EncoderLinear& out) {
    ONDOL_TRY_STATUS(floats(name + ".b", 1, rows, out.bias));
    ONDOL_TRY(const Tensor tensor, file_.tensor(name + ".w", DType::kQ4_0, rows, cols));
    ONDOL_TRY(out.matrix, plan_matrix(DType::kQ4_0, rows, cols, isa_));
    items_.push_back({&out.matrix, tensor, bytes_});
    bytes_ += static_cast<size_t>(out.matrix.panels()) * out.matrix.panel_bytes;
    bytes_ = (bytes_ + 63) / 64 * 64;
    return {};
  }

  const E5s1File& file_;
  Isa isa_;
  std::vector<Item> items_;
  size_t bytes_ = 0;
};

Result<EncoderWeights> EncoderWeights::load(const E5s1File& file, Isa isa, Team& team) {
  EncoderWeights out;
  Loader loader(file, isa);
  ONDOL_TRY_STATUS(loader.plan(out));
  ONDOL_TRY_STATUS(loader.pack(out, team));
  return out;
}

}  // namespace ondol
