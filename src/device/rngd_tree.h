// A fabricated /sys and /dev tree of RNGD cards under a folder: what the driver would show, written by us. For tests, and for the twin,
// whose cards are read through the same doors as real ones. FuriosaAI's own SMI libraries accept it (tests/oracle).
//
// Owner: whoever makes it; one thread writes, any process reads. A file is replaced as a whole (rename) or, if its length stays, by one
// write: a reader never sees one that is cut. Bounded: kMaxCards. The tree stays when the object goes; `create` replaces a tree that it
// made earlier and touches nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

struct RngdPeState {
  bool occupied = false;
  uint64_t cycles = 0, task_cycles = 0;  // counters since the card started
  uint64_t memory_used_bytes = 0;        // at most RngdTree::kPeMemoryBytes
};

// What a card shows; the defaults are an idle card as FuriosaAI's documentation prints it.
struct RngdState {
  double power_w = 38.4, power_limit_w = 180;
  double peak_c = 40.98, ambient_c = 31;
  uint32_t throttle_bits = 0;  // rngd_files.h, the newer table
  std::string governor = "performance";
  double clock_mhz = 2000;
  bool alive = true;
  uint64_t heartbeat = 0;
  std::array<RngdPeState, 8> pes{};
};

// What somebody asked of the card by writing to its files (`ondol device set`).
struct RngdControls {
  std::optional<double> power_limit_w;
  std::optional<std::string> governor;
};

class RngdTree {
 public:
  static constexpr int kMaxCards = 64;
  static constexpr int kPes = 8;
  static constexpr uint64_t kPeMemoryBytes = 0x17C000000;  // 47.5 GiB over eight PEs

  // `dir`: does not exist, is empty, or holds an earlier tree of this class. As root the device nodes are character nodes of a major
  // number that no driver of this machine has; else plain files. kInvalidArgument, kAlreadyExists, kUnavailable (the file system).
  static Result<RngdTree> create(const std::string& dir, int cards);

  // Shows `state`; only files whose content changes are written. kNotFound: no such card, or removed.
  Status update(int card, const RngdState& state);
  // The card falls off the bus: all its entries and nodes go.
  Status remove(int card);
  // Puts a removed card back, idle.
  Status restore(int card);
  // Its telemetry becomes bytes of no meaning (its identity stays), until the next update.
  Status garble(int card);
  Result<RngdControls> controls(int card) const;

  const std::string& path() const { return path_; }  // the sysroot
  int cards() const { return static_cast<int>(present_.size()); }
  bool has_device_nodes() const { return major_ > 0; }

  // Who the card is, in every tree: "7477696E-6F6E-4F4C-8000-00000000000N" (the first four bytes read "twin"), "TWIN00000N".
  static std::string uuid(int card);
  static std::string serial(int card);
  static std::string bdf(int card);

 private:
  RngdTree(std::string path, int cards);
  Status check(int card) const;
  Status create_host();
  Status create_card(int card);
  Status create_pci(int card);
  Status create_management(int card);
  Status create_nodes(int card);
  Status put(int card, const std::string& file, std::string_view content);
  Status folder(const std::string& path) const;
  Status link(const std::string& target, const std::string& path) const;
  std::string device_folder(int card) const;
  std::string management_folder(int card) const;
  std::string pe_folder(int card, int pe) const;

  std::string path_;
  unsigned major_ = 0;  // of the character nodes; 0: plain files
  std::vector<bool> present_;
  std::vector<std::map<std::string, std::string, std::less<>>> written_;  // by card: file, content
};

}  // namespace ondol
