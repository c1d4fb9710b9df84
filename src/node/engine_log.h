// What an engine prints: the end of it in memory, all of it in files that rotate.
//
// Owner: a node. Any thread. Bounded: kKeptBytes in memory; two files of kFileBytes, NAME.log and NAME.log.1.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace ondol {

class EngineLog {
 public:
  static constexpr size_t kKeptBytes = 64 << 10;
  static constexpr uint64_t kFileBytes = 16 << 20;

  // `folder` empty = memory only. A file that cannot be written is given up, and `tail` says so.
  EngineLog(std::string folder, const std::string& name, uint64_t file_bytes = kFileBytes);
  ~EngineLog();
  EngineLog(const EngineLog&) = delete;

  void append(std::string_view bytes);
  std::string tail() const;

 private:
  void open();
  void rotate();

  const std::string path_;
  const uint64_t max_file_bytes_;
  mutable std::mutex mutex_;
  std::string kept_;
  int file_ = -1;
  uint64_t file_bytes_ = 0;
};

}  // namespace ondol
