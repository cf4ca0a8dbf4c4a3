# What `cmake --install` leaves for other projects: programs, the runtime's
# library and headers, the networks that `minnow compile NAME` reads, and the
# files by which CMake and pkg-config find them. A build of the runtime alone
# installs no compiler.
include(CMakePackageConfigHelpers)
set(PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Minnow)

install(TARGETS minnow_runtime minnow_vulkan minnow_etpu_device minnow_hexagon EXPORT MinnowTargets
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS minnow-run minnow-bench minnow-etpu)
install(FILES runtime/minnow.h runtime/abi/minnow_abi.h
  runtime/devices/vulkan/minnow_vulkan.h runtime/devices/etpu/minnow_etpu.h
  runtime/devices/hexagon/minnow_hexagon.h
  TYPE INCLUDE)
install(FILES LICENSE SECURITY.md TYPE DOC)

install(EXPORT MinnowTargets NAMESPACE Minnow:: DESTINATION ${PACKAGE_DIR})
configure_package_config_file(cmake/MinnowConfig.cmake.in MinnowConfig.cmake
  INSTALL_DESTINATION ${PACKAGE_DIR})
write_basic_package_version_file(MinnowConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/MinnowConfig.cmake
  ${PROJECT_BINARY_DIR}/MinnowConfigVersion.cmake DESTINATION ${PACKAGE_DIR})

# The folder is moved as a whole at times: paths are relative to the file.
file(RELATIVE_PATH MINNOW_PC_PREFIX
  ${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/minnow.pc.in minnow.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/minnow.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(NOT MINNOW_RUNTIME_ONLY)
  # Halide's library comes from a wheel, which no system installs: it goes along.
  set(PRIVATE_DIR ${CMAKE_INSTALL_LIBDIR}/minnow)
  file(RELATIVE_PATH private_path ${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}
    ${CMAKE_INSTALL_PREFIX}/${PRIVATE_DIR})
  set_target_properties(minnow PROPERTIES
    INSTALL_RPATH "$ORIGIN/${private_path};${LLVM_LIBRARY_DIRS}")
  install(TARGETS minnow)
  install(FILES ${HALIDE_LIBRARY} DESTINATION ${PRIVATE_DIR})
  file(GLOB halide_licence ${HALIDE_ROOT}/../halide-*.dist-info/licenses/LICENSE.txt)
  install(FILES ${halide_licence} TYPE DOC RENAME LICENSE.Halide)
  install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/minnow/models
    FILES_MATCHING PATTERN "*.json" PATTERN "imagenet_labels.txt")
endif()
