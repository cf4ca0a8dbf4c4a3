# Installs BUILD into an empty PREFIX; does nothing where there is no such build.
file(REMOVE_RECURSE ${PREFIX})
if(EXISTS ${BUILD}/CMakeCache.txt)
  execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX}
    COMMAND_ERROR_IS_FATAL ANY)
endif()
