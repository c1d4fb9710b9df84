#include "net/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

namespace ondol {

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256::Sha256() : state_(std::make_unique<State>()) { EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr); }
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) { EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()); }

std::string Sha256::hex() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_DigestFinal_ex(state_->context.get(), digest.data(), &length);
  std::string text;
  for (unsigned i = 0; i < length; ++i) text += {kHex[digest[i] >> 4], kHex[digest[i] & 15]};
  return text;
}

Result<std::string> sha256_file(const std::string& path, const std::function<void(uint64_t, uint64_t)>& progress) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (file == nullptr) return fail(Code::kNotFound, "cannot read " + ondol::quoted(path, 200) + ": " + std::strerror(errno));
  std::error_code ignored;
  const uint64_t total = std::filesystem::file_size(path, ignored);
  Sha256 hash;
  std::vector<std::byte> buffer(1 << 20);
  uint64_t done = 0;
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    hash.update({buffer.data(), got});
    done += got;
    if (progress) progress(done, total);
  }
  if (std::ferror(file.get()) != 0)
    return fail(Code::kDataLoss, "reading " + ondol::quoted(path, 200) + " failed after " + std::to_string(done) + " bytes");
  return hash.hex();
}

}  // namespace ondol
