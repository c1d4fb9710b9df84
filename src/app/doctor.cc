#include "app/doctor.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "app/sizes.h"

namespace ondol {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  while (!text.empty() && std::string_view(" \t\r\n").find(text.front()) != std::string_view::npos) text.remove_prefix(1);
  return text;
}

// The value of the first line "key : value".
std::string_view cpuinfo_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && trimmed(line.substr(0, colon)) == key) return trimmed(line.substr(colon + 1));
  }
  return "";
}

bool has_word(std::string_view words, std::string_view word) {
  for (size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    const bool begins = at == 0 || words[at - 1] == ' ';
    const size_t end = at + word.size();
    if (begins && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

}  // namespace

std::string_view health_name(Health health) {
  switch (health) {
    case Health::kOk: return "ok";
    case Health::kWarning: return "warning";
    case Health::kBad: return "bad";
  }
  return "bad";
}

Finding check_cpu(std::string_view cpuinfo, Isa isa) {
  constexpr std::array<std::string_view, 9> kFlags = {"avx2",     "fma",      "f16c",        "avx512f",    "avx512bw",
                                                      "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16"};
  const std::string_view flags = cpuinfo_value(cpuinfo, "flags");
  std::string present;
  for (const std::string_view flag : kFlags) {
    if (has_word(flags, flag)) present += " " + std::string(flag);
  }
  const std::string_view model = cpuinfo_value(cpuinfo, "model name");
  Finding finding{"cpu", Health::kOk,
                  fmt::format("{}: kernels use {}; it has{}", model.empty() ? "unknown CPU" : model, isa_name(isa),
                              present.empty() ? " none of the vector features" : present),
                  ""};
  if (isa == Isa::kScalar) {
    finding.health = Health::kWarning;
    finding.fix =
        "Without AVX2 answers are many times slower: use an x86-64 CPU of 2013 or later, unset ONDOL_ISA, or let the virtual machine see "
        "the host's CPU (cpu host).";
  } else if (isa == Isa::kAvx2 && has_word(flags, "avx512f")) {
    finding.fix = "AVX-512 is there but not used: it lacks one of bw dq vl vnni bf16, or ONDOL_ISA holds it back.";
  }
  return finding;
}

Finding check_cores(int usable_cpus, std::string_view cpu_max) {
  Finding finding{"cores", Health::kOk, fmt::format("{} CPUs may be used", usable_cpus), ""};
  double quota_us = 0, period_us = 0;
  const std::string_view text = trimmed(cpu_max);
  const size_t space = text.find(' ');
  if (space != std::string_view::npos) {
    std::from_chars(text.data(), text.data() + space, quota_us);
    std::from_chars(text.data() + space + 1, text.data() + text.size(), period_us);
  }
  if (quota_us > 0 && period_us > 0 && quota_us / period_us < usable_cpus) {
    const double cpus = quota_us / period_us;
    finding.what += fmt::format(", and the container's limit is {:.2g} of them", cpus);
    finding.health = Health::kWarning;
    finding.fix = fmt::format("Threads beyond the limit are stopped in the middle of a step: run with --threads {}, or raise the limit.",
                              std::max(1, static_cast<int>(std::floor(cpus))));
  } else if (usable_cpus == 1) {
    finding.health = Health::kWarning;
    finding.fix = "One CPU computes and serves at once: give the machine a second one.";
  }
  return finding;
}

Finding check_huge_pages(std::string_view enabled) {
  const std::string text(trimmed(enabled));
  const std::string fix = "Decoding gains up to 30 %: echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled";
  if (text.find("[always]") != std::string::npos || text.find("[madvise]") != std::string::npos) {
    return {"huge pages", Health::kOk, "transparent huge pages: " + text, ""};
  }
  if (text.empty())
    return {"huge pages", Health::kWarning, "this kernel has no transparent huge pages",
            "Use a kernel that has them (CONFIG_TRANSPARENT_HUGEPAGE)."};
  return {"huge pages", Health::kWarning, "transparent huge pages are off: " + text, fix};
}

Finding check_memory(const MachineMemory& memory) {
  constexpr uint64_t kLeast = 512ull << 20;  // the smallest known model with a small KV cache
  Finding finding{"memory", Health::kOk, fmt::format("{} of {} free", format_size(memory.available_bytes), format_size(memory.total_bytes)),
                  ""};
  if (memory.available_bytes < kLeast) {
    finding.health = Health::kBad;
    finding.fix = "End other programs, or raise the container's limit: the smallest known model takes 512 MiB.";
  }
  return finding;
}

Finding check_clock(std::string_view current) {
  const std::string source(trimmed(current));
  if (source.empty()) return {"clock", Health::kOk, "clock source unknown", ""};
  if (source == "tsc" || source == "kvm-clock" || source.starts_with("hyperv") || source == "arch_sys_counter") {
    return {"clock", Health::kOk, "clock source " + source + " is read without a system call", ""};
  }
  return {"clock", Health::kWarning, "clock source " + source + " is slow to read",
          "Times are taken in each step: choose tsc if /sys/devices/system/clocksource/clocksource0/available_clocksource lists it."};
}

Finding check_port(const std::string& host, int port) {
  Finding finding{"port", Health::kOk, fmt::format("port {} on {} is free", port, host), ""};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
    return {"port", Health::kOk, host + " is not an IPv4 address: not tried", ""};
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);  // as the server does: a port in TIME_WAIT is free
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    finding = {"port", Health::kWarning, fmt::format("port {} on {} cannot be used: {}", port, host, std::strerror(errno)),
               "Serve on another one with --port, or end the program that holds it (ss -ltnp shows it)."};
  }
  if (fd >= 0) ::close(fd);
  return finding;
}

Finding check_disk(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path existing = fs::absolute(folder, error);
  while (!existing.empty() && !fs::exists(existing, error) && existing != existing.root_path()) existing = existing.parent_path();
  const fs::space_info space = fs::space(existing, error);
  if (error || ::access(existing.c_str(), W_OK) != 0) {
    return {"disk", Health::kWarning, "models would be kept in " + folder + ", which cannot be written",
            "Name another folder in ONDOL_MODELS."};
  }
  constexpr uint64_t kWanted = 3ull << 30;  // the default model, twice while its parts are joined
  Finding finding{"disk", Health::kOk, fmt::format("{} free for models in {}", format_size(space.available), folder), ""};
  if (space.available < kWanted) {
    finding.health = Health::kWarning;
    finding.fix = "Fetching the default model takes up to 3 GiB: free some, or name another folder in ONDOL_MODELS.";
  }
  return finding;
}

Finding check_fit(const std::string& name, const MemoryNeed& need, const MachineMemory& memory) {
  const int context = need.fitting_context(memory.available_bytes);
  constexpr int kUseful = 2048;  // a question, a page of text and an answer
  const std::string weights = format_size(need.weight_bytes);
  if (context == 0) {
    return {"model", Health::kBad,
            fmt::format("{} does not fit: its weights take {}, free are {}", name, weights, format_size(memory.available_bytes)),
            "Take a smaller model (ondol model list), or free memory."};
  }
  Finding finding{"model", Health::kOk,
                  fmt::format("{} fits: weights {}, {} of KV cache for 1000 tokens, room for {} of its {} tokens of context", name, weights,
                              format_size(need.kv_token_bytes * 1000), context, need.max_context),
                  ""};
  if (context < std::min(kUseful, need.max_context)) {
    finding.health = Health::kWarning;
    finding.fix = "That is a short context: --kv-type q8 doubles it, a smaller model leaves more.";
  }
  return finding;
}

}  // namespace ondol
