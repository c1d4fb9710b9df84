#include "device/rngd_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "device/rngd_files.h"
#include "device/sys_file.h"

namespace ondol {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMarker = ".ondol-rngd-tree";
constexpr std::string_view kScratch = ".scratch";  // where files are written before they are moved into place
constexpr int kCardsPerDomain = 8;

std::string system_error(const std::string& doing, const std::string& path, int error) {
  return "cannot " + doing + " " + quoted(path, 200) + ": " + std::strerror(error);
}

int bus_of(int card) { return 0x3b + card % kCardsPerDomain * 16; }

// A tree of ours may be replaced; a folder of anybody else's may not.
Status make_room(const std::string& dir) {
  std::error_code error;
  if (fs::exists(dir + "/" + std::string(kMarker), error)) {
    for (const std::string_view part : {"sys", "dev", ".scratch"}) fs::remove_all(dir + "/" + std::string(part), error);
  } else if (fs::exists(dir, error) && !fs::is_empty(dir, error)) {
    return fail(Code::kAlreadyExists, quoted(dir, 200) + " has other things in it; name an empty or a new folder");
  }
  fs::create_directories(dir, error);
  if (error) return fail(Code::kUnavailable, system_error("make the folder", dir, error.value()));
  return {};
}

Status write_file(const std::string& path, std::string_view content) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return fail(Code::kUnavailable, system_error("write", path, errno));
  const ssize_t written = ::write(fd, content.data(), content.size());
  const int error = errno;
  ::close(fd);
  if (written != static_cast<ssize_t>(content.size())) {
    return fail(Code::kUnavailable, system_error("write", path, written < 0 ? error : ENOSPC));
  }
  return {};
}

// True if the file has that length and got the content; one write, so that no reader sees a file that is cut or too long.
bool overwrite(const std::string& path, std::string_view content) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return false;
  struct stat now{};
  const bool fits = ::fstat(fd, &now) == 0 && S_ISREG(now.st_mode) && now.st_size == static_cast<off_t>(content.size());
  const bool done = fits && ::pwrite(fd, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size());
  ::close(fd);
  return done;
}

}  // namespace

RngdTree::RngdTree(std::string path, int cards)
    : path_(std::move(path)), present_(static_cast<size_t>(cards), false), written_(static_cast<size_t>(cards)) {}

std::string RngdTree::uuid(int card) { return fmt::format("7477696E-6F6E-4F4C-8000-{:012X}", card); }
std::string RngdTree::serial(int card) { return fmt::format("TWIN{:06d}", card); }
std::string RngdTree::bdf(int card) { return fmt::format("{:04x}:{:02x}:00.0", card / kCardsPerDomain, bus_of(card)); }

std::string RngdTree::device_folder(int card) const {
  const int domain = card / kCardsPerDomain, root = bus_of(card) - 1;
  return fmt::format("{}/sys/devices/pci{:04x}:{:02x}/{:04x}:{:02x}:01.0/{}", path_, domain, root, domain, root, bdf(card));
}
std::string RngdTree::management_folder(int card) const { return fmt::format("{}/rngd_mgmt/rngd!npu{}mgmt", device_folder(card), card); }
std::string RngdTree::pe_folder(int card, int pe) const {
  return fmt::format("{}/rngd_mgmt/rngd!npu{}pe{}", device_folder(card), card, pe);
}

Result<RngdTree> RngdTree::create(const std::string& dir, int cards) {
  if (cards < 1 || cards > kMaxCards)
    return fail(Code::kInvalidArgument, fmt::format("a tree has 1 to {} cards, not {}", kMaxCards, cards));
  if (dir.empty() || fs::path(dir).lexically_normal() == "/") return fail(Code::kInvalidArgument, "a tree needs a folder of its own");
  ONDOL_TRY_STATUS(make_room(dir));
  RngdTree tree(dir, cards);
  ONDOL_TRY_STATUS(write_file(dir + "/" + std::string(kMarker), "A fabricated device tree; the next one replaces it.\n"));
  ONDOL_TRY_STATUS(tree.create_host());
  for (int card = 0; card < cards; ++card) ONDOL_TRY_STATUS(tree.create_card(card));
  return tree;
}

Status RngdTree::check(int card) const {
  if (card < 0 || card >= cards()) return fail(Code::kNotFound, fmt::format("the tree has no card {}; it has {}", card, cards()));
  if (!present_[static_cast<size_t>(card)]) return fail(Code::kNotFound, fmt::format("card {} was removed", card));
  return {};
}

Status RngdTree::folder(const std::string& path) const {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return fail(Code::kUnavailable, system_error("make the folder", path, error.value()));
  return {};
}

Status RngdTree::link(const std::string& target, const std::string& path) const {
  if (::symlink(target.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    return fail(Code::kUnavailable, system_error("link", path, errno));
  }
  return {};
}

// What has kept its length is written where it is, which costs a fraction of a new file; all else beside the tree and moved into place.
Status RngdTree::put(int card, const std::string& file, std::string_view content) {
  auto& written = written_[static_cast<size_t>(card)];
  const auto known = written.find(file);
  if (known != written.end() && known->second == content) return {};
  if (known != written.end() && known->second.size() == content.size() && overwrite(file, content)) {
    known->second = content;
    return {};
  }
  const std::string scratch = path_ + "/" + std::string(kScratch) + "/file";
  ONDOL_TRY_STATUS(write_file(scratch, content));
  if (::rename(scratch.c_str(), file.c_str()) != 0) return fail(Code::kUnavailable, system_error("replace", file, errno));
  written[file] = content;
  return {};
}

Status RngdTree::update(int card, const RngdState& state) {
  ONDOL_TRY_STATUS(check(card));
  const std::string management = management_folder(card);
  const std::string sensors = fmt::format("{}/hwmon/hwmon{}/", device_folder(card), card);
  const auto whole = [](double value, double unit) { return fmt::format("{}\n", std::llround(value * unit)); };
  ONDOL_TRY_STATUS(put(card, sensors + "power1_average", whole(state.power_w, 1e6)));
  ONDOL_TRY_STATUS(put(card, sensors + "power1_input", whole(state.power_w, 1e6)));
  ONDOL_TRY_STATUS(put(card, sensors + "power1_max", whole(state.power_limit_w, 1e6)));
  ONDOL_TRY_STATUS(put(card, sensors + "temp1_input", whole(state.ambient_c, 1e3)));
  ONDOL_TRY_STATUS(put(card, sensors + "temp2_input", whole(state.peak_c, 1e3)));
  ONDOL_TRY_STATUS(put(card, management + "/throttle_reason", fmt::format("0x{:x}\n", state.throttle_bits)));
  ONDOL_TRY_STATUS(put(card, management + "/npu_governor", state.governor + "\n"));
  ONDOL_TRY_STATUS(put(card, management + "/alive", state.alive ? "1\n" : "0\n"));
  // Which value means alive is in doubt (rngd_reader_card.cc); the maker's libraries want 0.
  ONDOL_TRY_STATUS(put(card, management + "/device_state", state.alive ? "0\n" : "2\n"));
  ONDOL_TRY_STATUS(put(card, management + "/heartbeat", fmt::format("{}\n", state.heartbeat)));
  std::string clocks, occupied;
  for (int pe = 0; pe < kPes; ++pe) {
    const RngdPeState& at = state.pes[static_cast<size_t>(pe)];
    clocks += whole(state.clock_mhz, 1e6);
    occupied += at.occupied ? "1\n" : "0\n";
    ONDOL_TRY_STATUS(put(card, pe_folder(card, pe) + "/alloc_status",
                         fmt::format("dram_capacity: 0x{:x}\ndram_usage: 0x{:x}\nshared_capacity: 0x0\nshared_usage: 0x0\n", kPeMemoryBytes,
                                     std::min(at.memory_used_bytes, kPeMemoryBytes))));
    ONDOL_TRY_STATUS(put(card, pe_folder(card, pe) + "/metrics",
                         fmt::format("CycleCount: 0x{:x}\nTaskCycleCount: 0x{:x}\n", at.cycles, at.task_cycles)));
  }
  ONDOL_TRY_STATUS(put(card, management + "/npu_clocks", clocks));
  return put(card, management + "/pe_occupancy", occupied);
}

Status RngdTree::remove(int card) {
  ONDOL_TRY_STATUS(check(card));
  std::error_code ignored;
  const std::string links = path_ + "/sys/class/rngd_mgmt/rngd!npu" + std::to_string(card);
  fs::remove(links + "mgmt", ignored);
  for (int pe = 0; pe < kPes; ++pe) fs::remove(links + "pe" + std::to_string(pe), ignored);
  fs::remove(path_ + "/sys/bus/pci/devices/" + bdf(card), ignored);
  for (const FolderEntry& entry : list_folder(path_ + "/dev/rngd", kMaxCards * 64)) {
    const auto node = parse_rngd_node_name(entry.name);
    if (node && node->card == card) fs::remove(path_ + "/dev/rngd/" + entry.name, ignored);
  }
  fs::remove_all(fmt::format("{}/sys/kernel/debug/rngd/mgmt{}", path_, card), ignored);
  fs::remove_all(device_folder(card), ignored);
  written_[static_cast<size_t>(card)].clear();
  present_[static_cast<size_t>(card)] = false;
  return {};
}

Status RngdTree::restore(int card) {
  if (check(card)) return {};
  if (card < 0 || card >= cards()) return check(card);
  return create_card(card);
}

Status RngdTree::garble(int card) {
  ONDOL_TRY_STATUS(check(card));
  const std::string management = management_folder(card);
  const std::string sensors = fmt::format("{}/hwmon/hwmon{}/", device_folder(card), card);
  ONDOL_TRY_STATUS(put(card, sensors + "power1_average", "99999999999999999999999\n"));
  ONDOL_TRY_STATUS(put(card, sensors + "temp2_input", std::string_view("\0\xff\x80", 3)));
  ONDOL_TRY_STATUS(put(card, management + "/npu_clocks", std::string(5000, '7')));
  ONDOL_TRY_STATUS(put(card, management + "/pe_occupancy", ""));
  ONDOL_TRY_STATUS(put(card, management + "/throttle_reason", "0xZZ\n"));
  for (int pe = 0; pe < kPes; ++pe) {
    ONDOL_TRY_STATUS(put(card, pe_folder(card, pe) + "/alloc_status", "dram_capacity: 0x10\ndram_usage: 0x20\n"));
    ONDOL_TRY_STATUS(put(card, pe_folder(card, pe) + "/metrics", "\xde\xad\xbe\xef"));
  }
  return {};
}

Result<RngdControls> RngdTree::controls(int card) const {
  ONDOL_TRY_STATUS(check(card));
  RngdControls controls;
  const auto limit = read_sys_file(fmt::format("{}/sys/kernel/debug/rngd/mgmt{}/power_limit_mw", path_, card));
  if (limit) {
    const auto milliwatts = parse_rngd_number(*limit, 0, 2'000'000);
    if (milliwatts) controls.power_limit_w = static_cast<double>(*milliwatts) / 1e3;
  }
  const auto governor = read_sys_file(management_folder(card) + "/npu_governor");
  if (governor && !governor->empty()) controls.governor = *governor;
  return controls;
}

}  // namespace ondol
