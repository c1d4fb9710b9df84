#include "app/cmd_doctor.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <utility>

#include "app/json_output.h"
#include "app/options.h"

namespace ondol {

void bind_doctor(CLI::App& command, DoctorOptions& options) {
  command.add_option("--model", options.model, "Model to fit in; without it the one that `ondol up` would take");
  command.add_option("--host", options.host, "Address to try")->capture_default_str();
  add_int_option(command, "--port", options.port, kPortRange, "Port to try");
  command.add_flag("--json", options.json, "Machine-readable output");
  command.footer(
      "Exits with 1 if something is bad; warnings are not.\n"
      "Examples:\n"
      "  ondol doctor\n"
      "  ondol doctor --model ./model.gguf --port 9000\n"
      "  ondol doctor --json | jq '.findings[] | select(.health != \"ok\")'");
}

Status report(const std::vector<Finding>& findings, bool json) {
  const bool ok = std::ranges::none_of(findings, [](const Finding& finding) { return finding.health == Health::kBad; });
  if (json) {
    boost::json::array list;
    for (const Finding& finding : findings) {
      const std::string_view health = health_name(finding.health);
      list.push_back(boost::json::object{{"check", finding.check},
                                         {"health", boost::json::string_view(health.data(), health.size())},
                                         {"what", finding.what},
                                         {"fix", finding.fix}});
    }
    print_json(boost::json::object{{"ok", ok}, {"findings", std::move(list)}});
  } else {
    for (const Finding& finding : findings) {
      fmt::print("{:<8} {:<11} {}\n", health_name(finding.health), finding.check, finding.what);
      if (!finding.fix.empty()) fmt::print("{:<21}-> {}\n", "", finding.fix);
    }
  }
  if (ok) return {};
  return fail(Code::kFailedPrecondition, "this machine is not ready: see the findings marked bad");
}

Status run_doctor(const DoctorOptions& options) {
  ONDOL_TRY(const std::vector<Finding> findings, examine(options.model, options.host, options.port));
  return report(findings, options.json);
}

void add_doctor(CLI::App& root, Action& action) {
  CLI::App* command = root.add_subcommand("doctor", "Say what this machine can run, and how to fix what it cannot");
  const auto options = std::make_shared<DoctorOptions>();
  bind_doctor(*command, *options);
  command->callback([options, &action] { action = [options] { return run_doctor(*options); }; });
}

}  // namespace ondol
