#pragma once

#include <cstdint>

#include "hub/http_client.hpp"
#include "hub/partial_file.hpp"
#include "hub/remote_file.hpp"
#include "hub/settings.hpp"

namespace linnet::hub {

/// Brings the bytes of one file into a PartialFile: takes up where that ends, tries again after
/// cut connections, and checks the result.
class BlobDownload {
 public:
  /// The arguments must outlive it.
  BlobDownload(HttpClient& client, const Settings& settings, const RepoFile& asked,
               const RemoteFile& remote, PartialFile& partial);

  /// Until the partial file has at least the first `end` bytes, `end` <= the file's size.
  Status fetch_until(std::uint64_t end);

  /// Fetches all and verifies it. Bytes of an earlier run that turn out wrong are fetched again;
  /// wrong bytes of this run are an Error, and are deleted.
  Status finish();

  /// Over the network, those thrown away included.
  std::uint64_t received_bytes() const { return received_bytes_; }

 private:
  Result<HttpAnswer> request(std::uint64_t end);
  Status take_position(const HttpAnswer& answer, std::uint64_t asked_from);
  Error given_up(const HttpAnswer& answer) const;
  bool is_right() const;

  HttpClient& client_;
  const Settings& settings_;
  const RepoFile& asked_;
  const RemoteFile& remote_;
  PartialFile& partial_;
  bool resumed_;
  std::uint64_t received_bytes_ = 0;
};

}  // namespace linnet::hub
