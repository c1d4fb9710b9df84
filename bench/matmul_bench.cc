// How fast the packed matrix products are, next to what the machine allows: for each weight type, shape, batch and thread count the
// operations per second and the weight bytes per second, beside the measured INT8 peak and a plain read of the same bytes.
//
//   matmul_bench [--types Q4_K,Q8_0] [--shapes 1536x8960,8960x1536] [--rows 1,8,512] [--threads 1,2] [--reps 5] [--isa avx2] [--cached]
//
// Shapes are inputs x outputs. As many copies of a matrix are multiplied in turn as fill 256 MiB, so that weights come from memory as
// in a model; --cached takes one. Each figure is the best of `reps`; the machine may be shared, so the best is the least disturbed.
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "base/team.h"
#include "kernel/half.h"
#include "kernel/matmul.h"

namespace ondol {
namespace {

constexpr size_t kStreamBytes = size_t{256} << 20;
constexpr size_t kHugePage = size_t{2} << 20;

struct Options {
  std::vector<std::string> types = {"Q4_K", "Q6_K", "Q5_0", "Q8_0", "Q4_1", "F32", "BF16"};
  std::vector<std::string> shapes = {"1536x8960", "8960x1536", "896x4864", "576x1536"};
  std::vector<std::string> rows = {"1", "2", "4", "6", "8", "16", "32", "128", "512"};
  std::vector<std::string> threads = {"1", "2"};
  int reps = 5;
  bool cached = false;
  Isa isa = best_isa();
};

// Zeroed memory in huge pages if the system gives them; kept until the process ends.
std::byte* map_memory(size_t bytes) {
  const size_t size = bytes + kHugePage;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "cannot map %zu bytes\n", size);
    std::exit(1);
  }
  void* aligned = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(memory) + kHugePage - 1) / kHugePage * kHugePage);
  madvise(aligned, bytes, MADV_HUGEPAGE);
  return static_cast<std::byte*>(aligned);
}

double seconds(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Operations per second of vpdpbusd on registers alone, one thread; 0 without AVX-512.
__attribute__((target("avx512f,avx512vnni"))) void vnni_chains(int64_t loops) {
  for (int64_t i = 0; i < loops; ++i) {
    __asm__ volatile(
        "vpdpbusd %%zmm30, %%zmm31, %%zmm0\n vpdpbusd %%zmm30, %%zmm31, %%zmm1\n vpdpbusd %%zmm30, %%zmm31, %%zmm2\n"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm3\n vpdpbusd %%zmm30, %%zmm31, %%zmm4\n vpdpbusd %%zmm30, %%zmm31, %%zmm5\n"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm6\n vpdpbusd %%zmm30, %%zmm31, %%zmm7\n vpdpbusd %%zmm30, %%zmm31, %%zmm8\n"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm9\n vpdpbusd %%zmm30, %%zmm31, %%zmm10\n vpdpbusd %%zmm30, %%zmm31, %%zmm11\n" ::
            : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11");
  }
}

double int8_peak_gops(Team& team) {
  if (best_isa() != Isa::kAvx512) return 0;
  constexpr int64_t kLoops = 2'000'000;
  constexpr double kOpsPerLoop = 12.0 * 16 * 4 * 2;
  double best = 1e9;
  for (int i = 0; i < 5; ++i) best = std::min(best, seconds([&] { team.run([](int) { vnni_chains(kLoops); }); }));
  return static_cast<double>(team.size()) * kOpsPerLoop * static_cast<double>(kLoops) / best / 1e9;
}

__attribute__((target("avx2"), noinline)) uint64_t read_all(const std::byte* from, size_t bytes) {
  typedef uint64_t Wide __attribute__((vector_size(32)));
  Wide sum[4] = {};
  for (size_t i = 0; i + 128 <= bytes; i += 128) {
    for (size_t j = 0; j < 4; ++j) sum[j] ^= *reinterpret_cast<const Wide*>(from + i + j * 32);
  }
  const Wide all = sum[0] ^ sum[1] ^ sum[2] ^ sum[3];
  return all[0] ^ all[1] ^ all[2] ^ all[3];
}

// `copies` packed copies of one random matrix.
struct Stream {
  std::vector<PackedMatrix> matrices;
  size_t matrix_bytes = 0;
  double pack_seconds = 0;
};

std::vector<std::byte> random_blocks(DType type, int64_t rows, int64_t cols) {
  const DTypeTraits& t = traits(type);
  std::mt19937 random(1);
  std::vector<std::byte> bytes(static_cast<size_t>(rows) * row_bytes(type, cols));
  for (std::byte& b : bytes) b = static_cast<std::byte>(random() & 0x3F);  // exponents of floats stay small
  const uint16_t half = float_to_half(0.01f);
  for (size_t at = 0; at < bytes.size() && t.block_elements > 1; at += static_cast<size_t>(t.block_bytes)) {
    std::memcpy(bytes.data() + at + (type == DType::kQ6_K ? 208 : 0), &half, 2);
  }
  return bytes;
}

Stream make_stream(const Options& options, DType type, int64_t cols, int64_t rows, std::byte* memory) {
  Stream s;
  const std::vector<std::byte> blocks = random_blocks(type, rows, cols);
  const Tensor source{type, 1, rows, cols, blocks};
  PackedMatrix m = *plan_matrix(type, rows, cols, options.isa);
  s.matrix_bytes = static_cast<size_t>(m.panels()) * m.panel_bytes;
  const size_t copies = options.cached ? 1 : kStreamBytes / s.matrix_bytes + 1;
  s.pack_seconds = 1e9;
  for (size_t i = 0; i < copies; ++i) {
    std::byte* to = memory + i * s.matrix_bytes;
    s.pack_seconds = std::min(s.pack_seconds, seconds([&] { matmul_kernels(options.isa).pack(source, {}, m, 0, m.panels(), to); }));
    m.data = to;
    s.matrices.push_back(m);
  }
  return s;
}

constexpr int64_t kPanelGrain = 4;

// Seconds per matrix, best of the repetitions; the members take panels as in the engine.
double time_matmul(const Options& options, Team& team, const Stream& s, const Activations& x, int64_t rows, std::vector<float>& out) {
  const PackedMatrix& first = s.matrices.front();
  const size_t per_matrix = static_cast<size_t>(rows) * static_cast<size_t>(first.rows) * static_cast<size_t>(first.cols);
  const size_t use = std::clamp<size_t>(40'000'000'000 / per_matrix, 2, options.cached ? 50 : s.matrices.size());
  std::vector<WorkCounter> counters(use);
  double best = 1e9;
  for (int rep = 0; rep < options.reps; ++rep) {
    for (WorkCounter& c : counters) c.reset();
    best = std::min(
        best, seconds([&] {
          team.run([&](int) {
            for (size_t i = 0; i < use; ++i) {
              const PackedMatrix& m = s.matrices[i % s.matrices.size()];
              for (int64_t p = counters[i].take(kPanelGrain); p < m.panels(); p = counters[i].take(kPanelGrain)) {
                matmul_kernels(options.isa).matmul(x, rows, m, p, std::min(p + kPanelGrain, m.panels()), nullptr, out.data(), m.rows);
              }
            }
          });
        }));
  }
  return best / static_cast<double>(use);
}

double time_read(const Options& options, Team& team, const Stream& s) {
  double best = 1e9;
  std::vector<uint64_t> sums(static_cast<size_t>(team.size()) * 8);
  const size_t share = s.matrix_bytes / static_cast<size_t>(team.size()) / 128 * 128;
  for (int rep = 0; rep < options.reps; ++rep) {
    best = std::min(best, seconds([&] {
                      team.run([&](int member) {
                        const auto i = static_cast<size_t>(member);
                        for (const PackedMatrix& m : s.matrices) sums[i * 8] ^= read_all(m.data + i * share, share);
                      });
                    }));
  }
  return best / static_cast<double>(s.matrices.size());
}

void bench_shape(const Options& options, DType type, int64_t cols, int64_t rows, std::byte* memory) {
  if (cols % traits(type).block_elements != 0) return;
  const Stream s = make_stream(options, type, cols, rows, memory);
  const double gigabytes = static_cast<double>(s.matrix_bytes) / 1e9;
  std::printf("%s K=%lld N=%lld: packed at %.1f GB/s on one thread\n", std::string(traits(type).name).c_str(), static_cast<long long>(cols),
              static_cast<long long>(rows), gigabytes / s.pack_seconds);
  std::vector<float> x(static_cast<size_t>(512 * cols));
  std::mt19937 random(2);
  for (float& v : x) v = std::normal_distribution<float>()(random);
  const ActKind kind = s.matrices.front().act;
  std::byte* act_memory = memory + kStreamBytes + (size_t{64} << 20);
  const Activations act = bind_activations(kind, 512, cols, act_memory);
  const double prepare = seconds([&] { matmul_kernels(options.isa).prepare(x.data(), cols, 0, 512, act); });
  std::printf("  prepare: %.2f ns per group of 32\n", prepare * 1e9 / (512.0 * static_cast<double>(cols) / 32));
  std::vector<float> out(static_cast<size_t>(512 * rows));
  for (const std::string& count : options.threads) {
    Team team(std::stoi(count));
    const double read = gigabytes / time_read(options, team, s);
    std::printf("  %d threads, read %.1f GB/s:", team.size(), read);
    for (const std::string& m : options.rows) {
      const int64_t batch = std::min(512, std::stoi(m));
      const double time = time_matmul(options, team, s, act, batch, out);
      const double ops = 2.0 * static_cast<double>(batch) * static_cast<double>(cols) * static_cast<double>(rows);
      std::printf("  M=%d %.0f GOPS", static_cast<int>(batch), ops / time / 1e9);
      if (batch <= 2) std::printf(" (%.1f GB/s)", gigabytes / time);
    }
    std::printf("\n");
    std::fflush(stdout);
  }
}

std::vector<std::string> split(const std::string& list, char by) {
  std::vector<std::string> items;
  std::stringstream in(list);
  for (std::string item; std::getline(in, item, by);) items.push_back(item);
  return items;
}

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--cached") {
      o.cached = true;
      continue;
    }
    ++i;
    if (name == "--types") o.types = split(value, ',');
    if (name == "--shapes") o.shapes = split(value, ',');
    if (name == "--rows") o.rows = split(value, ',');
    if (name == "--threads") o.threads = split(value, ',');
    if (name == "--reps") o.reps = std::stoi(value);
    if (name == "--isa") o.isa = limit_isa(best_isa(), value);
  }
  return o;
}

int run(int argc, char** argv) {
  const Options options = parse(argc, argv);
  std::printf("kernels: %s\n", std::string(isa_name(options.isa)).c_str());
  for (const std::string& count : options.threads) {
    Team team(std::stoi(count));
    std::printf("INT8 peak, %d threads: %.0f GOPS\n", team.size(), int8_peak_gops(team));
  }
  // Room for the stream with the largest matrix as overshoot, and for 512 rows of activations.
  std::byte* memory = map_memory(kStreamBytes + (size_t{128} << 20));
  for (const std::string& name : options.types) {
    for (int i = 0; i < kDTypeCount; ++i) {
      if (traits(static_cast<DType>(i)).name != name) continue;
      for (const std::string& shape : options.shapes) {
        const auto sizes = split(shape, 'x');
        bench_shape(options, static_cast<DType>(i), std::stoll(sizes.at(0)), std::stoll(sizes.at(1)), memory);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace ondol

int main(int argc, char** argv) { return ondol::run(argc, argv); }
