# What `cmake --install` puts under any prefix; nothing installed knows where that is.
include(CMakePackageConfigHelpers)
set(PC_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/patchclamp)
set(PC_PKGCONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS pc_library EXPORT patchclampTargets)
install(DIRECTORY include/patchclamp TYPE INCLUDE FILES_MATCHING PATTERN "*.h")
install(DIRECTORY DESTINATION ${CMAKE_INSTALL_LIBDIR}/patchclamp) # the plug-ins' place
install(FILES LICENSE NOTICE TYPE DOC)
install(DIRECTORY tools/models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/patchclamp/models OPTIONAL)
install(DIRECTORY tools/truths/ DESTINATION ${CMAKE_INSTALL_DATADIR}/patchclamp/truths FILES_MATCHING PATTERN "*.edges")
if(TARGET patchclamp)
    file(RELATIVE_PATH PC_FROM_BIN_TO_LIB /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
    set_target_properties(patchclamp PROPERTIES INSTALL_RPATH "$ORIGIN/${PC_FROM_BIN_TO_LIB}")
    install(TARGETS patchclamp)
endif()
if(TARGET manual)
    install(DIRECTORY ${CMAKE_BINARY_DIR}/share/man/ DESTINATION ${CMAKE_INSTALL_MANDIR})
    install(DIRECTORY ${CMAKE_BINARY_DIR}/share/bash-completion DESTINATION ${CMAKE_INSTALL_DATADIR})
    set(PATCHCLAMP_ZSH_FOLDER site-functions CACHE STRING "where zsh looks under share/zsh; Debian's: vendor-completions")
    install(FILES ${CMAKE_BINARY_DIR}/share/zsh/site-functions/_patchclamp
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${PATCHCLAMP_ZSH_FOLDER})
endif()

# find_package(patchclamp)
install(EXPORT patchclampTargets NAMESPACE patchclamp:: DESTINATION ${PC_PACKAGE_DIR})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/patchclampConfig.cmake.in
    ${CMAKE_BINARY_DIR}/patchclampConfig.cmake INSTALL_DESTINATION ${PC_PACKAGE_DIR})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/patchclampConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/patchclampConfig.cmake ${CMAKE_BINARY_DIR}/patchclampConfigVersion.cmake
    DESTINATION ${PC_PACKAGE_DIR})

# pkg-config patchclamp
file(RELATIVE_PATH PC_FROM_PKGCONFIG_TO_PREFIX /${PC_PKGCONFIG_DIR} /)
string(REGEX REPLACE "/$" "" PC_FROM_PKGCONFIG_TO_PREFIX "${PC_FROM_PKGCONFIG_TO_PREFIX}")
configure_file(${CMAKE_CURRENT_LIST_DIR}/patchclamp.pc.in ${CMAKE_BINARY_DIR}/patchclamp.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/patchclamp.pc DESTINATION ${PC_PKGCONFIG_DIR})
