# rust_static_library(NAME FOLDER): an imported target for the static library of the crate NAME in FOLDER, which cargo
# builds from its lock file.
set(ACCELERATE_CARGO_DIR "${PROJECT_SOURCE_DIR}/build/cargo" CACHE PATH
    "Where cargo keeps what it compiles: the same for every build type and sanitizer, so all build folders share it")

function(rust_static_library name folder)
  find_program(CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
  if(NOT CARGO)
    message(FATAL_ERROR "cargo is not installed, and ${name} is written in Rust: install Rust 1.85 or newer")
  endif()

  set(file "${CMAKE_STATIC_LIBRARY_PREFIX}${name}${CMAKE_STATIC_LIBRARY_SUFFIX}")
  set(library "${CMAKE_CURRENT_BINARY_DIR}/${file}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/src/*.rs")
  add_custom_command(
    OUTPUT "${library}"
    COMMAND "${CARGO}" build --quiet --release --locked --manifest-path "${folder}/Cargo.toml" --target-dir "${ACCELERATE_CARGO_DIR}"
    COMMAND "${CMAKE_COMMAND}" -E copy "${ACCELERATE_CARGO_DIR}/release/${file}" "${library}"
    DEPENDS ${sources} "${folder}/Cargo.toml" "${folder}/Cargo.lock"
    COMMENT "Building ${name} with cargo"
    VERBATIM)
  add_custom_target(${name}_cargo DEPENDS "${library}")

  add_library(${name} STATIC IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION "${library}")
  target_link_libraries(${name} INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
  add_dependencies(${name} ${name}_cargo)
endfunction()
