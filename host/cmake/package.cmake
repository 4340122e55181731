# A package of what install.cmake installs: cpack --preset package makes patchclamp_VERSION_ARCHITECTURE.deb. What it depends
# on, dpkg-shlibdeps finds in the binaries. The CUDA plug-in is no part of it: NVIDIA's libraries come from elsewhere.
set(CPACK_PACKAGE_NAME patchclamp)
set(CPACK_PACKAGE_VENDOR "The Patchclamp authors")
set(CPACK_PACKAGE_CONTACT "The Patchclamp authors <patchclamp@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION "Which heads, MLPs, neurons and edges of a language model carry a behaviour,
how strongly, and how sure that is. Every score is the measured effect of a
real intervention on the model. With the library, its headers, a small model
to try it on, and lists of the edges of published circuits.")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
