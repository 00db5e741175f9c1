# SPDX-License-Identifier: Apache-2.0
# Writes the script host's Python as C++ strings, for engine/host/python_modules.cc.
#
#   cmake -DSOURCE=engine/python -DOUTPUT=FOLDER -P tools/embed_python.cmake
cmake_minimum_required(VERSION 3.25)

# Who has compiled it need not do so again.
function(write_changed file text)
  file(WRITE "${file}.new" "${text}")
  file(COPY_FILE "${file}.new" "${file}" ONLY_IF_DIFFERENT)
  file(REMOVE "${file}.new")
endfunction()

function(as_literal file result)
  file(READ "${file}" text)
  string(FIND "${text}" ")PYTHON\"" end)
  if(NOT end EQUAL -1)
    message(FATAL_ERROR "${file} holds the end of a raw string")
  endif()
  set(${result} "R\"PYTHON(${text})PYTHON\"" PARENT_SCOPE)
endfunction()

as_literal("${SOURCE}/stillhead_host/bootstrap.py" literal)
write_changed("${OUTPUT}/python_bootstrap.inc" "${literal}\n")
set(all "")
file(GLOB_RECURSE files RELATIVE "${SOURCE}" "${SOURCE}/stillhead_host/*.py")
list(SORT files)
foreach(file ${files})
  as_literal("${SOURCE}/${file}" literal)
  string(REGEX REPLACE "(/__init__)?\\.py$" "" name "${file}")
  string(REPLACE "/" "." name "${name}")
  string(APPEND all "{\"${name}\", ${literal}},\n")
endforeach()
write_changed("${OUTPUT}/python_modules.inc" "${all}")
