#pragma once

#include <string>

#include "base/result.hpp"
#include "serve/http/transport.hpp"

namespace linnet::serve {

/// Where the server's certificate (with those between it and the root) and its private key are, in
/// PEM files; both empty: no TLS.
struct TlsFiles {
  std::string certificate;
  std::string key;
};

/// Null without TLS. An Error names the file and what is wrong with it.
Result<TlsContext> load_tls(const TlsFiles& files);

}  // namespace linnet::serve
