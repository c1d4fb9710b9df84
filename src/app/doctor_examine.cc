#include <sched.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>

#include "app/doctor.h"
#include "app/paths.h"

namespace ondol {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

int usable_cpus() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

Result<Finding> examine_model(const std::string& wanted, const MachineMemory& memory, const ModelDirs& dirs) {
  const CatalogModel* known = wanted.empty() ? &default_model(memory.available_bytes) : find_model(wanted);
  if (known != nullptr && find_local(*known, dirs).empty()) {
    const bool fits = fits_by_size(*known, memory.available_bytes);
    return Finding{
        "model", fits ? Health::kWarning : Health::kBad,
        std::string(known->name) + " is not on this machine; by its size it " + (fits ? "fits in memory" : "does not fit in memory"),
        fits ? "Fetch it: ondol model get " + std::string(known->name) : "Take a smaller model (ondol model list)."};
  }
  ONDOL_TRY(const ResolvedModel resolved, resolve_model(known != nullptr ? known->name : std::string_view(wanted), dirs));
  ONDOL_TRY(const std::unique_ptr<Model> model, Model::open(resolved.path));
  return check_fit(resolved.name, memory_need(model->spec(), model->file_bytes(), KvType::kF16), memory);
}

}  // namespace

Result<std::vector<Finding>> examine(const std::string& model, const std::string& host, int port) {
  ONDOL_TRY(const MachineMemory memory, machine_memory());
  const ModelDirs dirs = model_dirs();
  std::vector<Finding> findings = {
      check_cpu(text_of("/proc/cpuinfo"), best_isa()),
      check_cores(usable_cpus(), text_of("/sys/fs/cgroup/cpu.max")),
      check_huge_pages(text_of("/sys/kernel/mm/transparent_hugepage/enabled")),
      check_memory(memory),
      check_clock(text_of("/sys/devices/system/clocksource/clocksource0/current_clocksource")),
      check_port(host, port),
      check_disk(dirs.download),
  };
  ONDOL_TRY(Finding fit, examine_model(model, memory, dirs));
  findings.push_back(std::move(fit));
  return findings;
}

}  // namespace ondol
