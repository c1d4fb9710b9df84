// `ondol doctor`: says what this machine can run, and how to fix what it cannot.
#pragma once

#include <string>
#include <vector>

#include "app/cli.h"
#include "app/doctor.h"

namespace ondol {

struct DoctorOptions {
  std::string model;
  std::string host = "127.0.0.1";
  int port = 8080;
  bool json = false;
};

void bind_doctor(CLI::App& command, DoctorOptions& options);
// kFailedPrecondition if a finding is bad; warnings are not.
Status report(const std::vector<Finding>& findings, bool json);
Status run_doctor(const DoctorOptions& options);
void add_doctor(CLI::App& root, Action& action);

}  // namespace ondol
