# The library as other programs see it: include/linnet, a shared library, one archive of all modules
# behind it, and pkg-config and CMake descriptions of both.
# `cmake --install build/release --component library --prefix DIR`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# What programs with the archive link, too.
set(LINNET_ARCHIVE_NEEDS fmt pcre2-8 utf8proc jpeg png webp webpdemux gif sndfile mpg123 vorbisfile opusfile ogg
                         crypto stdc++ m)

function(linnet_library_archive)
  set(modules base formats gguf backend image sound tokenizer model architectures encoder vision hearing
      grammar generate chat serve library)
  set(archive ${CMAKE_BINARY_DIR}/liblinnet.a)
  set(script "CREATE ${archive}\n")
  set(targets)
  foreach(module ${modules})
    list(APPEND targets linnet_${module})
    string(APPEND script "ADDLIB $<TARGET_FILE:linnet_${module}>\n")
  endforeach()
  if(LINNET_HAS_CUDA)  # its runtime comes along, as it does in the program
    string(APPEND script "ADDLIB $<TARGET_FILE:CUDA::cudart_static>\n")
  endif()
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/liblinnet.mri CONTENT "${script}SAVE\nEND\n")
  add_custom_command(
    OUTPUT ${archive}
    COMMAND ${CMAKE_AR} -M < ${CMAKE_BINARY_DIR}/liblinnet.mri
    DEPENDS ${targets} ${CMAKE_BINARY_DIR}/liblinnet.mri
    VERBATIM)
  add_custom_target(linnet_archive ALL DEPENDS ${archive})
  install(FILES ${archive} DESTINATION lib COMPONENT library)
endfunction()

# Shows the functions of linnet.h and nothing else: not even what it instantiates of templates of the
# standard library.
function(linnet_library_shared)
  set(symbols ${PROJECT_SOURCE_DIR}/cmake/linnet.symbols)
  add_library(linnet_shared SHARED $<TARGET_OBJECTS:linnet_library>)
  target_link_libraries(linnet_shared PRIVATE linnet_serve)
  target_link_options(linnet_shared PRIVATE
    -Wl,--version-script=${symbols} -Wl,--no-undefined -Wl,--as-needed
    -Wl,-z,nodelete)  # its handler of SIGBUS stays
  set_target_properties(linnet_shared PROPERTIES
    OUTPUT_NAME linnet
    LINK_DEPENDS ${symbols}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})  # before 1.0, see below
  install(TARGETS linnet_shared LIBRARY DESTINATION lib COMPONENT library)
endfunction()

function(linnet_library_files)
  target_compile_definitions(linnet_library PRIVATE LINNET_VERSION="${PROJECT_VERSION}")
  if(LINNET_SANITIZE OR LINNET_FUZZ)
    return()
  endif()
  linnet_library_archive()
  linnet_library_shared()
  list(TRANSFORM LINNET_ARCHIVE_NEEDS PREPEND -l OUTPUT_VARIABLE LINNET_ARCHIVE_FLAGS)
  list(JOIN LINNET_ARCHIVE_FLAGS " " LINNET_ARCHIVE_FLAGS)
  foreach(name linnet linnet-static)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${CMAKE_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${CMAKE_BINARY_DIR}/${name}.pc DESTINATION lib/pkgconfig COMPONENT library)
  endforeach()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/linnetConfig.cmake.in ${CMAKE_BINARY_DIR}/linnetConfig.cmake @ONLY)
  # Before 1.0, a new minor version may have other functions.
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/linnetConfigVersion.cmake
                                   COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/linnetConfig.cmake ${CMAKE_BINARY_DIR}/linnetConfigVersion.cmake
          DESTINATION lib/cmake/linnet COMPONENT library)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/linnet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          COMPONENT library)
  add_test(NAME library.installed
           COMMAND ${PROJECT_SOURCE_DIR}/tests/library/installed.sh ${CMAKE_BINARY_DIR})
endfunction()
