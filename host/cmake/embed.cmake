# Writes OUT, a C file with an array of bytes for each part of the report:
#   cmake -D FOLDER=DIR -D SCRIPTS=a.js,b.js -D OUT=FILE -P embed.cmake
cmake_minimum_required(VERSION 3.25)
string(REPLACE "," ";" scripts "${SCRIPTS}")

# embed(NAME FILE...): the files one behind the other, and a 0.
function(embed name)
    set(bytes "")
    foreach(file ${ARGN})
        file(READ ${FOLDER}/${file} hex HEX)
        string(APPEND bytes ${hex})
    endforeach()
    string(REGEX REPLACE "(................................................)" "\\1\n" lines "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," lines "${lines}")
    file(APPEND ${OUT}.new "\nconst unsigned char ${name}[] = {\n${lines}0x00};\n")
endfunction()

file(WRITE ${OUT}.new "/* Written by the build from host/graph/report. */\n#include \"graph/report_parts.h\"\n")
embed(pc_report_page page.html)
embed(pc_report_style page.css)
embed(pc_report_script ${scripts})
file(RENAME ${OUT}.new ${OUT})
