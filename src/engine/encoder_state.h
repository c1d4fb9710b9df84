// What the parts of the encoder share: its weights, and the buffers of one batch. Private to the engine room.
//
// Owner: the Encoder. `run` is called by one thread at a time, which holds `busy`, and uses the whole team.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/team.h"
#include "engine/arena.h"
#include "engine/encoder.h"
#include "engine/encoder_weights.h"
#include "engine/forward_state.h"
#include "kernel/attention.h"
#include "kernel/vector_ops.h"

namespace ondol {

struct Encoder::State {
  static constexpr size_t kPhasesPerLayer = 9;

  // One text of a batch: its tokens are the rows [row, row + tokens.size()).
  struct Text {
    std::span<const int32_t> tokens;
    int64_t row;
    float* out;
  };
  // What a member needs for the attention of one head of one text.
  struct Scratch {
    std::byte* kv = nullptr;
    float *q = nullptr, *out = nullptr, *attention = nullptr;
    std::vector<const std::byte*> blocks;
  };

  State(E5s1File file_in, int threads, Isa isa)
      : file(std::move(file_in)),
        config(file.config()),
        head_dim(config.hidden / config.heads),
        max_rows(std::max(kBatchTokens, config.max_positions)),
        mm(matmul_kernels(isa)),
        vec(vector_kernels(isa)),
        att(attention_kernels(isa)),
        team(threads),
        counters(static_cast<size_t>(config.layers) * kPhasesPerLayer + 2) {}

  Status load(Isa isa);
  Status allocate();
  Status check(std::span<const std::vector<int32_t>> texts) const;
  void run(std::span<const Text> batch);

  // Phases; each ends with a barrier of the team. `phase` picks the work counter and is advanced alike by all members.
  void step(int member);
  void embed_row(int64_t row);
  void layer(const EncoderLayer& w, int member, size_t& phase);
  void attend(int64_t item, Scratch& s);
  void finish_branch(int64_t row, const EncoderNorm& norm);
  void pool(const Text& text) const;
  void multiply(const Activations& in, std::span<const Product> products, size_t& phase);
  template <class Body>
  void for_each(int64_t count, size_t& phase, const Body& body);

  void prepare(const float* from, int64_t width, int64_t row, const Activations& out) const {
    mm.prepare(from + row * width, width, 0, 1, rows_from(out, row));
  }

  const E5s1File file;
  const E5s1Config config;
  const int head_dim;
  const int max_rows;
  const MatmulKernels& mm;
  const VectorKernels& vec;
  const AttentionKernels& att;
  EncoderWeights weights;
  std::unique_ptr<Tokenizer> tokenizer;

  std::mutex busy;  // over all below: one batch at a time
  Team team;
  Arena arena;
  float *x = nullptr, *branch = nullptr, *q = nullptr, *k = nullptr, *v = nullptr, *inner = nullptr;  // [row][width]
  Activations hidden_in, inner_in;
  std::vector<Scratch> scratch;  // by member
  std::vector<WorkCounter> counters;
  std::span<const Text> texts;
  std::vector<int32_t> tokens;     // by row
  std::vector<int64_t> positions;  // by row
  int64_t rows = 0;
};

}  // namespace ondol
