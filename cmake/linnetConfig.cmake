# find_package(linnet) gives the target linnet::linnet, for C and C++.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
if(NOT TARGET linnet::linnet)
  get_filename_component(_linnet_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
  add_library(linnet::linnet STATIC IMPORTED)
  set_target_properties(linnet::linnet PROPERTIES
    IMPORTED_LOCATION ${_linnet_prefix}/lib/liblinnet.a
    INTERFACE_INCLUDE_DIRECTORIES ${_linnet_prefix}/include
    INTERFACE_LINK_LIBRARIES "fmt;pcre2-8;utf8proc;jpeg;png;webp;webpdemux;gif;sndfile;mpg123;vorbisfile;opusfile;ogg;stdc++;m;Threads::Threads")
  unset(_linnet_prefix)
endif()
