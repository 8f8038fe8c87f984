# SPDX-License-Identifier: Apache-2.0
"""Each check passes on a tree that obeys it and fails on one that does not."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

import checks

LICENSE = "// SPDX-License-Identifier: Apache-2.0\n"


def write(root: pathlib.Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "include"),
    [
        ("server/rpc/a.cc", '"server/engine/e.h"'),
        ("server/rpc/a.cc", '"storage/base/b.h"'),
        ("server/rpc/a.cc", '"negatron/v1/pool.grpc.pb.h"'),
        ("server/rpc/a.cc", "<grpcpp/grpcpp.h>"),
        ("server/engine/a.cc", '"storage/rocks/store.h"'),
        ("server/sampling/a.h", '"server/index/i.h"'),
        ("storage/rocks/a.cc", '"rocksdb/db.h"'),
        ("server/index/a.cc", '"hnswlib/hnswlib.h"'),
        ("client/cli/a.cc", '"client/cpp/client.h"'),
        ("client/cpp/a.cc", '"proto/cc/status.h"'),
        ("tests/server/pool/a_test.cc", '"storage/rocks/store.h"'),
    ],
)
def test_layers_accept_includes_that_go_down(tmp_path, path, include):
    write(tmp_path, path, f"#include {include}\n")
    assert checks.check_layers(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "include", "reason"),
    [
        ("server/engine/a.cc", '"server/rpc/r.h"', "server/engine must not include server/rpc"),
        ("server/pool/a.h", '"server/index/i.h"', "server/pool must not include server/index"),
        ("server/sampling/a.cc", '"storage/rocks/s.h"', "must not include storage/rocks"),
        ("storage/base/a.cc", '"storage/model/m.h"', "must not include storage/model"),
        ("client/cpp/a.cc", '"storage/base/b.h"', "client/cpp must not include storage/base"),
        ("client/cpp/a.cc", '"client/cli/c.h"', "client/cpp must not include client/cli"),
        ("proto/cc/a.cc", '"storage/base/b.h"', "proto must not include storage/base"),
        ("server/engine/a.cc", '"negatron/v1/pool.pb.h"', "must not include proto"),
        ("storage/rocks/a.h", '"rocksdb/db.h"', "RocksDB"),
        ("server/engine/a.cc", "<rocksdb/db.h>", "RocksDB"),
        ("server/index/a.h", '"hnswlib/hnswlib.h"', "hnswlib"),
        ("server/engine/a.cc", "<grpcpp/grpcpp.h>", "gRPC"),
        ("storage/base/a.h", '"grpc/grpc.h"', "gRPC"),
        ("server/rpc/a.cc", '"tests/support/fake.h"', "for tests only"),
        ("server/other/a.cc", "<vector>", "no known layer"),
    ],
)
def test_layers_refuse_other_includes(tmp_path, path, include, reason):
    write(tmp_path, path, f"#include <vector>\n  # include {include}\n")
    assert any(reason in violation for violation in checks.check_layers(tmp_path))


def test_layers_refuse_a_second_source_with_hnswlib(tmp_path):
    for name in ("a.cc", "b.cc"):
        write(tmp_path, f"server/index/{name}", '#include "hnswlib/hnswlib.h"\n')
    assert len(checks.check_layers(tmp_path)) == 1


def test_layers_refuse_includes_relative_to_the_file(tmp_path):
    write(tmp_path, "storage/base/a.h", "")
    write(tmp_path, "storage/base/b.h", '#include "a.h"\n')
    assert "from the root" in checks.check_layers(tmp_path)[0]


def test_registration_accepts_listed_tests(tmp_path):
    write(tmp_path, "tests/CMakeLists.txt", "negatron_subdirectories(pool)\n")
    write(tmp_path, "tests/pool/CMakeLists.txt", "negatron_test(t SRCS a_test.cc)\n")
    write(tmp_path, "tests/pool/a_test.cc", "")
    write(tmp_path, "client/python/tests/test_a.py", "")
    assert checks.check_registered(tmp_path) == []


def test_registration_refuses_a_test_that_is_commented_out(tmp_path):
    write(tmp_path, "tests/CMakeLists.txt", "negatron_subdirectories(pool)\n")
    write(tmp_path, "tests/pool/CMakeLists.txt", "# negatron_test(t SRCS a_test.cc)\n")
    write(tmp_path, "tests/pool/a_test.cc", "")
    assert checks.check_registered(tmp_path) == [
        "tests/pool/a_test.cc:1: not listed in tests/pool/CMakeLists.txt"
    ]


def test_registration_refuses_a_folder_that_no_build_reaches(tmp_path):
    write(tmp_path, "tests/CMakeLists.txt", "negatron_subdirectories(index)\n")
    write(tmp_path, "tests/pool/CMakeLists.txt", "negatron_test(t SRCS a_test.cc)\n")
    write(tmp_path, "tests/pool/a_test.cc", "")
    assert "its folder is not listed" in checks.check_registered(tmp_path)[0]


def test_registration_refuses_a_python_test_where_pytest_does_not_look(tmp_path):
    write(tmp_path, "deploy/deploy_test.py", "")
    assert "pytest looks only in" in checks.check_registered(tmp_path)[0]


def test_licenses_are_on_the_first_line_or_after_the_interpreter(tmp_path):
    write(tmp_path, "a.cc", LICENSE)
    write(tmp_path, "dev", "#!/usr/bin/env bash\n# SPDX-License-Identifier: Apache-2.0\n")
    assert checks.check_licenses(tmp_path) == []


@pytest.mark.parametrize("path", ["a.cc", "b.py", "dev", "CMakeLists.txt", "deploy/x.yaml"])
def test_licenses_refuse_a_file_without_the_line(tmp_path, path):
    write(tmp_path, path, "#!/bin/sh\n\n")
    assert len(checks.check_licenses(tmp_path)) == 1


PROTO = """// SPDX-License-Identifier: Apache-2.0
syntax = "proto3";
package negatron.v1;
option cc_enable_arenas = true;
import "a.proto";

// Service.
service S {
  // Method.
  rpc Do(Request)
      returns (Request);
}

// Message.
message Request {
  // Field.
  repeated int64 values = 1 [packed = true];

  // Choice.
  oneof choice {
    // Map.
    map<string, int32> counts = 2;
  }
  reserved 3;
}

// Enum.
enum E {
  // Zero.
  E_UNSPECIFIED = 0;
}
"""


def test_protos_accept_a_file_with_every_comment(tmp_path):
    write(tmp_path, "proto/a.proto", PROTO)
    assert checks.check_protos(tmp_path) == []


@pytest.mark.parametrize(
    "comment",
    ["Service", "Method", "Message", "Field", "Choice", "Map", "Enum", "Zero"],
)
def test_protos_refuse_each_missing_comment(tmp_path, comment):
    write(tmp_path, "proto/a.proto", PROTO.replace(f"// {comment}.", ""))
    assert len(checks.check_protos(tmp_path)) == 1


def test_sizes_spare_generated_code_alone(tmp_path):
    write(tmp_path, "a.h", "\n" * 251)
    write(tmp_path, "b.cc", "\n" * 500)
    write(tmp_path, "c_pb2.py", "\n" * 900)
    assert checks.check_sizes(tmp_path) == ["a.h:250: 251 lines, more than 250"]


def test_guards_are_the_path_of_the_header(tmp_path):
    guard = "NEGATRON_STORAGE_BASE_A_H_"
    write(tmp_path, "storage/base/a.h", f"#ifndef {guard}\n#define {guard}\n#endif\n")
    assert checks.check_guards(tmp_path) == []
    write(tmp_path, "storage/base/b.h", f"#ifndef {guard}\n#define {guard}\n#endif\n")
    assert checks.check_guards(tmp_path) == [
        "storage/base/b.h:1: no guard NEGATRON_STORAGE_BASE_B_H_"
    ]


def test_the_script_exits_with_1_if_there_is_a_violation(tmp_path):
    command = [sys.executable, checks.__file__, "--root", str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == 0
    write(tmp_path, "storage/base/a.cc", '#include "storage/model/m.h"\n')
    assert subprocess.run(command, check=False).returncode == 1
