#include "hub/sha256.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

namespace linnet::hub {
namespace {

void free_context(void* context) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context)); }

EVP_MD_CTX* of(void* context) { return static_cast<EVP_MD_CTX*>(context); }

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new(), free_context) {
  EVP_DigestInit_ex(of(context_.get()), EVP_sha256(), nullptr);
}

void Sha256::add(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(of(context_.get()), bytes.data(), bytes.size());
}

std::string Sha256::hex() const {
  const std::unique_ptr<void, void (*)(void*)> copy(EVP_MD_CTX_new(), free_context);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_MD_CTX_copy_ex(of(copy.get()), of(context_.get()));
  EVP_DigestFinal_ex(of(copy.get()), digest.data(), &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace linnet::hub
