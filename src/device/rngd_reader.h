// The RNGD reader with its clock, for tests; programs take make_rngd_reader of device.h.
//
// Owner and threads: as any DeviceReader. A poll reads about 35 small files a card; folders are walked again only when their entries
// changed or a card failed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "device/device.h"
#include "device/furiosa_smi.h"
#include "device/rngd_reader_card.h"

namespace ondol {

class RngdReader final : public DeviceReader {
 public:
  // A heartbeat that was seen moving and has then stood still this long means that the card hangs.
  static constexpr int64_t kHeartbeatLimitUs = 30'000'000;

  // The clock outlives it.
  RngdReader(const DeviceReaderOptions& options, const Clock& clock);

  std::vector<DeviceSnapshot> read() override;
  std::string source() const override;

 private:
  // What is kept of a device until the next reading, by its id.
  struct Seen {
    DeviceSnapshot identity;  // without its readings
    std::map<int, RngdCounters> counters;
    std::optional<int64_t> heartbeat;
    bool heartbeat_moves = false;
    int64_t heartbeat_us = 0;  // when it moved last
  };
  using SeenById = std::unordered_map<std::string, Seen>;

  bool scan_if_needed();  // whether it scanned
  void identify(std::vector<RngdReading>& readings) const;
  void ask_library(std::vector<RngdReading>& readings, bool scanned) const;
  Seen compare(RngdReading& reading) const;
  void check_heartbeat(RngdReading& reading, const Seen* before, Seen& now) const;
  void add_vanished(const SeenById& now, std::vector<DeviceSnapshot>& devices) const;

  const std::string sysroot_;  // "" for the machine itself
  const Clock& clock_;
  std::optional<FuriosaSmi> library_;
  std::string library_state_;
  std::vector<RngdCard> cards_;
  std::optional<uint64_t> fingerprint_;  // empty: scan before the next reading
  SeenById seen_;
};

}  // namespace ondol
