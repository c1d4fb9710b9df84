#include "base/file_watch.h"

#include <sys/stat.h>

#include <utility>

namespace ondol {
namespace {

constexpr int64_t kLookEveryUs = 1'000'000;

}  // namespace

FileWatch::FileWatch(std::vector<std::string> paths, const Clock& clock)
    : paths_(std::move(paths)), clock_(clock), looked_us_(clock.now_us()) {
  for (const std::string& path : paths_) seen_.push_back(look(path));
}

bool FileWatch::changed() {
  const int64_t now_us = clock_.now_us();
  if (now_us - looked_us_ < kLookEveryUs) return false;
  looked_us_ = now_us;
  std::vector<Stamp> stamps;
  for (const std::string& path : paths_) stamps.push_back(look(path));
  return std::exchange(seen_, stamps) != stamps;
}

FileWatch::Stamp FileWatch::look(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_mtim.tv_sec, info.st_mtim.tv_nsec, static_cast<uint64_t>(info.st_size), info.st_ino};
}

}  // namespace ondol
