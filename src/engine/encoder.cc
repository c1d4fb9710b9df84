#include "engine/encoder.h"

#include <cmath>

#include "engine/encoder_state.h"

namespace ondol {

Status Encoder::State::load(Isa isa) {
  ONDOL_TRY(weights, EncoderWeights::load(file, isa, team));
  return allocate();
}

Status Encoder::State::allocate() {
  scratch.resize(static_cast<size_t>(team.size()));
  const size_t n = static_cast<size_t>(max_rows), hidden = static_cast<size_t>(config.hidden), ffn = static_cast<size_t>(config.ffn);
  const size_t longest = static_cast<size_t>(config.max_positions), dim = static_cast<size_t>(head_dim);
  const size_t blocks = (longest + kKvBlock - 1) / kKvBlock;
  // One pass adds up the sizes, a second hands the memory out.
  for (const bool bind : {false, true}) {
    size_t at = 0;
    const auto take = [&](size_t bytes) {
      std::byte* here = bind ? arena.data() + at : nullptr;
      at += (bytes + 63) / 64 * 64;
      return here;
    };
    for (float** pointer : {&x, &branch, &q, &k, &v}) *pointer = reinterpret_cast<float*>(take(n * hidden * sizeof(float)));
    inner = reinterpret_cast<float*>(take(n * ffn * sizeof(float)));
    std::byte* hidden_memory = take(act_bytes(ActKind::kQ8, max_rows, config.hidden));
    std::byte* inner_memory = take(act_bytes(ActKind::kQ8, max_rows, config.ffn));
    for (Scratch& s : scratch) {
      s.kv = take(blocks * kv_head_bytes(KvType::kF32, head_dim));
      s.q = reinterpret_cast<float*>(take(longest * dim * sizeof(float)));
      s.out = reinterpret_cast<float*>(take(longest * dim * sizeof(float)));
      s.attention = reinterpret_cast<float*>(take(attention_scratch_floats(head_dim) * sizeof(float)));
    }
    if (bind) {
      hidden_in = bind_activations(ActKind::kQ8, max_rows, config.hidden, hidden_memory);
      inner_in = bind_activations(ActKind::kQ8, max_rows, config.ffn, inner_memory);
      continue;
    }
    arena = Arena(at, true);
    if (arena.data() == nullptr) {
      return fail(Code::kResourceExhausted, "the system refused " + std::to_string(at >> 20) + " MiB for the encoder's buffers");
    }
  }
  for (Scratch& s : scratch) {
    for (size_t b = 0; b < blocks; ++b) s.blocks.push_back(s.kv + b * kv_head_bytes(KvType::kF32, head_dim));
  }
  return {};
}

Status Encoder::State::check(std::span<const std::vector<int32_t>> all) const {
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string name = "text " + std::to_string(i);
    if (all[i].empty()) return fail(Code::kInvalidArgument, name + " has no tokens");
    if (std::ssize(all[i]) > config.max_positions) {
      return fail(Code::kOutOfRange, name + " has " + std::to_string(all[i].size()) + " tokens; this model takes at most " +
                                         std::to_string(config.max_positions));
    }
    for (const int32_t token : all[i]) {
      if (token >= 0 && token < config.vocab) continue;
      return fail(Code::kInvalidArgument,
                  name + " holds token " + std::to_string(token) + " but the vocabulary has " + std::to_string(config.vocab));
    }
  }
  return {};
}

Encoder::Encoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Encoder::~Encoder() = default;

Result<std::unique_ptr<Encoder>> Encoder::open(const std::string& path, int threads, Isa isa) {
  ONDOL_TRY(E5s1File file, E5s1File::open(path));
  auto tokenizer = UnigramTokenizer::make(file.take_tokenizer());
  if (!tokenizer) return fail(tokenizer.error(), "reading the tokenizer of " + quoted(path, 200));
  auto state = std::make_unique<State>(std::move(file), threads, isa);
  state->tokenizer = std::move(*tokenizer);
  if (const Status loaded = state->load(isa); !loaded) return fail(loaded.error(), "loading " + quoted(path, 200));
  state->file.drop_resident();
  return std::unique_ptr<Encoder>(new Encoder(std::move(state)));
}

Result<std::vector<std::vector<float>>> Encoder::embed(std::span<const std::vector<int32_t>> texts,
                                                       const std::function<bool()>& stop) const {
  State& s = *state_;
  ONDOL_TRY_STATUS(s.check(texts));
  std::vector<std::vector<float>> out(texts.size(), std::vector<float>(static_cast<size_t>(s.config.hidden)));
  std::vector<State::Text> batch;
  for (size_t next = 0; next < texts.size();) {
    if (stop && stop()) return fail(Code::kCancelled, "nobody waits for the embeddings any more");
    batch.clear();
    for (int64_t row = 0; next < texts.size() && row + std::ssize(texts[next]) <= s.max_rows; ++next) {
      batch.push_back({texts[next], row, out[next].data()});
      row += std::ssize(texts[next]);
    }
    const std::scoped_lock lock(s.busy);
    s.run(batch);
  }
  for (size_t i = 0; i < out.size(); ++i) {
    if (std::ranges::all_of(out[i], [](float value) { return std::isfinite(value); })) continue;
    return fail(Code::kDataLoss, "the vector of text " + std::to_string(i) +
                                     " is not finite: the model's file may be damaged; check it with: "
                                     "ondol model verify");
  }
  return out;
}

int Encoder::dimensions() const { return state_->config.hidden; }
int Encoder::max_tokens() const { return state_->config.max_positions; }
const Tokenizer& Encoder::tokenizer() const { return *state_->tokenizer; }
uint64_t Encoder::memory_bytes() const { return state_->weights.bytes() + state_->arena.size(); }

}  // namespace ondol
