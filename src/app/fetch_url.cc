#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "app/fetch.h"
#include "net/client.h"

namespace ondol {
namespace fs = std::filesystem;
namespace {

uint64_t size_or_zero(const std::string& file) {
  std::error_code error;
  const uint64_t size = fs::file_size(file, error);
  return error ? 0 : size;
}

// Writes one response body behind what the file holds, or over it when the server sends everything again.
class Writer {
 public:
  Writer(const std::string& file, uint64_t have, uint64_t bytes, const FetchProgress& progress)
      : file_(file), have_(have), bytes_(bytes), progress_(progress) {}

  // `total` is the body's length. The client does not show the status, but a partial body is shorter by what we have.
  bool take(std::string_view data, int64_t total) {
    if (out_ == nullptr && !open(total)) return false;
    if (data.size() > bytes_ - have_) {
      return give_up(Code::kDataLoss, "the file there is larger than the " + std::to_string(bytes_) + " bytes expected");
    }
    if (std::fwrite(data.data(), 1, data.size(), out_.get()) != data.size()) {
      return give_up(Code::kResourceExhausted, "cannot write " + ondol::quoted(file_, 200) + ": " + std::strerror(errno));
    }
    have_ += data.size();
    if (progress_) progress_(have_, bytes_);
    return true;
  }

  // Flushes; the error that ended the transfer, if one did.
  Status finish() {
    if (out_ != nullptr && std::fflush(out_.get()) != 0) {
      give_up(Code::kResourceExhausted, "cannot write " + ondol::quoted(file_, 200) + ": " + std::strerror(errno));
    }
    out_.reset();
    return status_;
  }

 private:
  bool open(int64_t total) {
    if (total == static_cast<int64_t>(bytes_) || (total < 0 && have_ == 0)) {
      have_ = 0;
    } else if (total < 0) {
      std::error_code ignored;
      fs::remove(file_, ignored);  // it cannot be told where these bytes belong: the next attempt starts anew
      return give_up(Code::kUnavailable, "the server does not say how much it sends; starting again");
    } else if (total != static_cast<int64_t>(bytes_ - have_)) {
      return give_up(Code::kDataLoss, "the file there has " + std::to_string(total) + " bytes instead of " + std::to_string(bytes_));
    }
    out_.reset(std::fopen(file_.c_str(), have_ == 0 ? "wbe" : "abe"));
    if (out_ != nullptr) return true;
    return give_up(Code::kPermissionDenied, "cannot write " + ondol::quoted(file_, 200) + ": " + std::strerror(errno));
  }

  bool give_up(Code code, std::string message) {
    status_ = fail(code, std::move(message));
    return false;
  }

  std::string file_;
  uint64_t have_;
  uint64_t bytes_;
  const FetchProgress& progress_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out_{nullptr, &std::fclose};
  Status status_;
};

Status fetch_once(const std::string& url, uint64_t bytes, const std::string& file, const FetchProgress& progress) {
  const uint64_t have = size_or_zero(file);
  ClientRequest request;
  request.url = url;
  request.idle_timeout_s = 30;
  if (have > 0) request.headers.emplace_back("Range", "bytes=" + std::to_string(have) + "-");
  Writer writer(file, have, bytes, progress);
  const Result<HttpResponse> response = http_fetch(request, [&](std::string_view data, int64_t total) { return writer.take(data, total); });
  ONDOL_TRY_STATUS(writer.finish());
  if (!response) return std::unexpected(response.error());
  if (response->status < 200 || response->status > 299) {
    return fail(Code::kUnavailable, "the server answers HTTP " + std::to_string(response->status));
  }
  return {};
}

}  // namespace

Status fetch_url(const std::string& url, uint64_t bytes, const std::string& file, const FetchProgress& progress) {
  // A transfer of a gigabyte over a poor line is cut off now and then; each attempt that brought something earns another one.
  constexpr int kMaxAttempts = 50;
  std::error_code ignored;
  if (size_or_zero(file) > bytes) fs::remove(file, ignored);
  Status status;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const uint64_t before = size_or_zero(file);
    if (before == bytes) return {};
    status = fetch_once(url, bytes, file, progress);
    const uint64_t after = size_or_zero(file);
    if (after == bytes) return {};
    const bool started_over = before > 0 && after == 0;
    if (after <= before && !started_over) break;
  }
  if (!status) return status;
  return fail(Code::kDataLoss,
              "the transfer ended after " + std::to_string(size_or_zero(file)) + " of " + std::to_string(bytes) + " bytes");
}

}  // namespace ondol
