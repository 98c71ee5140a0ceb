# The targets to link for these names, of modules or other libraries.
function(linnet_targets result)
  set(targets)
  foreach(name ${ARGN})
    if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/src/${name})
      list(APPEND targets linnet_${name})
    else()
      list(APPEND targets ${name})
    endif()
  endforeach()
  set(${result} ${targets} PARENT_SCOPE)
endfunction()

# A module is a folder src/NAME with a static library linnet_NAME, and its tests are tests/NAME.
function(linnet_module name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/no_cuda.cpp$")  # see cuda.cmake
  if(LINNET_FUZZ)  # clang 14 can't read Asio's coroutines
    list(FILTER sources EXCLUDE REGEX "src/serve/(http/(connection|event_stream|news_round|tls|transport)|server).*cpp")
  endif()
  if(LINNET_FUZZ)  # nothing of a kernel comes from outside, and clang takes long to optimise them
    set(kernels ${sources})
    list(FILTER kernels INCLUDE REGEX "src/backend/cpu/kernels/")
    set_source_files_properties(${kernels} PROPERTIES COMPILE_OPTIONS "-O0;-fno-sanitize=all")
  endif()
  linnet_targets(dependencies ${ARG_DEPENDS})
  if(sources)
    add_library(linnet_${name} STATIC ${sources})
    target_include_directories(linnet_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src
                                                     ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(linnet_${name} PUBLIC ${dependencies})
  else()
    add_library(linnet_${name} INTERFACE)
    target_include_directories(linnet_${name} INTERFACE ${PROJECT_SOURCE_DIR}/src
                                                        ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(linnet_${name} INTERFACE ${dependencies})
  endif()
  linnet_tests(${name} DEPENDS linnet_${name})
endfunction()

# What runs once and never long, tests and the command line, is compiled in two thirds of the time.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(LINNET_LIGHT_OPTIONS -O1)
elseif(LINNET_SANITIZE)
  set(LINNET_LIGHT_OPTIONS -O0 -g1)
endif()

# tests/support, for all tests.
function(linnet_test_support)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/support/*.cpp)
  add_library(linnet_test_support STATIC EXCLUDE_FROM_ALL ${sources})
  target_include_directories(linnet_test_support PUBLIC ${PROJECT_SOURCE_DIR}/tests
                                                 PRIVATE ${PROJECT_SOURCE_DIR}/src)
  set_source_files_properties(
    ${PROJECT_SOURCE_DIR}/tests/support/paths.cpp PROPERTIES COMPILE_DEFINITIONS
    "LINNET_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\";LINNET_PROGRAM=\"${PROJECT_BINARY_DIR}/linnet\"")
  # The program that uses it links the modules that it needs.
  target_link_libraries(linnet_test_support PUBLIC fmt::fmt GTest::gtest GTest::gmock_main
                                                   nlohmann_json::nlohmann_json)
endfunction()

# The tests of a folder, tests/NAME/*_test.cpp, are one program NAME_tests.
function(linnet_tests name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*.cpp)
  if(tests AND NOT LINNET_FUZZ)
    add_executable(${name}_tests ${tests})
    target_compile_options(${name}_tests PRIVATE ${LINNET_LIGHT_OPTIONS})
    target_link_libraries(${name}_tests PRIVATE linnet_test_support ${ARG_DEPENDS})
    include(GoogleTest)
    gtest_discover_tests(${name}_tests TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60)
  endif()
endfunction()

# A program is a folder; the subcommands are its files.
function(linnet_program name)
  cmake_parse_arguments(ARG "" "FOLDER" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${ARG_FOLDER}/*.cpp)
  if(NOT sources OR LINNET_FUZZ)
    return()
  endif()
  linnet_targets(dependencies ${ARG_DEPENDS})
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/apps)
  target_compile_definitions(${name} PRIVATE LINNET_VERSION="${PROJECT_VERSION}")
  target_compile_options(${name} PRIVATE ${LINNET_LIGHT_OPTIONS})
  target_link_libraries(${name} PRIVATE ${dependencies})
  # Beside it the model that it runs where none is named.
  install(TARGETS ${name} COMPONENT program)
  install(FILES ${PROJECT_SOURCE_DIR}/models/linnet-kjv.gguf
          DESTINATION share/linnet/models COMPONENT program)
  linnet_tests(apps DEPENDS linnet_generate linnet_hub)
  if(TARGET apps_tests)
    add_dependencies(apps_tests ${name})
  endif()
  # The official clients; skipped where node or the packages are not there.
  add_test(NAME clients COMMAND ${CMAKE_COMMAND} -E env LINNET_PROGRAM=$<TARGET_FILE:${name}>
                                ${PROJECT_SOURCE_DIR}/tests/clients/run)
  set_tests_properties(clients PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
endfunction()

# Without libFuzzer the fuzzers are in one program with tests/fuzz, in which the function of
# fuzz/NAME_fuzz.cpp is called fuzz_NAME.
function(linnet_fuzz_tests)
  linnet_tests(fuzz DEPENDS linnet_grammar linnet_hub linnet_quantize linnet_serve)
  foreach(fuzzer ${ARGN})
    get_filename_component(fuzzer_name ${fuzzer} NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" name ${fuzzer_name})
    # Not optimised: most of the time is the compiler's.
    set_source_files_properties(
      ${fuzzer} PROPERTIES COMPILE_OPTIONS -O0 COMPILE_DEFINITIONS LLVMFuzzerTestOneInput=fuzz_${name})
  endforeach()
  target_sources(fuzz_tests PRIVATE ${ARGN})
endfunction()

# fuzz/NAME_fuzz.cpp becomes the libFuzzer program NAME_fuzz. It is linked with the module NAME, with
# the module of the table, or with all modules.
function(linnet_fuzzers)
  file(GLOB fuzzers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/*_fuzz.cpp)
  if(NOT LINNET_FUZZ)
    linnet_fuzz_tests(${fuzzers})
    return()
  endif()
  set(module_of_adapter quantize)
  set(module_of_answer chat)
  set(module_of_beside generate)
  set(module_of_http serve)
  set(module_of_jinja chat)
  set(module_of_model generate)
  set(module_of_split gguf)
  foreach(fuzzer ${fuzzers})
    get_filename_component(fuzzer_name ${fuzzer} NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" module ${fuzzer_name})
    if(module_of_${module})
      set(module ${module_of_${module}})
    endif()
    if(TARGET linnet_${module})
      set(libraries linnet_${module})
    else()
      set(libraries linnet_generate linnet_grammar linnet_chat linnet_hub)
    endif()
    add_executable(${fuzzer_name} ${fuzzer} ${PROJECT_SOURCE_DIR}/tests/support/paths.cpp)
    target_link_options(${fuzzer_name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${fuzzer_name} PRIVATE ${libraries})
    target_include_directories(${fuzzer_name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  endforeach()
endfunction()

# bench/NAME_bench.cpp becomes the program NAME_bench, built when it is asked for.
function(linnet_benchmarks)
  find_package(benchmark QUIET)
  if(NOT benchmark_FOUND)
    return()
  endif()
  file(GLOB benchmarks CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*_bench.cpp)
  foreach(benchmark ${benchmarks})
    get_filename_component(benchmark_name ${benchmark} NAME_WE)
    add_executable(${benchmark_name} EXCLUDE_FROM_ALL ${benchmark})
    target_compile_definitions(${benchmark_name} PRIVATE LINNET_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    target_link_libraries(${benchmark_name} PRIVATE linnet_generate linnet_grammar linnet_hub linnet_measure
                                                    linnet_serve benchmark::benchmark)
  endforeach()
endfunction()

# tests/web/page_test.mjs: the page of `linnet serve` in a browser. It says so and counts as skipped
# where Chromium or playwright-core is missing.
function(linnet_page_test)
  find_program(NODE node)
  if(NODE AND TARGET linnet)
    add_test(NAME web.page COMMAND ${NODE} ${PROJECT_SOURCE_DIR}/tests/web/page_test.mjs $<TARGET_FILE:linnet>
             WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/tests/web)
    set_tests_properties(web.page PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
  endif()
endfunction()
