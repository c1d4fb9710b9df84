#include "device/furiosa_smi.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "device/device.h"
#include "device/rngd_files.h"

namespace ondol {
namespace {

// Sizes and offsets of FuriosaAI's furiosa_smi.h (2025.3 and 2026.1).
constexpr size_t kText = 96;             // FURIOSA_SMI_MAX_CSTR_SIZE
constexpr size_t kInfoHead = 4 * 4;      // index, architecture, number of cores, NUMA node
constexpr uint32_t kMaxSmiHandles = 64;  // FURIOSA_SMI_MAX_DEVICE_HANDLE_SIZE

// Room for an answer.
struct Answer {
  alignas(16) std::array<std::byte, 65536> bytes;

  Answer() { bytes.fill(std::byte{0}); }
  template <class T>
  T at(size_t offset) const {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  }
  std::string text(size_t offset) const {
    const char* begin = reinterpret_cast<const char*>(bytes.data()) + offset;
    return parse_rngd_text(std::string_view(begin, ::strnlen(begin, kText))).value_or("");
  }
};

// The answer, or nothing if the function is not there or failed.
std::unique_ptr<Answer> ask(FuriosaSmiFunctions::Ask function, uint32_t handle) {
  if (function == nullptr) return nullptr;
  auto answer = std::make_unique<Answer>();
  if (function(handle, answer->bytes.data()) != 0) return nullptr;
  return answer;
}

std::optional<double> within(double value, double min, double max) {
  return std::isfinite(value) && value >= min && value <= max ? std::optional(value) : std::nullopt;
}

std::optional<FuriosaSmiDevice> read_device(const FuriosaSmiFunctions& functions, uint32_t handle) {
  const auto info = ask(functions.info, handle);
  if (!info) return std::nullopt;
  FuriosaSmiDevice device;
  device.serial = info->text(kInfoHead + kText);
  device.uuid = info->text(kInfoHead + 2 * kText);
  device.bdf = info->text(kInfoHead + 3 * kText);
  // A structure of another form has no PCI address in that place.
  if (!is_pci_address(device.bdf)) return std::nullopt;
  if (const auto answer = ask(functions.liveness, handle)) device.alive = answer->at<uint8_t>(0) != 0;
  if (const auto answer = ask(functions.power, handle)) device.power_w = within(answer->at<double>(0), 0, 2000);
  if (const auto answer = ask(functions.temperature, handle)) {
    device.peak_c = within(answer->at<double>(0), -100, 250);
    device.ambient_c = within(answer->at<double>(sizeof(double)), -100, 250);
  }
  if (const auto answer = ask(functions.governor, handle)) {
    const auto governor = answer->at<uint32_t>(0);
    if (governor <= 1) device.governor = governor == 0 ? "performance" : "powersave";
  }
  if (const auto answer = ask(functions.throttle, handle)) device.throttle_bits = answer->at<uint32_t>(0);
  return device;
}

}  // namespace

Result<FuriosaSmi> FuriosaSmi::open(const char* library) {
  // Never closed again: it may have threads of its own.
  void* handle = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = ::dlerror();
    return fail(Code::kNotFound, std::string(library) + " is not installed: " + quoted(why == nullptr ? "unknown" : why, 200));
  }
  const auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
  };
  FuriosaSmiFunctions functions;
  find("furiosa_smi_init", functions.init);
  find("furiosa_smi_get_device_handles", functions.handles);
  find("furiosa_smi_get_device_info", functions.info);
  find("furiosa_smi_get_device_liveness", functions.liveness);
  find("furiosa_smi_get_device_power_consumption", functions.power);
  find("furiosa_smi_get_device_temperature", functions.temperature);
  find("furiosa_smi_get_governor_profile", functions.governor);
  find("furiosa_smi_get_throttle_reason", functions.throttle);
  return start(functions);
}

Result<FuriosaSmi> FuriosaSmi::start(const FuriosaSmiFunctions& functions) {
  if (functions.init == nullptr || functions.handles == nullptr || functions.info == nullptr) {
    return fail(Code::kUnimplemented, std::string(kLibrary) + " lacks furiosa_smi_init, _get_device_handles or _get_device_info");
  }
  if (const int code = functions.init(); code != 0) {
    return fail(Code::kUnavailable, "furiosa_smi_init failed with code " + std::to_string(code));
  }
  return FuriosaSmi(functions);
}

std::vector<FuriosaSmiDevice> FuriosaSmi::read() const {
  std::vector<FuriosaSmiDevice> devices;
  const auto handles = std::make_unique<Answer>();
  if (functions_.handles(handles->bytes.data()) != 0) return devices;
  const uint32_t count = std::min(handles->at<uint32_t>(0), kMaxSmiHandles);
  for (uint32_t i = 0; i < count; ++i) {
    auto device = read_device(functions_, handles->at<uint32_t>(sizeof(uint32_t) * (1 + i)));
    if (device) devices.push_back(std::move(*device));
  }
  return devices;
}

}  // namespace ondol
