// The small files of /sys and /dev/... that drivers write: read whole, and never more than a page of them.
//
// Pure functions over the file system; any thread. Bounded: kMaxSysFile bytes a file, `max` entries a folder. Nothing here blocks on a
// pipe or waits for a device: files are opened without blocking.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"

namespace ondol {

// What sysfs itself allows for an attribute.
inline constexpr size_t kMaxSysFile = 4096;

// The content without white space at its end. kNotFound: there is no such file; kPermissionDenied; kOutOfRange: longer than kMaxSysFile;
// kUnavailable: it is there and cannot be read (its device is gone, an I/O error). The message says why, without the path.
Result<std::string> read_sys_file(const std::string& path);

struct FolderEntry {
  std::string name;
  unsigned char type = 0;  // DT_CHR, DT_REG, DT_LNK, DT_DIR, DT_UNKNOWN of readdir
};

// The entries but "." and ".."; at most `max`, in the system's order; none if the folder cannot be read.
std::vector<FolderEntry> list_folder(const std::string& path, size_t max);

}  // namespace ondol
