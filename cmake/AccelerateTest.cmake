# accelerate_test(NAME source…): one GoogleTest program linked against the library, run as one ctest case.
include(GoogleTest)
function(accelerate_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE ipfs_accelerate accelerate_internal GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_compile_definitions(${name} PRIVATE ACCELERATE_TEST_DATA="${CMAKE_SOURCE_DIR}/tests")
  add_test(NAME ${name} COMMAND ${name})
endfunction()
