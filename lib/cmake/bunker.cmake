# One static library a folder, one test program a folder. Names: bunker_<folder path>.
include(CheckCXXSourceCompiles)

# The precompiled header that every target shares: the standard library, Asio's coroutines and
# nlohmann's JSON, which together cost more to parse than most of our files. It makes every object
# file refer to Asio's compiled part, so every program links bunker::runtime.
add_library(bunker_pch OBJECT ${PROJECT_SOURCE_DIR}/lib/cmake/pch.cpp)
target_link_libraries(bunker_pch PUBLIC bunker_flags)
target_precompile_headers(bunker_pch PRIVATE ${PROJECT_SOURCE_DIR}/lib/cmake/pch.h)

# A precompiled header holds the paths of the checkout, so no two checkouts would share ccache's
# objects. What it is made of does not depend on them: ccache takes this sum for it instead. And it
# is used by -include-pch, not by REUSE_FROM, whose options ccache does not see through.
set(bunker_pch_file ${PROJECT_BINARY_DIR}/CMakeFiles/bunker_pch.dir/cmake_pch.hxx.pch)
set(bunker_pch_parts ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION})
foreach(part ${PROJECT_SOURCE_DIR}/lib/cmake/pch.h /usr/include/asio/version.hpp
             /usr/include/nlohmann/json.hpp)
  if(EXISTS ${part})
    file(SHA256 ${part} part_sum)
    list(APPEND bunker_pch_parts ${part_sum})
  endif()
endforeach()
string(SHA256 bunker_pch_sum "${bunker_pch_parts}")
file(WRITE ${bunker_pch_file}.sum ${bunker_pch_sum})

# bunker_use_pch(TARGET): every source of TARGET begins with the precompiled header.
function(bunker_use_pch target)
  target_compile_options(${target} PRIVATE -include-pch ${bunker_pch_file})
  get_target_property(sources ${target} SOURCES)
  set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${bunker_pch_file})
  add_dependencies(${target} bunker_pch)
endfunction()

# bunker_library(NAME SOURCES … [DEPS …] [PRIVATE_DEPS …] [NO_PCH])
function(bunker_library name)
  cmake_parse_arguments(ARG "NO_PCH" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(bunker_${name} STATIC ${ARG_SOURCES})
  add_library(bunker::${name} ALIAS bunker_${name})
  target_link_libraries(bunker_${name} PUBLIC bunker_flags ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  if(NOT ARG_NO_PCH)
    bunker_use_pch(bunker_${name})
  endif()
endfunction()

# bunker_test(NAME LABEL SOURCES … DEPS …): a GoogleTest program, each case one ctest test.
function(bunker_test name label)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bunker_flags ${ARG_DEPS} bunker::runtime GTest::gmock_main)
  bunker_use_pch(${name})
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS ${label} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# bunker_fuzz(NAME SOURCE DEPS …): tests/fuzz/NAME.cpp. With BUNKER_FUZZ a libFuzzer program,
# else a plain program that replays the corpus, run by ctest.
function(bunker_fuzz name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  if(BUNKER_FUZZ)
    add_executable(fuzz_${name} ${name}.cpp)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz_${name} ${name}.cpp ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    add_test(NAME fuzz_replay_${name}
             COMMAND fuzz_${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz_replay_${name} PROPERTIES LABELS fuzz-smoke TIMEOUT 60)
  endif()
  target_link_libraries(fuzz_${name} PRIVATE bunker_flags ${ARG_DEPS} bunker::runtime)
endfunction()
