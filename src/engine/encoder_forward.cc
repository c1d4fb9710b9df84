#include <cmath>
#include <cstring>

#include "engine/encoder_state.h"

namespace ondol {
namespace {

// Rows of a product that are one piece of work: with the width of e5-small, 34 KiB of activations, which stay in the first-level cache.
constexpr int64_t kRowsPerPiece = 64;

}  // namespace

void Encoder::State::run(std::span<const Text> batch) {
  texts = batch;
  tokens.clear();
  positions.clear();
  for (const Text& text : batch) {
    for (size_t i = 0; i < text.tokens.size(); ++i) {
      tokens.push_back(text.tokens[i]);
      positions.push_back(static_cast<int64_t>(i));
    }
  }
  rows = std::ssize(tokens);
  for (WorkCounter& counter : counters) counter.reset();
  team.run([this](int member) { step(member); });
}

template <class Body>
void Encoder::State::for_each(int64_t count, size_t& phase, const Body& body) {
  WorkCounter& counter = counters[phase++];
  for (int64_t i; (i = counter.take(1)) < count;) body(i);
  team.barrier();
}

void Encoder::State::step(int member) {
  size_t phase = 0;
  for_each(rows, phase, [&](int64_t row) { embed_row(row); });
  for (const EncoderLayer& w : weights.layers()) layer(w, member, phase);
  for_each(std::ssize(texts), phase, [&](int64_t i) { pool(texts[static_cast<size_t>(i)]); });
}

void Encoder::State::embed_row(int64_t row) {
  const int64_t hidden = config.hidden;
  float* out = x + row * hidden;
  const EncoderNorm& norm = weights.embedding_norm();
  dequantize_row(weights.words().dtype, weights.words().row(tokens[static_cast<size_t>(row)]), hidden, out);
  vec.add(out, weights.positions().data() + positions[static_cast<size_t>(row)] * hidden, hidden);
  vec.layer_norm(out, norm.weight.data(), norm.bias.data(), config.norm_eps, hidden, out);
  prepare(x, hidden, row, hidden_in);
}

// Products of one input with matrices of one shape, in pieces of a panel and some rows.
void Encoder::State::multiply(const Activations& in, std::span<const Product> products, size_t& phase) {
  const int64_t pieces = (rows + kRowsPerPiece - 1) / kRowsPerPiece;
  const int64_t panels = products[0].weight->panels();
  for_each(std::ssize(products) * panels * pieces, phase, [&](int64_t item) {
    const Product& p = products[static_cast<size_t>(item / pieces / panels)];
    const int64_t panel = item / pieces % panels;
    const int64_t begin = item % pieces * kRowsPerPiece;
    const int64_t count = std::min(kRowsPerPiece, rows - begin);
    mm.matmul(rows_from(in, begin), count, *p.weight, panel, panel + 1, p.bias, p.out + begin * p.out_stride, p.out_stride);
  });
}

// Post-norm, as BERT has it: x = norm(x + attention(x)), x = norm(x + mlp(x)).
void Encoder::State::layer(const EncoderLayer& w, int member, size_t& phase) {
  const int64_t hidden = config.hidden, ffn = config.ffn;
  const auto product = [&](const EncoderLinear& linear, const Activations& in, float* out) {
    return Product{&linear.matrix, in, rows, linear.bias.data(), out, linear.matrix.rows};
  };
  const Product qkv[] = {product(w.q, hidden_in, q), product(w.k, hidden_in, k), product(w.v, hidden_in, v)};
  multiply(hidden_in, qkv, phase);
  Scratch& mine = scratch[static_cast<size_t>(member)];
  for_each(std::ssize(texts) * config.heads, phase, [&](int64_t item) { attend(item, mine); });
  for_each(rows, phase, [&](int64_t row) { prepare(q, hidden, row, hidden_in); });
  const Product o[] = {product(w.o, hidden_in, branch)};
  multiply(hidden_in, o, phase);
  for_each(rows, phase, [&](int64_t row) { finish_branch(row, w.attn_norm); });
  const Product up[] = {product(w.up, hidden_in, inner)};
  multiply(hidden_in, up, phase);
  for_each(rows, phase, [&](int64_t row) {
    vec.gelu_erf(inner + row * ffn, ffn, inner + row * ffn);
    prepare(inner, ffn, row, inner_in);
  });
  const Product down[] = {product(w.down, inner_in, branch)};
  multiply(inner_in, down, phase);
  for_each(rows, phase, [&](int64_t row) { finish_branch(row, w.out_norm); });
}

void Encoder::State::finish_branch(int64_t row, const EncoderNorm& norm) {
  const int64_t hidden = config.hidden;
  float* out = x + row * hidden;
  vec.add(out, branch + row * hidden, hidden);
  vec.layer_norm(out, norm.weight.data(), norm.bias.data(), config.norm_eps, hidden, out);
  prepare(x, hidden, row, hidden_in);
}

// Item: (text, head). The causal kernel serves here because all query rows stand at the last position, where every key is seen: they are
// given as one row whose heads share the keys. The result takes the place of q.
void Encoder::State::attend(int64_t item, Scratch& s) {
  const Text& text = texts[static_cast<size_t>(item / config.heads)];
  const int64_t hidden = config.hidden, head = item % config.heads * head_dim, count = std::ssize(text.tokens);
  const size_t head_bytes = static_cast<size_t>(head_dim) * sizeof(float);
  const size_t piece = kv_head_bytes(KvType::kF32, head_dim);
  for (int64_t t = 0; t < count; ++t) {
    const int64_t at = (text.row + t) * hidden + head;
    std::memcpy(s.q + t * head_dim, q + at, head_bytes);
    att.store(KvType::kF32, head_dim, static_cast<int>(t % kKvBlock), k + at, v + at, s.kv + static_cast<size_t>(t / kKvBlock) * piece);
  }
  AttentionTask task;
  task.head_dim = head_dim;
  task.group = static_cast<int>(count);
  task.rows = 1;
  task.first_position = count - 1;
  task.scale = 1 / std::sqrt(static_cast<float>(head_dim));
  task.q = s.q;
  task.out = s.out;
  task.stride = count * head_dim;
  task.blocks = s.blocks.data();
  task.scratch = s.attention;
  att.attend(KvType::kF32, task);
  for (int64_t t = 0; t < count; ++t) std::memcpy(q + (text.row + t) * hidden + head, s.out + t * head_dim, head_bytes);
}

void Encoder::State::pool(const Text& text) const {
  const int64_t hidden = config.hidden;
  std::fill_n(text.out, hidden, 0.0F);
  for (int64_t t = 0; t < std::ssize(text.tokens); ++t) vec.add(text.out, x + (text.row + t) * hidden, hidden);
  double squares = 0;
  for (int64_t i = 0; i < hidden; ++i) squares += static_cast<double>(text.out[i]) * static_cast<double>(text.out[i]);
  vec.scale(text.out, static_cast<float>(1 / std::sqrt(squares)), hidden);
}

}  // namespace ondol
