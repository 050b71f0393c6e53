# accelerate_test(NAME source…): one GoogleTest program linked against the library, run as one ctest case.
include(GoogleTest)

# What most tests include is read once for all of them, as in src/CMakeLists.txt.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release")
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/test_headers.cpp" CONTENT "")
  add_library(test_headers OBJECT EXCLUDE_FROM_ALL "${CMAKE_BINARY_DIR}/test_headers.cpp")
  target_compile_options(test_headers PRIVATE -O1)
  target_link_libraries(test_headers PRIVATE accelerate_internal GTest::gtest)
  target_precompile_headers(test_headers PRIVATE
    <algorithm> <array> <chrono> <filesystem> <functional> <map> <memory> <optional> <ranges> <span> <string> <string_view>
    <variant> <vector> <fmt/format.h> <gtest/gtest.h> <nlohmann/json_fwd.hpp>)
endif()

function(accelerate_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE ipfs_accelerate accelerate_internal GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_compile_definitions(${name} PRIVATE ACCELERATE_TEST_DATA="${CMAKE_SOURCE_DIR}/tests")
  if(TARGET test_headers)
    target_precompile_headers(${name} REUSE_FROM test_headers)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "ACCELERATE_CACHE=${CMAKE_BINARY_DIR}/tests/cache")
endfunction()
