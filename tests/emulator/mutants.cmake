# mutant_NAME for every bug of mutants.txt (mutant.sh, which says what they are): how it is compiled and linked.
if(NOT PC_HAS_CHECKER)
    return()
endif()
set(emulator ${CMAKE_CURRENT_SOURCE_DIR}/emulator)
set(settings ${CMAKE_CURRENT_BINARY_DIR}/mutants)
file(STRINGS ${emulator}/mutants.txt lines REGEX "^(==|test:) ")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${emulator}/mutants.txt)

# Archives: a mutant's object stands before them, so that the linker does not take the sound one. What the tests use of
# the library comes the same way.
foreach(kind IN ITEMS emulated emulated_checked)
    add_library(mutants_${kind} STATIC $<TARGET_OBJECTS:pc_kernels_${kind}> $<TARGET_OBJECTS:pc_core>)
    set_target_properties(mutants_${kind} PROPERTIES LINKER_LANGUAGE CXX)
endforeach()

function(mutants_compiled_with build)
    list(JOIN ARGN "\n" options)
    file(GENERATE OUTPUT ${settings}/compile_${build}
        CONTENT "${CMAKE_CXX_COMPILER}\n-std=c++17\n-Wall\n-Wextra\n-ffp-contract=off\n${options}\n")
endfunction()
mutants_compiled_with(checker ${EMU_KERNEL_OPTIONS} ${EMU_CHECKED_OPTIONS})
mutants_compiled_with(ubsan ${EMU_KERNEL_OPTIONS} -O1 -g -fsanitize=undefined -fno-sanitize-recover=all)
mutants_compiled_with(warnings ${EMU_KERNEL_OPTIONS} -O2 -Werror)
get_target_property(headers emu_headers INTERFACE_INCLUDE_DIRECTORIES)
list(JOIN headers "\n-I" headers)
file(GENERATE OUTPUT ${settings}/includes
    CONTENT "-I${headers}\n-I${CMAKE_SOURCE_DIR}/include\n-I${CMAKE_SOURCE_DIR}/host\n-I${CMAKE_SOURCE_DIR}\n")

function(mutants_linked_with build test kernels engine)
    if(build STREQUAL ubsan)
        set(runtime -fsanitize=undefined)
    endif()
    set(libraries ${runtime} $<TARGET_FILE:mutants_${kernels}> $<TARGET_FILE:${engine}> ${CRITERION_LINK_LIBRARIES} -lm)
    list(JOIN libraries "\n" libraries)
    file(GENERATE OUTPUT ${settings}/link_${build}_${test}
        CONTENT "$<JOIN:$<TARGET_OBJECTS:${ARGN}>,\n>\n${libraries}\n")
endfunction()

foreach(line IN LISTS lines)
    if(line MATCHES "^== (.*)$")
        set(name ${CMAKE_MATCH_1})
        add_test(NAME mutant_${name} COMMAND bash ${emulator}/mutant.sh ${name} ${settings})
        set_tests_properties(mutant_${name} PROPERTIES TIMEOUT 300 LABELS kernels ENVIRONMENT "${PC_TEST_ENVIRONMENT}")
    elseif(line MATCHES "^test: (.*)$")
        list(APPEND tests ${CMAKE_MATCH_1})
    endif()
endforeach()
list(REMOVE_DUPLICATES tests)
foreach(test IN LISTS tests)
    mutants_linked_with(checker ${test} emulated_checked emu_engine_checked checked_${test})
    mutants_linked_with(ubsan ${test} emulated emu_engine emulated_${test})
endforeach()
