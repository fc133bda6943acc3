# Writes OUTPUT, a header with BUNKER_VERSION and BUNKER_REVISION, when its text would change.
# Run at build time: cmake -DVERSION=… -DREVISION=… -DSOURCE_DIR=… -DOUTPUT=… -P revision.cmake
if(NOT REVISION)
  execute_process(COMMAND git describe --always --dirty --abbrev=12 --exclude=*
                  WORKING_DIRECTORY ${SOURCE_DIR}
                  OUTPUT_VARIABLE REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT REVISION)
  set(REVISION unknown)
endif()
set(text "#define BUNKER_VERSION \"${VERSION}\"\n#define BUNKER_REVISION \"${REVISION}\"\n")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} before)
endif()
if(NOT text STREQUAL "${before}")
  file(WRITE ${OUTPUT} "${text}")
endif()
