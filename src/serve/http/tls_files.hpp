#pragma once

#include <string>

namespace linnet::serve {

/// Where the server's certificate (with those between it and the root) and its private key are, in
/// PEM files; both empty: no TLS.
struct TlsFiles {
  std::string certificate;
  std::string key;
};

}  // namespace linnet::serve
