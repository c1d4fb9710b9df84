// Runs another program without a shell and waits for it.
//
// Any thread. Bounded: of what the program says on stderr the last 4 KiB are kept; stdout is thrown away.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace ondol {

struct ChildResult {
  int exit_code = 0;       // 128 + signal if it was killed
  std::string error_tail;  // the end of its stderr
};

// `arguments[0]` is looked up in PATH. kNotFound when there is no such program. The environment is passed on.
Result<ChildResult> run_child(const std::vector<std::string>& arguments);

// The last line of a program's stderr that holds something.
std::string last_line(const std::string& text);

}  // namespace ondol
