// `ondol twin`: devices and engines that behave as real ones, from a floor file.
#pragma once

#include <string>

#include "app/cli.h"
#include "twin/twin_floor.h"

namespace ondol {

struct TwinCommand {
  std::string floor;
  std::string host = "127.0.0.1";
  std::string tree;
  int port_base = -1;  // -1 = 8100
  double speed = 0;    // 0 = the file's
  bool json = false;
};

// What listens where, for people, on stdout.
void print_floor(const TwinFloor& floor);

void bind_twin(CLI::App& command, TwinCommand& options);
Status run_twin(const TwinCommand& options);
void add_twin(CLI::App& root, Action& action);

}  // namespace ondol
