// One child process with all that it starts: in a process group of its own, its output read, gone when its owner is gone.
//
// Owner: a node. One thread: the one that started it (PR_SET_PDEATHSIG follows that thread, not the process). Output is read on a thread
// of the object's own. Bounded: what EngineLog keeps.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "node/engine_log.h"

namespace ondol {

class ChildProcess {
 public:
  // `argv[0]` is looked up in PATH; `environment` is added to this process's. Its stdout and stderr go to `log`, stdin is empty.
  // kNotFound: there is no such program; kResourceExhausted: no more processes or descriptors.
  static Result<std::unique_ptr<ChildProcess>> start(const std::vector<std::string>& argv,
                                                     const std::map<std::string, std::string>& environment, std::shared_ptr<EngineLog> log);
  // SIGKILL to the group, and waits.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number);  // to the whole group; nothing once it has ended
  // How it ended ("exit code 3", "signal 9 (Killed)"), none while it runs. What it left behind in its group is killed then.
  std::optional<std::string> ended();

 private:
  ChildProcess(pid_t pid, int output, std::shared_ptr<EngineLog> log);
  void read_output();

  const pid_t pid_;
  const int output_;
  int stop_reading_ = -1;
  const std::shared_ptr<EngineLog> log_;
  std::optional<std::string> how_;
  std::thread reader_;
};

// This process becomes the parent of all that its descendants leave behind (PR_SET_CHILD_SUBREAPER), so that daemons that left their
// group can be found. Once, on start.
void adopt_orphans();
// Kills the children of this process that it has adopted, and reaps those that have ended; how many were killed. None without
// adopt_orphans(). They are told from its own by this: the kernel gives orphans to a process's first thread, and what another thread has
// started stays that thread's. So the first thread must start nothing itself, but for `known`.
int kill_orphans(const std::vector<pid_t>& known);

}  // namespace ondol
