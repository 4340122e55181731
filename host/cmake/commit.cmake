# Writes OUT, a header with the version, the commit of SOURCE and its day, if it does not say so already:
#   cmake -D SOURCE=DIR -D VERSION=X.Y.Z -D OUT=FILE -P commit.cmake
# Runs at every build, because the commit moves without any source file changing.
cmake_minimum_required(VERSION 3.25)
set(commit "unknown")
set(day "")
find_program(GIT git)
if(GIT)
    # Only the tree's own repository counts, not one that an unpacked archive happens to lie in.
    execute_process(COMMAND ${GIT} rev-parse --show-prefix WORKING_DIRECTORY ${SOURCE}
        RESULT_VARIABLE failed OUTPUT_VARIABLE prefix ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT failed AND prefix STREQUAL "")
        execute_process(COMMAND ${GIT} --no-optional-locks describe --always --dirty --abbrev=12
            WORKING_DIRECTORY ${SOURCE}
            RESULT_VARIABLE failed OUTPUT_VARIABLE found ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
        if(NOT failed)
            set(commit "${found}")
            execute_process(COMMAND ${CMAKE_COMMAND} -E env TZ=UTC ${GIT} --no-optional-locks log -1
                --date=format-local:%Y-%m-%d --format=%cd
                WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE day ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
        endif()
    endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT
"/* Written by the build. */
#define PC_BUILD_VERSION \"@VERSION@\"
#define PC_BUILD_COMMIT \"@commit@\"
#define PC_BUILD_DATE \"@day@\"
" @ONLY)
