# find_package(linnet) gives the target linnet::linnet.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
get_filename_component(prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET linnet::linnet)
  add_library(linnet::linnet STATIC IMPORTED)
  set_target_properties(linnet::linnet PROPERTIES
    IMPORTED_LOCATION ${prefix}/lib/liblinnet.a
    INTERFACE_INCLUDE_DIRECTORIES ${prefix}/include
    INTERFACE_LINK_LIBRARIES "fmt;pcre2-8;utf8proc;stdc++;m;Threads::Threads")
endif()
