# SPDX-License-Identifier: Apache-2.0
# Writes the script host's Python as C++ strings, for engine/host/python_modules.cc.
#
#   cmake -DSOURCE=engine/python -DOUTPUT=FOLDER -P tools/embed_python.cmake
cmake_minimum_required(VERSION 3.25)

function(as_literal file result)
  file(READ "${file}" text)
  string(FIND "${text}" ")PYTHON\"" end)
  if(NOT end EQUAL -1)
    message(FATAL_ERROR "${file} holds the end of a raw string")
  endif()
  set(${result} "R\"PYTHON(${text})PYTHON\"" PARENT_SCOPE)
endfunction()

as_literal("${SOURCE}/bootstrap.py" literal)
file(WRITE "${OUTPUT}/python_bootstrap.inc" "${literal}\n")
set(all "")
file(GLOB_RECURSE files RELATIVE "${SOURCE}" "${SOURCE}/stillhead_host/*.py")
list(SORT files)
foreach(file ${files})
  as_literal("${SOURCE}/${file}" literal)
  string(REGEX REPLACE "(/__init__)?\\.py$" "" name "${file}")
  string(REPLACE "/" "." name "${name}")
  string(APPEND all "{\"${name}\", ${literal}},\n")
endforeach()
file(WRITE "${OUTPUT}/python_modules.inc" "${all}")
