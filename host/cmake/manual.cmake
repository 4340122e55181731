# Writes the manual pages and the shells' completion under OUT, as the program prints them:
#   cmake -D PROGRAM=FILE -D OUT=DIR -P manual.cmake
cmake_minimum_required(VERSION 3.25)

# What the program prints with some arguments becomes a file.
function(write_printed file)
    get_filename_component(folder "${file}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    execute_process(COMMAND "${PROGRAM}" ${ARGN} OUTPUT_FILE "${file}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${OUT}")
execute_process(COMMAND "${PROGRAM}" --help=topics OUTPUT_VARIABLE topics COMMAND_ERROR_IS_FATAL ANY)
string(STRIP "${topics}" topics)
string(REPLACE "\n" ";" topics "${topics}")
write_printed("${OUT}/man/man1/patchclamp.1" --help=man)
foreach(topic IN LISTS topics)
    string(REPLACE " " "-" page "${topic}")
    string(REPLACE " " ";" words "${topic}")
    write_printed("${OUT}/man/man1/patchclamp-${page}.1" ${words} --help=man)
endforeach()
write_printed("${OUT}/bash-completion/completions/patchclamp" --help=bash)
write_printed("${OUT}/zsh/site-functions/_patchclamp" --help=zsh)
