// Speed of the attention kernels on one thread: prefill in GFLOPS (4 * head_dim operations for a query and a key it sees), decode in GB/s
// of cache read. Usage: attention_bench [seconds per line, default 0.3]. Prints one line for each ISA, type, shape; medians.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "kernel/attention.h"

namespace ondol {
namespace {

struct Shape {
  KvType type;
  int head_dim;
  int group;
  int rows;
  int64_t context;  // tokens in the cache; the rows are the last ones
};

const char* type_name(KvType type) { return type == KvType::kF16 ? "f16" : type == KvType::kF32 ? "f32" : "q8"; }

struct FreeMemory {
  void operator()(std::byte* memory) const { std::free(memory); }
};

// Cache, queries and output of `heads` KV heads.
class Bench {
 public:
  Bench(const AttentionKernels& kernels, const Shape& shape, int heads) : kernels_(kernels), shape_(shape), heads_(heads) {
    const size_t bytes = kv_head_bytes(shape.type, shape.head_dim);
    const auto blocks = static_cast<size_t>((shape.context + kKvBlock - 1) / kKvBlock);
    cache_bytes_ = blocks * bytes * static_cast<size_t>(heads);
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(64, cache_bytes_)));
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> pool(8192);
    for (float& x : pool) x = normal(random);
    for (size_t piece = 0; piece < blocks * static_cast<size_t>(heads); ++piece) {
      pieces_.push_back(memory_.get() + piece * bytes);
      for (int slot = 0; slot < kKvBlock; ++slot) {
        const size_t at = random() % (pool.size() - 512);
        kernels.store(shape.type, shape.head_dim, slot, &pool[at], &pool[8191 - 512 - at / 2], memory_.get() + piece * bytes);
      }
    }
    q_.resize(static_cast<size_t>(shape.rows) * static_cast<size_t>(shape.group * shape.head_dim));
    for (float& x : q_) x = normal(random);
    out_.resize(q_.size());
    scratch_.resize(attention_scratch_floats(shape.head_dim));
  }

  void run() {
    const size_t blocks = pieces_.size() / static_cast<size_t>(heads_);
    for (int head = 0; head < heads_; ++head) {
      AttentionTask task;
      task.head_dim = shape_.head_dim;
      task.group = shape_.group;
      task.rows = shape_.rows;
      task.first_position = shape_.context - shape_.rows;
      task.scale = 0.1F;
      task.q = q_.data();
      task.out = out_.data();
      task.stride = shape_.group * shape_.head_dim;
      task.blocks = pieces_.data() + static_cast<size_t>(head) * blocks;
      task.scratch = scratch_.data();
      kernels_.attend(shape_.type, task);
    }
  }

  double operations() const {
    const double seen = (static_cast<double>(shape_.context) - (shape_.rows - 1) / 2.0) * shape_.rows;
    return seen * heads_ * shape_.group * shape_.head_dim * 4;
  }
  double cache_bytes() const { return static_cast<double>(cache_bytes_); }

 private:
  const AttentionKernels& kernels_;
  Shape shape_;
  int heads_;
  size_t cache_bytes_ = 0;
  std::unique_ptr<std::byte[], FreeMemory> memory_;
  std::vector<const std::byte*> pieces_;
  std::vector<float> q_, out_, scratch_;
};

// Of the thread, not of the wall: other programs on the machine then cost only what they take from the caches and the memory.
double cpu_seconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double median_seconds(double budget_s, const std::function<void()>& run) {
  std::vector<double> times;
  const double start = cpu_seconds();
  do {
    const double before = cpu_seconds();
    run();
    times.push_back(cpu_seconds() - before);
  } while (cpu_seconds() - start < budget_s || times.size() < 3);
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

void measure(Isa isa, const Shape& shape, double budget_s) {
  // Decode reads a cache of 256 MiB, far beyond the last-level cache, as a step over all layers does.
  const double head_bytes = static_cast<double>(kv_head_bytes(shape.type, shape.head_dim)) * static_cast<double>(shape.context) / kKvBlock;
  const int heads = shape.rows > 1 ? 1 : static_cast<int>(256.0 * 1024 * 1024 / head_bytes);
  Bench bench(attention_kernels(isa), shape, heads);
  const double seconds = median_seconds(budget_s, [&] { bench.run(); });
  std::printf("%-7s %-4s head_dim %3d group %d rows %4d context %5d  %7.1f GFLOPS %6.1f GB/s\n", isa_name(isa).data(),
              type_name(shape.type), shape.head_dim, shape.group, shape.rows, static_cast<int>(shape.context),
              bench.operations() / seconds * 1e-9, bench.cache_bytes() / seconds * 1e-9);
}

// The yardstick of the decode lines: one thread summing 256 MiB.
void measure_memory(double budget_s) {
  constexpr size_t kWords = size_t{32} * 1024 * 1024;
  const std::vector<uint64_t> data(kWords, 1);
  volatile uint64_t sink = 0;
  const double seconds = median_seconds(budget_s, [&] {
    uint64_t sum[8] = {};
    for (size_t i = 0; i < kWords; i += 8) {
      for (size_t j = 0; j < 8; ++j) sum[j] += data[i + j];
    }
    for (const uint64_t part : sum) sink = sink + part;
  });
  std::printf("memory  read by one thread %47.1f GB/s\n", static_cast<double>(kWords * 8) / seconds * 1e-9);
}

}  // namespace
}  // namespace ondol

int main(int argc, char** argv) {
  using namespace ondol;
  const double budget_s = argc > 1 ? std::atof(argv[1]) : 0.3;
  for (const Isa isa : supported_isas()) {
    for (const KvType type : {KvType::kF16, KvType::kF32, KvType::kQ8}) {
      for (const int head_dim : {64, 128}) {
        for (const int group : {1, 3, 6}) measure(isa, {type, head_dim, group, 512, 512}, budget_s);
        measure(isa, {type, head_dim, 6, 128, 4096}, budget_s);
      }
    }
    for (const KvType type : {KvType::kF16, KvType::kQ8}) {
      for (const int group : {1, 3, 6}) measure(isa, {type, group == 3 ? 64 : 128, group, 1, 2048}, budget_s);
    }
    measure_memory(budget_s);
  }
  return 0;
}
