#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "app/cmd_device.h"
#include "app/device_table.h"
#include "app/json_output.h"
#include "app/options.h"
#include "app/signals.h"
#include "base/clock.h"
#include "device/device_floor.h"
#include "device/device_json.h"

namespace ondol {
namespace {

// Keys arrive one by one and are not shown, until it goes.
class KeyMode {
 public:
  KeyMode() : active_(::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!active_) return;
    termios keys = before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &keys);
  }
  ~KeyMode() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  KeyMode(const KeyMode&) = delete;
  KeyMode& operator=(const KeyMode&) = delete;
  bool active() const { return active_; }

 private:
  termios before_{};
  bool active_;
};

// Waits; false once it is to end: Ctrl-C, or q where keys are read.
bool wait(double seconds, const InterruptFlag& interrupt, bool keys) {
  const SteadyClock clock;
  const int64_t end_us = clock.now_us() + static_cast<int64_t>(seconds * 1e6);
  while (!interrupt.raised()) {
    const int64_t left_us = end_us - clock.now_us();
    if (left_us <= 0) return true;
    pollfd input{keys ? STDIN_FILENO : -1, POLLIN, 0};
    if (::poll(&input, 1, static_cast<int>((left_us + 999) / 1000)) <= 0 || input.revents == 0) continue;
    char key = 'q';  // the end of the input ends it as well
    if (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q') return false;
  }
  return false;
}

std::string now_text() {
  const auto now = std::chrono::system_clock::now();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)), ms % 1000);
}

// What is left when everything that counts up by itself is taken away.
std::string without_counters(DeviceSnapshot device) {
  device.energy_j.reset();
  device.details.erase("heartbeat");
  for (DeviceCore& core : device.cores) {
    core.cycles.reset();
    core.task_cycles.reset();
  }
  return boost::json::serialize(device_json(device));
}

void add_watch_options(CLI::App& command, DeviceWatchOptions& options) {
  bind_device_reader(command, options.reader);
  command.add_option("--interval", options.interval_s, "Seconds between two readings")
      ->check(CLI::Range(0.05, 86'400.0))
      ->capture_default_str();
}

}  // namespace

Status run_device_top(const DeviceWatchOptions& options) {
  ONDOL_TRY_STATUS(check_sysroot(options.reader));
  DeviceFloor floor(options.reader);
  const InterruptFlag interrupt;
  const KeyMode keys;
  const bool once = options.once || options.json || ::isatty(STDOUT_FILENO) != 1;
  (void)floor.read();  // utilisation is between two readings
  while (wait(options.interval_s, interrupt, keys.active() && !once)) {
    const std::vector<DeviceSnapshot> devices = floor.read();
    if (options.json) {
      boost::json::array list;
      for (const DeviceSnapshot& device : devices) list.push_back(device_json(device));
      print_json(boost::json::object{{"time", now_text()}, {"devices", std::move(list)}});
      return {};
    }
    // Home and clear, as terminals have understood since the VT100.
    if (!once) fmt::print("\x1b[H\x1b[2J{}   every {} s, q ends\n\n", now_text(), options.interval_s);
    fmt::print("{}", device_top_table(devices));
    std::fflush(stdout);
    if (once) return {};
  }
  return {};
}

Status run_device_watch(const DeviceWatchOptions& options) {
  ONDOL_TRY_STATUS(check_sysroot(options.reader));
  DeviceFloor floor(options.reader);
  const InterruptFlag interrupt;
  std::map<std::string, std::string> last;
  for (int reading = 1;; ++reading) {
    std::map<std::string, std::string> now;
    for (const DeviceSnapshot& device : floor.read()) {
      if (options.changes) {
        std::string state = without_counters(device);
        const auto before = last.find(device.id);
        const bool same = before != last.end() && before->second == state;
        now[device.id] = std::move(state);
        if (same) continue;
      }
      boost::json::object line{{"time", now_text()}};
      for (const auto& member : device_json(device)) line.insert(member);
      fmt::print("{}\n", boost::json::serialize(line));
    }
    if (std::fflush(stdout) != 0) return {};  // the reader of the pipe has gone
    last = std::move(now);
    if (reading == options.count || !wait(options.interval_s, interrupt, false)) return {};
  }
}

void add_device_top(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("top", "Show how the devices do, again and again, until q or Ctrl-C");
  const auto options = std::make_shared<DeviceWatchOptions>();
  add_watch_options(*command, *options);
  command->add_flag("--once", options->once, "One table after one interval; so it is also when the output is no terminal");
  command->add_flag("--json", options->json, "One reading as JSON, after one interval");
  command->footer("Examples:\n  ondol device top\n  ondol device top --once --interval 5");
  command->callback([options, &action] { action = [options] { return run_device_top(*options); }; });
}

void add_device_watch(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("watch", "Write a line of JSON for each device, every interval");
  const auto options = std::make_shared<DeviceWatchOptions>();
  add_watch_options(*command, *options);
  add_int_option(*command, "--count", options->count, {0, 1 << 30}, "Readings; 0 goes on until Ctrl-C");
  command->add_flag("--changes", options->changes, "Only devices of which something changed, counters aside");
  command->footer(
      "Examples:\n"
      "  ondol device watch --interval 0.5 > power.jsonl\n"
      "  ondol device watch --changes | jq --unbuffered -r 'select(.healthy | not) | .time + \" \" + .name + \" \" + .unhealthy'");
  command->callback([options, &action] { action = [options] { return run_device_watch(*options); }; });
}

}  // namespace ondol
