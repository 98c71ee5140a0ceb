#pragma once

#include "base/result.hpp"
#include "serve/http/tls_files.hpp"
#include "serve/http/transport.hpp"

namespace linnet::serve {

/// Null without TLS. An Error names the file and what is wrong with it.
Result<TlsContext> load_tls(const TlsFiles& files);

}  // namespace linnet::serve
