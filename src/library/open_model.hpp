#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "library/local_api.hpp"
#include "linnet/linnet.h"

/// See linnet.h.
struct linnet_model {
  std::unique_ptr<linnet::ModelFile> file;
  std::unique_ptr<linnet::library::LocalApi> api;  // reads the file
  pid_t process = 0;                               // that has its threads
};

namespace linnet::library {

/// See linnet_open().
Result<std::unique_ptr<linnet_model>> open_model(const std::string& path,
                                                 const linnet_model_options& options);

}  // namespace linnet::library
