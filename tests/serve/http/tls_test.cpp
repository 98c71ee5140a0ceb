#include "serve/http/tls.hpp"

#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "serve/serving.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;

// A certificate that signs itself, and its key, in files. `pass_phrase` is the key's; empty: none.
serve::TlsFiles make_files(const test::TemporaryFolder& folder, std::string pass_phrase = "") {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());
  const serve::TlsFiles files{(folder / "cert.pem").string(), (folder / "key.pem").string()};
  std::FILE* file = std::fopen(files.certificate.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  file = std::fopen(files.key.c_str(), "w");
  const bool is_locked = !pass_phrase.empty();
  PEM_write_PrivateKey(file, key, is_locked ? EVP_aes_128_cbc() : nullptr, nullptr, 0, nullptr,
                       is_locked ? pass_phrase.data() : nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

test::HttpReply ask(std::uint16_t port, const std::string& request) {
  asio::io_context io;
  asio::ssl::context context(asio::ssl::context::tls_client);
  asio::ssl::stream<asio::ip::tcp::socket> stream(io, context);
  stream.next_layer().connect({asio::ip::address_v4::loopback(), port});
  stream.handshake(asio::ssl::stream_base::client);
  asio::write(stream, asio::buffer(request));
  std::string reply;
  boost::system::error_code end;
  asio::read(stream, asio::dynamic_buffer(reply), end);
  EXPECT_EQ(end, asio::error::eof) << "the server says that its reply is complete";
  return test::parse_reply(reply);
}

TEST(Tls, RepliesAndStreams) {
  const test::TemporaryFolder folder;
  serve::ServerOptions options;
  options.tls = make_files(folder);
  const test::Serving serving(options);
  EXPECT_EQ(ask(serving.port(), test::http_request("GET", "/health", "")).json()["status"], "ok");
  const nlohmann::json body = {{"prompt", "And"}, {"max_tokens", 5}, {"stream", true}};
  const auto reply =
      ask(serving.port(), test::http_request("POST", "/v1/completions", body.dump()));
  EXPECT_THAT(reply.body, HasSubstr("[DONE]"));
}

TEST(Tls, PlainHttpIsNotAnswered) {
  const test::TemporaryFolder folder;
  serve::ServerOptions options;
  options.tls = make_files(folder);
  const test::Serving serving(options);
  EXPECT_EQ(test::http(serving.port(), "GET", "/health").status, 0);
  EXPECT_EQ(ask(serving.port(), test::http_request("GET", "/health", "")).status, 200);
}

TEST(Tls, FilesThatAreNoCertificate) {
  const test::TemporaryFolder folder;
  serve::TlsFiles files = make_files(folder);
  EXPECT_TRUE(serve::load_tls(files).ok());
  EXPECT_TRUE(serve::load_tls({}).ok());
  EXPECT_FALSE(serve::load_tls({files.certificate, ""}).ok());
  EXPECT_THAT(serve::load_tls({files.key, files.key}).error().message,
              HasSubstr("key.pem: expected a certificate"));
  const test::TemporaryFolder other;
  EXPECT_THAT(serve::load_tls({files.certificate, make_files(other).key}).error().message,
              HasSubstr("expected the private key of"));
  EXPECT_FALSE(serve::load_tls({"/nowhere.pem", files.key}).ok());
}

// OpenSSL would ask for it where the program has its input from, and wait.
TEST(Tls, NobodyIsAskedForThePassPhraseOfAKey) {
  const test::TemporaryFolder folder;
  const serve::TlsFiles files = make_files(folder, "secret");
  testing::internal::CaptureStderr();
  const auto context = serve::load_tls(files);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  ASSERT_FALSE(context.ok());
  EXPECT_THAT(context.error().message, HasSubstr("in PEM form, without a pass phrase"));
}

}  // namespace
}  // namespace linnet
