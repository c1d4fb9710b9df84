// Makes the fabricated tree that tests/oracle/compare_furiosa_smi.py holds FuriosaAI's library and ours against: ondol_rngd_tree DIR.
#include <cstdio>

#include "device/rngd_tree.h"

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: ondol_rngd_tree DIR\n"), 2;
  auto tree = ondol::RngdTree::create(argv[1], 3);
  if (!tree) return std::fprintf(stderr, "%s\n", tree.error().message.c_str()), 1;
  // The first card is idle. The second works, and every field has a value of its own.
  ondol::RngdState busy;
  busy.power_w = 151.25;
  busy.power_limit_w = 150;
  busy.peak_c = 71.5;
  busy.ambient_c = 33.25;
  busy.throttle_bits = 0x46;
  busy.governor = "powersave";
  busy.clock_mhz = 1750;
  for (size_t i = 0; i < busy.pes.size(); ++i) {
    busy.pes[i] = {i != 5, 1'000'000 * (i + 1), 500'000 * (i + 1), (i + 1) << 28};
  }
  // The third is dead.
  ondol::RngdState dead;
  dead.alive = false;
  for (const ondol::Status& status : {tree->update(1, busy), tree->update(2, dead)}) {
    if (!status) return std::fprintf(stderr, "%s\n", status.error().message.c_str()), 1;
  }
  return 0;
}
