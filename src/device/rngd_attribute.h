// Reading one attribute of a card, and what to say if that fails.
//
// Any thread. `problems` is for a person to read; a device collects a line for each file at most.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "device/sys_file.h"

namespace ondol {

// The value that `parse` (text to Result<T>) makes of the file. No such file: empty and no problem, since drivers differ in what they
// have. Anything else that goes wrong: empty, and a problem "<file's name>: why".
template <class Parse>
auto read_attribute(const std::string& path, std::vector<std::string>& problems, const Parse& parse) {
  using Value = typename decltype(parse(std::string_view{}))::value_type;
  const Result<std::string> text = read_sys_file(path);
  if (!text && text.error().code == Code::kNotFound) return std::optional<Value>();
  auto value = text ? parse(std::string_view(*text)) : Result<Value>(std::unexpected(text.error()));
  if (value) return std::optional<Value>(std::move(*value));
  problems.push_back(path.substr(path.rfind('/') + 1) + ": " + value.error().message);
  return std::optional<Value>();
}

}  // namespace ondol
