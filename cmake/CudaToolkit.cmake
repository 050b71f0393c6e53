# Finds the CUDA 13 compiler and libraries: those of the pinned wheels in .venv, or an installed toolkit. Sets
# CUDA_TOOLKIT_FOUND, and then CUDA_NVCC, CUDA_INCLUDES, CUDA_LIBRARIES (a folder) and CUDA_RUNTIME (the static library).
# CMake's own CUDA language is left alone: version 3.25 tries a compiler with an architecture that CUDA 13 no longer has.
file(GLOB cuda_roots LIST_DIRECTORIES true "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/nvidia/cu13")
list(APPEND cuda_roots "$ENV{CUDA_HOME}" /usr/local/cuda-13 /usr/local/cuda)
set(CUDA_TOOLKIT_FOUND FALSE)
foreach(root IN LISTS cuda_roots)
  if(CUDA_TOOLKIT_FOUND OR root STREQUAL "" OR NOT EXISTS "${root}/bin/nvcc" OR NOT EXISTS "${root}/include/cublasLt.h")
    continue()
  endif()
  foreach(folder lib lib64)
    if(EXISTS "${root}/${folder}/libcudart_static.a")
      set(CUDA_TOOLKIT_FOUND TRUE)
      set(CUDA_NVCC "${root}/bin/nvcc")
      set(CUDA_INCLUDES "${root}/include")
      set(CUDA_LIBRARIES "${root}/${folder}")
      set(CUDA_RUNTIME "${root}/${folder}/libcudart_static.a")
      break()
    endif()
  endforeach()
endforeach()

# One architecture's machine code and code that any newer device compiles when it first loads it; a release names them all.
set(ACCELERATE_CUDA_ARCHITECTURES "80" CACHE STRING "Compute capabilities that kernels are compiled for: 80;86;89;90;100")

# cuda_objects(RESULT source…): object files of CUDA sources, with machine code for each architecture and, for devices newer
# than the first, portable code of it.
function(cuda_objects result)
  set(code "")
  foreach(architecture IN LISTS ACCELERATE_CUDA_ARCHITECTURES)
    list(APPEND code "--generate-code=arch=compute_${architecture},code=sm_${architecture}")
  endforeach()
  list(GET ACCELERATE_CUDA_ARCHITECTURES -1 newest)
  list(APPEND code "--generate-code=arch=compute_${newest},code=compute_${newest}")
  set(objects "")
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" OUTPUT_VARIABLE file)
    cmake_path(GET source STEM name)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${name}.cu.o")
    add_custom_command(
      OUTPUT "${object}"
      COMMAND "${CUDA_NVCC}" --compile --std=c++20 --optimize=3 ${code} --compiler-bindir "${CMAKE_CXX_COMPILER}"
              --compiler-options=-fPIC,-fvisibility=hidden,-Wall,-Wextra,-Wno-unknown-pragmas --Werror=all-warnings --compress-mode=size
              "-I${PROJECT_SOURCE_DIR}/src" "-I${PROJECT_SOURCE_DIR}/include"
              --generate-dependencies-with-compile --dependency-output "${object}.d" --output-file "${object}" "${file}"
      DEPENDS "${file}"
      DEPFILE "${object}.d"
      COMMENT "Compiling ${source} with nvcc"
      VERBATIM)
    list(APPEND objects "${object}")
  endforeach()
  set(${result} "${objects}" PARENT_SCOPE)
endfunction()
