#include "engine/forward.h"

#include <cmath>

#include "engine/forward_state.h"

namespace ondol {
namespace {

// Phases of a step: at most 14 in a layer with experts, plus embedding and head.
constexpr size_t kPhasesPerLayer = 16;

// Query rows that one attention task takes: with a group of 6 heads, 48 query vectors are 8 register tiles per block of keys, so that each
// block is read from L2 once and used 8 times.
constexpr int kAttentionRows = 8;

}  // namespace

Forward::Forward(const ModelSpec& spec, const Weights& weights, KvPool& pool, Team& team, Isa isa, int max_rows, int max_logit_rows)
    : state_(std::make_unique<State>(spec, weights, pool, team, isa, max_rows, max_logit_rows)) {}

Forward::~Forward() = default;

uint64_t Forward::buffer_bytes() const { return state_->arena.size(); }

std::span<float> Forward::run(std::span<const ForwardSpan> spans, bool all_logits, const HiddenProbe& probe) {
  State& s = *state_;
  s.spans = spans;
  s.probe = probe ? &probe : nullptr;
  s.rows.clear();
  s.logit_rows.clear();
  for (size_t i = 0; i < spans.size(); ++i) {
    const auto tokens = std::ssize(spans[i].tokens);
    for (int64_t t = 0; t < tokens; ++t) {
      s.rows.push_back({static_cast<int>(i), spans[i].first_position + t});
      if (all_logits || t >= tokens - spans[i].logit_rows) s.logit_rows.push_back(s.row_count() - 1);
    }
  }
  for (WorkCounter& counter : s.counters) counter.reset();
  s.team.run([&s](int member) { s.step(member); });
  return {s.logits, s.logit_rows.size() * static_cast<size_t>(s.spec.vocab)};
}

void Forward::State::step(int member) {
  size_t phase = 0;
  embed(member, phase);
  for (int layer = 0; layer < spec.n_layers(); ++layer) {
    phase = static_cast<size_t>(layer + 1) * kPhasesPerLayer;
    attention(layer, member, phase);
    if (spec.layers[static_cast<size_t>(layer)].moe) {
      moe(layer, member, phase);
    } else {
      mlp(layer, member, phase);
    }
    if (probe != nullptr && layer + 1 < spec.n_layers()) {
      if (member == 0) report(layer + 1);
      team.barrier();
    }
  }
  phase = static_cast<size_t>(spec.n_layers() + 1) * kPhasesPerLayer;
  head(member, phase);
}

void Forward::State::report(int index) {
  for (int64_t row = 0; row < row_count(); ++row) report_row(index, row, x + row * spec.hidden);
}

void Forward::State::report_row(int index, int64_t row, const float* hidden) {
  const RowPlace& place = rows[static_cast<size_t>(row)];
  (*probe)(index, place.span, place.position, {hidden, static_cast<size_t>(spec.hidden)});
}

void Forward::State::embed(int member, size_t& phase) {
  const int64_t half = spec.head_dim / 2;
  const Tensor& embedding = weights.embedding();
  for_each(row_count(), 4, phase, [&](int64_t row) {
    const RowPlace& place = rows[static_cast<size_t>(row)];
    const ForwardSpan& span = spans[static_cast<size_t>(place.span)];
    const int32_t token = span.tokens[static_cast<size_t>(place.position - span.first_position)];
    float* out = x + row * spec.hidden;
    dequantize_row(embedding.dtype, embedding.row(token), embedding.cols, out);
    if (spec.embed_scale != 1.0f) vec.scale(out, spec.embed_scale, spec.hidden);
    for (size_t r = 0; r < spec.ropes.size(); ++r) {
      const RopeSpec& rope = spec.ropes[r];
      float* cos_row = cosines + (static_cast<int64_t>(r) * max_rows + row) * half;
      float* sin_row = sines + (static_cast<int64_t>(r) * max_rows + row) * half;
      for (int64_t j = 0; j < half; ++j) {
        const float angle = static_cast<float>(place.position) * rope.inv_freq[static_cast<size_t>(j)];
        cos_row[j] = std::cos(angle) * rope.attention_factor;
        sin_row[j] = std::sin(angle) * rope.attention_factor;
      }
    }
  });
  if (probe != nullptr) {
    if (member == 0) report(0);
    team.barrier();
  }
}

// The norm in front of a branch, into the forms that its matrices take.
void Forward::State::enter_branch(int64_t row, const std::vector<float>& norm, float* scratch_row) {
  const float* in = x + row * spec.hidden;
  if (!norm.empty()) {
    vec.rms_norm(in, norm.data(), spec.norm_eps, spec.hidden, scratch_row);
    in = scratch_row;
  }
  hidden_in.prepare(mm, in, row);
}

// x += value, normed first where the architecture does so. `value` is the row's buffer and may be overwritten.
void Forward::State::leave_branch(int64_t row, const float* value, const std::vector<float>& post_norm) {
  auto* out = const_cast<float*>(value);
  if (!post_norm.empty()) vec.rms_norm(value, post_norm.data(), spec.norm_eps, spec.hidden, out);
  vec.add(x + row * spec.hidden, out, spec.hidden);
}

void Forward::State::multiply(std::span<const Product> products, size_t& phase) {
  int64_t panels = 0;
  for (const Product& p : products) panels += p.weight->panels();
  // Eight pieces per member even out a core that a neighbour slows down; a piece still is a long sequential stream.
  const int64_t grain = std::max<int64_t>(1, panels / (team.size() * 8));
  WorkCounter& counter = counters[phase++];
  for (int64_t begin; (begin = counter.take(grain)) < panels;) {
    int64_t end = std::min(begin + grain, panels);
    for (const Product& p : products) {
      const int64_t mine = std::min(end, p.weight->panels());
      if (begin < mine) mm.matmul(p.input, p.rows, *p.weight, begin, mine, p.bias, p.out, p.out_stride);
      begin = std::max<int64_t>(0, begin - p.weight->panels());
      end -= p.weight->panels();
      if (end <= 0) break;
    }
  }
  team.barrier();
}

void Forward::State::attention(int layer, int member, size_t& phase) {
  const LayerWeights& w = weights.layers()[static_cast<size_t>(layer)];
  const int64_t n = row_count();
  float* scratch_row = scratch[static_cast<size_t>(member)].data();
  for_each(n, 1, phase, [&](int64_t row) { enter_branch(row, w.attn_norm, scratch_row); });

  const auto bias = [](const std::vector<float>& b) { return b.empty() ? nullptr : b.data(); };
  const Product qkv[] = {{&w.q, hidden_in.form(w.q), n, bias(w.q_bias), q, spec.q_width()},
                         {&w.k, hidden_in.form(w.k), n, bias(w.k_bias), k, spec.kv_width()},
                         {&w.v, hidden_in.form(w.v), n, bias(w.v_bias), v, spec.kv_width()}};
  multiply(qkv, phase);

  for_each(n, 1, phase, [&](int64_t row) { rotate_and_store(layer, row); });

  int64_t tiles = 0;
  for (const ForwardSpan& span : spans) tiles += (static_cast<int64_t>(span.tokens.size()) + kAttentionRows - 1) / kAttentionRows;
  for_each(tiles * spec.kv_heads, 1, phase, [&](int64_t item) { attend(layer, item, member); });

  for_each(n, 1, phase, [&](int64_t row) { attended_in.prepare(mm, attended + row * spec.q_width(), row); });
  const Product out[] = {{&w.o, attended_in.form(w.o), n, nullptr, branch, spec.hidden}};
  multiply(out, phase);
}

void Forward::State::rotate_and_store(int layer, int64_t row) {
  const LayerWeights& w = weights.layers()[static_cast<size_t>(layer)];
  const LayerSpec& ls = spec.layers[static_cast<size_t>(layer)];
  const int64_t dim = spec.head_dim;
  const RowPlace& place = rows[static_cast<size_t>(row)];
  const auto finish_head = [&](float* head, const std::vector<float>& norm) {
    if (!norm.empty()) vec.rms_norm(head, norm.data(), spec.norm_eps, dim, head);
    if (ls.rope < 0) return;
    const int64_t at = (static_cast<int64_t>(ls.rope) * max_rows + row) * (dim / 2);
    vec.rope(head, cosines + at, sines + at, dim / 2);
  };
  for (int h = 0; h < spec.heads; ++h) finish_head(q + row * spec.q_width() + h * dim, w.q_norm);
  const int group = pool.layout().places[static_cast<size_t>(layer)].group;
  const auto& blocks = (*spans[static_cast<size_t>(place.span)].blocks)[static_cast<size_t>(group)];
  std::byte* block = pool.data(group, blocks[static_cast<size_t>(place.position / kKvBlock)]);
  for (int h = 0; h < spec.kv_heads; ++h) {
    float* key = k + row * spec.kv_width() + h * dim;
    finish_head(key, w.k_norm);
    att.store(pool.layout().type, spec.head_dim, static_cast<int>(place.position % kKvBlock), key, v + row * spec.kv_width() + h * dim,
              block + pool.layout().piece_offset(layer, h));
  }
}

// Item: (tile of rows of a span, KV head), tiles counted over all spans.
void Forward::State::attend(int layer, int64_t item, int member) {
  const int head = static_cast<int>(item % spec.kv_heads);
  int64_t tile = item / spec.kv_heads;
  int64_t row = 0;
  size_t s = 0;
  for (;; ++s) {
    const auto tokens = static_cast<int64_t>(spans[s].tokens.size());
    const int64_t tiles = (tokens + kAttentionRows - 1) / kAttentionRows;
    if (tile < tiles) break;
    tile -= tiles;
    row += tokens;
  }
  const ForwardSpan& span = spans[s];
  const int64_t offset = tile * kAttentionRows;
  AttentionTask task;
  task.head_dim = spec.head_dim;
  task.group = spec.heads / spec.kv_heads;
  task.rows = static_cast<int>(std::min<int64_t>(kAttentionRows, static_cast<int64_t>(span.tokens.size()) - offset));
  task.first_position = span.first_position + offset;
  task.window = spec.layers[static_cast<size_t>(layer)].window;
  task.scale = spec.attn_scale;
  task.stride = spec.q_width();
  task.q = q + (row + offset) * task.stride + head * task.group * spec.head_dim;
  task.out = attended + (row + offset) * task.stride + head * task.group * spec.head_dim;
  task.scratch = scratch[static_cast<size_t>(member)].data();

  const int group = pool.layout().places[static_cast<size_t>(layer)].group;
  const auto& ids = (*span.blocks)[static_cast<size_t>(group)];
  const size_t piece = pool.layout().piece_offset(layer, head);
  auto& pointers = pieces[static_cast<size_t>(member)];
  const auto count = static_cast<size_t>((task.first_position + task.rows + kKvBlock - 1) / kKvBlock);
  pointers.resize(count);
  for (size_t b = 0; b < count; ++b) pointers[b] = ids[b] < 0 ? nullptr : pool.data(group, ids[b]) + piece;
  task.blocks = pointers.data();
  att.attend(pool.layout().type, task);
}

void Forward::State::mlp(int layer, int member, size_t& phase) {
  const LayerWeights& w = weights.layers()[static_cast<size_t>(layer)];
  const LayerSpec& ls = spec.layers[static_cast<size_t>(layer)];
  const int64_t n = row_count();
  float* scratch_row = scratch[static_cast<size_t>(member)].data();
  for_each(n, 1, phase, [&](int64_t row) {
    leave_branch(row, branch + row * spec.hidden, w.attn_post_norm);
    enter_branch(row, w.ffn_norm, scratch_row);
  });
  const Product gate_up[] = {{&w.gate, hidden_in.form(w.gate), n, nullptr, gate, spec.ffn},
                             {&w.up, hidden_in.form(w.up), n, nullptr, up, spec.ffn}};
  multiply(gate_up, phase);
  for_each(n, 1, phase, [&](int64_t row) {
    float* g = gate + row * spec.ffn;
    if (spec.activation == Activation::kSilu) {
      vec.silu_mul(g, up + row * spec.ffn, ls.swiglu_limit, spec.ffn, g);
    } else {
      vec.gelu_mul(g, up + row * spec.ffn, spec.ffn, g);
    }
    ffn_in.prepare(mm, g, row);
  });
  const Product down[] = {{&w.down, ffn_in.form(w.down), n, nullptr, branch, spec.hidden}};
  multiply(down, phase);
  for_each(n, 1, phase, [&](int64_t row) { leave_branch(row, branch + row * spec.hidden, w.ffn_post_norm); });
}

void Forward::State::head(int member, size_t& phase) {
  const auto count = static_cast<int64_t>(logit_rows.size());
  if (probe != nullptr) {
    if (member == 0) {
      std::vector<float> normed(static_cast<size_t>(spec.hidden));
      for (int64_t row = 0; row < row_count(); ++row) {
        vec.rms_norm(x + row * spec.hidden, weights.final_norm().data(), spec.norm_eps, spec.hidden, normed.data());
        report_row(spec.n_layers(), row, normed.data());
      }
    }
    team.barrier();
  }
  if (count == 0) return;
  for_each(count, 1, phase, [&](int64_t i) {
    float* normed = final_rows + i * spec.hidden;
    vec.rms_norm(x + logit_rows[static_cast<size_t>(i)] * spec.hidden, weights.final_norm().data(), spec.norm_eps, spec.hidden, normed);
    head_in.prepare(mm, normed, i);
  });
  const PackedMatrix& lm_head = weights.lm_head();
  const Product product[] = {{&lm_head, head_in.form(lm_head), count, nullptr, logits, spec.vocab}};
  multiply(product, phase);
}

}  // namespace ondol
