# The CUDA backend is compiled where there is a CUDA compiler with the headers of cuBLASLt, else its
# stub is linked.
set(LINNET_NVCC_OLDEST 13.0)  # the one that was tried
set(LINNET_CUDA AUTO CACHE STRING
  "AUTO: the CUDA backend where nvcc ${LINNET_NVCC_OLDEST} or newer is found; OFF: without it")
set_property(CACHE LINNET_CUDA PROPERTY STRINGS AUTO OFF)
# Machine code for Ampere and Hopper, and PTX that the driver compiles for what is newer.
set(LINNET_CUDA_CODE "compute_80,sm_80;compute_80,compute_80;compute_90a,sm_90a" CACHE STRING
  "What nvcc compiles for, as its -gencode takes arch and code")

set(LINNET_HAS_CUDA OFF)
if(LINNET_CUDA STREQUAL "AUTO" AND NOT LINNET_SANITIZE AND NOT LINNET_FUZZ)
  find_program(LINNET_NVCC nvcc HINTS ENV CUDA_PATH PATH_SUFFIXES bin PATHS /usr/local/cuda)
  if(LINNET_NVCC AND NOT CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_COMPILER ${LINNET_NVCC})
  endif()
  set(CMAKE_CUDA_ARCHITECTURES OFF)  # the flags below name them
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    find_path(LINNET_CUBLASLT cublasLt.h HINTS ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
  endif()
  if(LINNET_CUBLASLT AND CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL LINNET_NVCC_OLDEST)
    set(LINNET_HAS_CUDA ON)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake before 3.26 does not know that nvcc has it
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${LINNET_CCACHE})
  endif()
endif()
message(STATUS "CUDA backend: ${LINNET_HAS_CUDA}")

# What talks to the device and has no code for it: C++ like any other, which nvcc need not read.
set(LINNET_CUDA_HOST_CODE "/(cublas_lt|launch_queue|stream|upload_buffers).cu$")

set(LINNET_NVCC_OPTIONS --extended-lambda --expt-relaxed-constexpr -Xcompiler=-Wall,-Wextra
    # nvcc 13.0 warns of assignments to a [[nodiscard]] class as if they were calls.
    --diag-suppress=2810)

# Adds the CUDA sources of src/backend/cuda, or the stub, to the module `target`.
function(linnet_cuda_sources target)
  if(NOT LINNET_HAS_CUDA)
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src/backend/cuda/no_cuda.cpp)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/backend/cuda/*.cu)
  target_sources(${target} PRIVATE ${sources})
  set(host_code ${sources})
  list(FILTER host_code INCLUDE REGEX ${LINNET_CUDA_HOST_CODE})
  set_source_files_properties(${host_code} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-x;c++")
  set(options ${LINNET_NVCC_OPTIONS})
  foreach(code ${LINNET_CUDA_CODE})
    string(REPLACE "," ",code=" code "arch=${code}")
    list(APPEND options "SHELL:-gencode ${code}")
  endforeach()
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:${options}>")
  find_package(CUDAToolkit REQUIRED)
  # Linked statically: the program starts where there is no driver, and says so when it is asked.
  target_link_libraries(${target} PRIVATE CUDA::cudart_static)
endfunction()

# Compiles the kernels to nvcc's assembly language for Hopper, which tests/cuda_emulation runs.
function(linnet_cuda_ptx)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/backend/cuda/*.cu)
  list(FILTER sources EXCLUDE REGEX ${LINNET_CUDA_HOST_CODE})
  add_library(linnet_cuda_ptx OBJECT ${sources})
  set_target_properties(linnet_cuda_ptx PROPERTIES CUDA_PTX_COMPILATION ON)
  target_include_directories(linnet_cuda_ptx PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_options(linnet_cuda_ptx PRIVATE ${LINNET_NVCC_OPTIONS} -arch=compute_90a)
endfunction()
