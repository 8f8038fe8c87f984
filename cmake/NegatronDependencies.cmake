# SPDX-License-Identifier: Apache-2.0
#
# Dependencies, all from Debian's packages (`./dev setup` installs them).

find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(spdlog CONFIG REQUIRED)

# RocksDB's own package file asks for the development files of every compressor; the shared library
# needs none of them.
find_path(NEGATRON_ROCKSDB_INCLUDE rocksdb/db.h REQUIRED)
find_library(NEGATRON_ROCKSDB_LIBRARY rocksdb REQUIRED)
mark_as_advanced(NEGATRON_ROCKSDB_INCLUDE NEGATRON_ROCKSDB_LIBRARY)
add_library(RocksDB::rocksdb UNKNOWN IMPORTED GLOBAL)
set_target_properties(RocksDB::rocksdb PROPERTIES
  IMPORTED_LOCATION "${NEGATRON_ROCKSDB_LIBRARY}"
  INTERFACE_INCLUDE_DIRECTORIES "${NEGATRON_ROCKSDB_INCLUDE}"
  INTERFACE_LINK_LIBRARIES Threads::Threads)

if(NEGATRON_WITH_GRPC)
  # gRPC's package file looks for re2 by pkg-config, which takes 40 s on Debian 13 to walk through
  # Abseil's files. The shared library of gRPC brings re2 along by itself.
  add_library(re2::re2 INTERFACE IMPORTED)
  set(re2_FOUND TRUE)
  find_package(gRPC CONFIG REQUIRED)
  find_package(CLI11 CONFIG REQUIRED)
endif()
if(NEGATRON_TESTS)
  find_package(GTest CONFIG REQUIRED)
  # The Python packages come from Debian, so another interpreter that is first on PATH will not do.
  if(NOT Python3_EXECUTABLE AND EXISTS /usr/bin/python3)
    set(Python3_EXECUTABLE /usr/bin/python3)
  endif()
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
endif()
if(NEGATRON_BENCHMARKS)
  find_package(benchmark CONFIG REQUIRED)
endif()
