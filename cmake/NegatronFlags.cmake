# SPDX-License-Identifier: Apache-2.0
#
# Compiler flags. `negatron_warnings` carries those for our own code; generated code goes without.

add_compile_definitions(NEGATRON_VERSION="${PROJECT_VERSION}")

# Results must not depend on whether the CPU has fused multiply-add.
add_compile_options(-ffp-contract=off)

add_library(negatron_warnings INTERFACE)
target_compile_options(negatron_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(negatron_warnings INTERFACE -Wthread-safety)
endif()

if(NEGATRON_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  # Abseil of Debian 13 changes the layout of its hash tables under ASan, and the packaged library
  # was built without ASan.
  add_compile_definitions(NDEBUG_SANITIZER)
elseif(NEGATRON_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(NOT NEGATRON_SANITIZE STREQUAL "")
  message(FATAL_ERROR "NEGATRON_SANITIZE is `${NEGATRON_SANITIZE}`: empty, address or thread")
endif()
if(NEGATRON_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC's instrumentation makes these see paths that do not exist.
  target_compile_options(negatron_warnings INTERFACE -Wno-maybe-uninitialized
                         -Wno-stringop-overflow)
endif()
if(NEGATRON_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "NEGATRON_FUZZ needs clang, which brings libFuzzer")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
