# linnet_embed_web_page(TARGET): the files of src/serve/web and the libraries that the page uses become
# constants of the program (src/serve/http/web_files.hpp). The libraries are Debian's.
function(linnet_embed_web_page target)
  if(NOT TARGET ${target})
    return()
  endif()
  find_file(MARKED_JS marked.umd.min.js PATHS /usr/share/javascript/marked REQUIRED)
  find_file(DOMPURIFY_JS purify.min.js PATHS /usr/share/nodejs/dompurify/dist REQUIRED)
  find_file(HIGHLIGHT_JS highlight.min.js PATHS /usr/share/javascript/highlight.js REQUIRED)
  set(folder ${PROJECT_SOURCE_DIR}/src/serve/web)
  file(GLOB own CONFIGURE_DEPENDS ${folder}/*)
  set(files ${own} ${MARKED_JS} ${DOMPURIFY_JS} ${HIGHLIGHT_JS})
  set(paths)
  foreach(file ${own})
    get_filename_component(name ${file} NAME)
    list(APPEND paths /${name})
  endforeach()
  list(APPEND paths /marked.js /dompurify.js /highlight.js)
  set(script ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake)
  set(generated ${PROJECT_BINARY_DIR}/web_files.cpp)
  add_custom_command(OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" "-DPATHS=${paths}" -DOUTPUT=${generated} -P ${script}
    DEPENDS ${files} ${script} COMMENT "Embedding the web page" VERBATIM)
  target_sources(${target} PRIVATE ${generated})
endfunction()

# As a script: writes OUTPUT, with the contents of FILES under PATHS.
if(CMAKE_SCRIPT_MODE_FILE)
  set(constants)
  set(table)
  set(index 0)
  foreach(file path IN ZIP_LISTS FILES PATHS)
    file(READ ${file} content)
    string(APPEND constants "constexpr char kFile${index}[] = R\"embedded(${content})embedded\";\n")
    string(APPEND table "    {\"${path}\", {kFile${index}, sizeof kFile${index} - 1}},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  file(WRITE ${OUTPUT} "// Written by cmake/embed_files.cmake.\n#include \"serve/http/web_files.hpp\"\n
namespace linnet::serve {\nnamespace {\n
${constants}
constexpr WebFile kFiles[] = {\n${table}};\n
}  // namespace\n
std::span<const WebFile> web_files() { return kFiles; }\n
}  // namespace linnet::serve\n")
endif()
