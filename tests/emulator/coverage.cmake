# kernel_coverage: the operators' tests reach every line of kernels/*.cu and *.cuh (coverage.sh). Their programs are linked
# once more, with kernels that count.
if(NOT TARGET pc_kernels_covered)
    return()
endif()
get_property(tests GLOBAL PROPERTY PC_EMULATED_TESTS)
foreach(test IN LISTS tests ITEMS launcher_failures)
    string(REGEX REPLACE "^emulated_" "" name ${test})
    add_executable(covered_${name} $<TARGET_OBJECTS:${test}>)
    set_target_properties(covered_${name} PROPERTIES LINKER_LANGUAGE CXX)
    target_link_libraries(covered_${name} PRIVATE pc_kernels_covered emu_engine pc_core PkgConfig::CRITERION)
    list(APPEND programs $<TARGET_FILE:covered_${name}>)
endforeach()
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-prog-name=gcov OUTPUT_VARIABLE gcov OUTPUT_STRIP_TRAILING_WHITESPACE)
list(JOIN PC_CUDA_KERNELS " " kernels)
add_test(NAME kernel_coverage WORKING_DIRECTORY ${CMAKE_BINARY_DIR} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/emulator/coverage.sh ${gcov}
    ${CMAKE_CURRENT_BINARY_DIR}/emulator/CMakeFiles/pc_kernels_covered.dir "${kernels}" ${programs})
set_tests_properties(kernel_coverage PROPERTIES TIMEOUT 300 LABELS kernels ENVIRONMENT "${PC_TEST_ENVIRONMENT}")
