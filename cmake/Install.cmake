# What `cmake --install` lays out: the program, the library, its public headers and the package that find_package finds.
# The program finds the library relative to itself, so an installed tree can be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/IpfsAccelerate")
file(RELATIVE_PATH from_bin_to_lib "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")

set_target_properties(ipfs_accelerate PROPERTIES
  VERSION "${PROJECT_VERSION}" SOVERSION "${PROJECT_VERSION_MAJOR}" INSTALL_RPATH "$ORIGIN")
install(TARGETS ipfs_accelerate EXPORT IpfsAccelerateTargets)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" TYPE INCLUDE)

set_target_properties(ipfs_accelerate_program PROPERTIES INSTALL_RPATH "$ORIGIN/${from_bin_to_lib}")
install(TARGETS ipfs_accelerate_program)

install(EXPORT IpfsAccelerateTargets
  FILE IpfsAccelerateConfig.cmake NAMESPACE IpfsAccelerate:: DESTINATION "${package_folder}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/IpfsAccelerateConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/IpfsAccelerateConfigVersion.cmake" DESTINATION "${package_folder}")
