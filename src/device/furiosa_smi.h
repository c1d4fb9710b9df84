// FuriosaAI's own management library, opened at run time where it is installed. Nothing depends on it: it fills what sysfs does not say.
//
// Owner: the RNGD reader. One thread. The library's headers of 2025.3 and 2026.1 differ; bound are only functions whose arguments are the
// same in both, each only if it is there, and every answer is written into a buffer much larger than any of the library's structures, so
// that a newer library with longer ones cannot write past it. Every return code but 0 is a failure: the codes' numbers differ as well.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace ondol {

// Functions of the C library, null where it does not have them. `handle` is a device handle; `out` a structure of the library.
struct FuriosaSmiFunctions {
  using Call = int (*)();
  using Get = int (*)(void* out);
  using Ask = int (*)(uint32_t handle, void* out);
  Call init = nullptr;
  Get handles = nullptr;
  Ask info = nullptr, liveness = nullptr, power = nullptr, temperature = nullptr, governor = nullptr, throttle = nullptr;
};

struct FuriosaSmiDevice {
  std::string uuid, serial, bdf;
  std::optional<bool> alive;
  std::optional<double> power_w, peak_c, ambient_c;
  std::optional<std::string> governor;
  std::optional<uint32_t> throttle_bits;
};

class FuriosaSmi {
 public:
  static constexpr const char* kLibrary = "libfuriosa_smi.so";

  // kNotFound: not installed; kUnimplemented: it lacks functions that are needed; kUnavailable: its init failed.
  static Result<FuriosaSmi> open(const char* library = kLibrary);
  // Over functions that are there already, for tests.
  static Result<FuriosaSmi> start(const FuriosaSmiFunctions& functions);

  // The devices that it sees, without those that it cannot tell about.
  std::vector<FuriosaSmiDevice> read() const;

 private:
  explicit FuriosaSmi(const FuriosaSmiFunctions& functions) : functions_(functions) {}
  FuriosaSmiFunctions functions_;
};

}  // namespace ondol
