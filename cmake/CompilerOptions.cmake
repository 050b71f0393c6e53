# Warnings, sanitizers and ccache for every target of the project.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror)

# ccache takes files that read a precompiled header only where told that macros of the clock and of the header do not matter.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "env;CCACHE_SLOPPINESS=pch_defines,time_macros;${CCACHE}")
endif()

if(ACCELERATE_SANITIZER STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(ACCELERATE_SANITIZER STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(NOT ACCELERATE_SANITIZER STREQUAL "")
  message(FATAL_ERROR "ACCELERATE_SANITIZER is '${ACCELERATE_SANITIZER}', expected address, thread or nothing")
endif()
