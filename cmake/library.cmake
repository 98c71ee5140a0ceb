# The library as other programs see it: include/linnet and one archive of all modules behind it,
# with a pkg-config and a CMake description. `cmake --install build/release --prefix DIR`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

function(linnet_library_archive)
  target_compile_definitions(linnet_library PRIVATE LINNET_VERSION="${PROJECT_VERSION}")
  set(modules base formats gguf backend image sound tokenizer model architectures vision hearing
      grammar generate library)
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

  configure_file(${PROJECT_SOURCE_DIR}/cmake/linnet.pc.in ${CMAKE_BINARY_DIR}/linnet.pc @ONLY)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/linnet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          COMPONENT library)
  install(FILES ${archive} DESTINATION lib COMPONENT library)
  install(FILES ${CMAKE_BINARY_DIR}/linnet.pc DESTINATION lib/pkgconfig COMPONENT library)
  # Before 1.0, a new minor version may have other functions.
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/linnetConfigVersion.cmake
                                   COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/linnetConfig.cmake
                ${CMAKE_BINARY_DIR}/linnetConfigVersion.cmake
          DESTINATION lib/cmake/linnet COMPONENT library)
  if(NOT LINNET_SANITIZE)
    add_test(NAME library.installed
             COMMAND ${PROJECT_SOURCE_DIR}/tests/library/installed.sh ${CMAKE_BINARY_DIR})
  endif()
endfunction()
