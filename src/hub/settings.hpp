#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.hpp"

namespace linnet::hub {

/// Gives the value of an environment variable, null where it is not set (as std::getenv does).
using Environment = std::function<const char*(const char* name)>;

/// How the Hub is reached and where its files are kept.
struct Settings {
  std::string endpoint = "https://huggingface.co";  ///< without a slash at the end
  std::filesystem::path cache;                      ///< shared with Python's huggingface_hub
  std::string token;                                ///< empty: none
  /// A file of certificates that are trusted, or a folder of them; empty: those of the system.
  std::filesystem::path certificates;
  bool offline = false;  ///< never touch the network
  int attempts = 6;      ///< in a row without a byte of progress, before a transfer is given up
  std::chrono::milliseconds first_pause{500};  ///< before the second attempt; doubles each time
  std::chrono::seconds connect_timeout{20};
  std::chrono::seconds stall_timeout{30};  ///< without a byte

  /// Reads HF_ENDPOINT, HF_HUB_CACHE, HF_HOME, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE, what stands
  /// behind them (XDG_CACHE_HOME, HOME), and REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and SSL_CERT_FILE,
  /// with the meaning that they have for huggingface_hub
  /// (https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables).
  /// An Error names the variable whose value cannot be used.
  static Result<Settings> from_environment(const Environment& environment = [](const char* name) {
    return std::getenv(name);
  });
};

}  // namespace linnet::hub
