// Counts one level of nesting while it lives.
//
// Owner: a stack frame of the parser or interpreter. The thread of that frame.
#pragma once

namespace ondol::jinja {

class Level {
 public:
  explicit Level(int& depth) : depth_(depth) { ++depth_; }
  ~Level() { --depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  int& depth_;
};

}  // namespace ondol::jinja
