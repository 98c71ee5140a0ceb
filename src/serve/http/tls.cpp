#include "serve/http/tls.hpp"

#include <fmt/format.h>

#include "base/read_file.hpp"

namespace linnet::serve {
namespace {

namespace ssl = boost::asio::ssl;

constexpr std::int64_t kLongestFileBytes = 1 << 20;

Status use_files(ssl::context& context, const TlsFiles& files) {
  const auto certificate = read_regular_file(files.certificate, kLongestFileBytes);
  if (!certificate) return certificate.error();
  const auto key = read_regular_file(files.key, kLongestFileBytes);
  if (!key) return key.error();
  boost::system::error_code error;
  context.use_certificate_chain(boost::asio::buffer(*certificate), error);
  if (error) {
    return Error{fmt::format("{}: expected a certificate in PEM form: {}", files.certificate,
                             error.message())};
  }
  context.use_private_key(boost::asio::buffer(*key), ssl::context::pem, error);
  if (error) {
    return Error{
        fmt::format("{}: expected the private key of {} in PEM form, without a pass "
                    "phrase: {}",
                    files.key, files.certificate, error.message())};
  }
  return {};
}

}  // namespace

Result<TlsContext> load_tls(const TlsFiles& files) {
  if (files.certificate.empty() && files.key.empty()) return TlsContext();
  if (files.certificate.empty() || files.key.empty()) {
    return Error{"TLS needs both a certificate and its private key"};
  }
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_options(ssl::context::no_compression | SSL_OP_NO_RENEGOTIATION |
                       SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Else OpenSSL asks the terminal, or standard input, for the pass phrase of a key and waits.
  context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return ""; });
  if (Status status = use_files(*context, files); !status) return status.error();
  return context;
}

}  // namespace linnet::serve
