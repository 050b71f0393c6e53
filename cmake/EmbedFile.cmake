# embed_file(TARGET FILE NAME): gives TARGET a generated header "embedded/NAME.h", in which `NAME` is a std::string_view of FILE's bytes.
function(embed_file target file name)
  set(header "${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.h")
  add_custom_command(
    OUTPUT "${header}"
    COMMAND "${CMAKE_COMMAND}" -DINPUT=${file} -DOUTPUT=${header} -DNAME=${name} -P "${PROJECT_SOURCE_DIR}/cmake/WriteEmbedded.cmake"
    DEPENDS "${file}" "${PROJECT_SOURCE_DIR}/cmake/WriteEmbedded.cmake"
    COMMENT "Embedding ${name}"
    VERBATIM)
  target_sources(${target} PRIVATE "${header}")
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}")
endfunction()
