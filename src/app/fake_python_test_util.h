// A stand-in for python3: `-m pip download` makes a "wheel" out of FOLDER/packages/NAME, `-m zipfile -e` unpacks it. Each call is logged.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/test_folder_test_util.h"

namespace ondol {

inline std::string make_fake_python(const TestFolder& folder) {
  folder.write("python", "#!/bin/sh\nroot=" + folder.path() + R"(
echo "$*" >> $root/calls
if [ "$2" = pip ]; then
  while [ "$1" != -d ]; do shift; done
  name=${3%%==*}
  if [ ! -d $root/packages/$name ]; then echo "ERROR: No matching distribution found for $3" >&2; exit 1; fi
  echo $name > $2/$name-1.0-py3-none-any.whl
else
  mkdir -p $5 && cp -r $root/packages/$(cat $4)/. $5
fi
)");
  ::chmod(folder.path("python").c_str(), 0755);
  return folder.path("python");
}

}  // namespace ondol
