// Runs a vendor's tool without a shell and gives back what it writes to stdout.
//
// Owner: a reader; one thread at a time. Bounded: `limit_ms` of time (then the tool and what it started are killed), kMaxOutput bytes. A
// tool that hangs inside a broken driver cannot even be killed: it is left behind and no other is started until it has gone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace ondol {

class ToolProcess {
 public:
  static constexpr size_t kMaxOutput = 4 << 20;

  ToolProcess(std::string program, int64_t limit_ms) : program_(std::move(program)), limit_ms_(limit_ms) {}
  ~ToolProcess();
  ToolProcess(const ToolProcess&) = delete;
  ToolProcess& operator=(const ToolProcess&) = delete;

  const std::string& program() const { return program_; }

  // kNotFound (cannot be started), kDeadlineExceeded, kPayloadTooLarge, kUnavailable (a status other than 0, or the last one still hangs).
  Result<std::string> run(const std::vector<std::string>& arguments);

 private:
  Result<pid_t> start(const std::vector<std::string>& arguments, int out) const;
  Status read_all(int in, int64_t deadline_ms, std::string& output) const;
  // Waits until the process has ended; false if it has not by the deadline. `status` as waitpid gives it.
  static bool reap(pid_t pid, int64_t deadline_ms, int& status);

  const std::string program_;
  const int64_t limit_ms_;
  pid_t left_behind_ = 0;
};

}  // namespace ondol
