#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what no compiler does: layers, registered tests, licence lines, proto comments, sizes.

    tests/repo/checks.py [--root FOLDER]

Prints one line for each violation, `path:line: reason`, and exits 1 if there is any. Every check is
a function from the root of a repository to the list of its violations.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import sys
from collections.abc import Callable, Iterator

SKIPPED_FOLDERS = {
    ".git", "build", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".cache",
}
CODE_SUFFIXES = (".cc", ".h")

# Direct dependencies of each layer, as the diagram in README.md draws them. A layer may also include
# whatever those may include.
LAYERS: dict[str, tuple[str, ...]] = {
    "storage/base": (),
    "storage/model": ("storage/base",),
    "storage/rocks": ("storage/model",),
    "server/pool": ("storage/model",),
    "server/index": ("storage/model",),
    "server/sampling": ("server/pool", "server/index"),
    "server/feedback": ("storage/model",),
    "server/engine": ("server/sampling", "server/feedback", "storage/rocks"),
    "server/rpc": ("server/engine", "proto"),
    "server/app": ("server/rpc",),
    "proto": (),
    "client/cpp": ("proto",),
    "client/cli": ("client/cpp",),
}

# Where the headers of a dependency may appear. Tests are free.
EXTERNAL_HEADERS: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "RocksDB": (re.compile(r"rocksdb/"), re.compile(r"storage/rocks/[^/]+\.cc")),
    "hnswlib": (re.compile(r"hnswlib/"), re.compile(r"server/index/[^/]+\.cc")),
    "OpenSSL": (
        re.compile(r"openssl/"), re.compile(r"server/(rpc/tokens|app/certificates)\.cc")),
    "gRPC": (
        re.compile(r"grpc(pp)?/|.*\.grpc\.pb\.h"),
        re.compile(r"(proto/cc|server/rpc|server/app|client)/.*"),
    ),
}

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
LICENSE_LINE = re.compile(r"(#|//|--) SPDX-License-Identifier: Apache-2\.0")
LICENSED_SUFFIXES = (
    ".cc", ".h", ".proto", ".py", ".pyi", ".sh", ".cmake", ".yaml", ".yml", ".toml",
)
LICENSED_NAMES = ("CMakeLists.txt", "Dockerfile", ".clang-format", ".clang-tidy", ".gitignore",
                  ".dockerignore", ".editorconfig")
PYTEST_FOLDERS = ("client/python/tests/", "tests/")
PYTEST_NAME = re.compile(r"(test_.*|.*_test)\.py")
MAX_LINES = {".h": 250, ".cc": 500, ".py": 500, ".proto": 500}
GENERATED = re.compile(r".*_pb2(_grpc)?\.pyi?|client/python/negatron/aio\.py")


def files(root: pathlib.Path) -> Iterator[str]:
    """Yields the paths of the repository's files, relative to `root`, with slashes, sorted."""
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(set(subfolders) - SKIPPED_FOLDERS)
        for name in sorted(names):
            yield pathlib.Path(folder, name).relative_to(root).as_posix()


def lines(root: pathlib.Path, path: str) -> list[str]:
    """The lines of a text file."""
    return (root / path).read_text(encoding="utf-8").splitlines()


def layer_of(path: str) -> str | None:
    """The layer that a file or an include belongs to; None if it is none of ours."""
    if path.startswith("negatron/") or path.startswith("grpc/health/") or path.startswith("proto/"):
        return "proto"  # Generated headers are included from the root of the protos.
    layer = "/".join(path.split("/")[:2])
    return layer if layer in LAYERS else None


def reachable(layer: str) -> set[str]:
    """The layers that `layer` may include: itself and everything below it."""
    result = {layer}
    for below in LAYERS[layer]:
        result |= reachable(below)
    return result


def includes(root: pathlib.Path, path: str) -> Iterator[tuple[int, str, bool]]:
    """Yields (line number, included path, whether it is in quotes) of a C++ file."""
    for number, line in enumerate(lines(root, path), 1):
        if match := INCLUDE.match(line):
            yield number, match[2], match[1] == '"'


def check_layers(root: pathlib.Path) -> list[str]:
    """Includes go down the layers only, are written from the root, and hide the big libraries."""
    found = []
    for path in files(root):
        if not path.endswith(CODE_SUFFIXES):
            continue
        free = path.startswith("tests/")
        layer = layer_of(path)
        if layer is None and not free:
            found.append(f"{path}:1: lies in no known layer; see LAYERS in tests/repo/checks.py")
            continue
        for number, target, quoted in includes(root, path):
            where = f"{path}:{number}"
            beside = (root / path).parent / target
            if quoted and beside.exists() and not (root / target).exists():
                found.append(f"{where}: include {target} from the root of the repository")
            if free:
                continue
            if target.startswith("tests/"):
                found.append(f"{where}: {target} is for tests only")
            target_layer = layer_of(target)
            if target_layer is not None and target_layer not in reachable(layer):
                found.append(f"{where}: {layer} must not include {target_layer} ({target})")
            for name, (header, home) in EXTERNAL_HEADERS.items():
                if header.match(target):
                    if not home.fullmatch(path):
                        found.append(f"{where}: headers of {name} do not belong here ({target})")
    return found + _check_hnswlib(root)


def _check_hnswlib(root: pathlib.Path) -> list[str]:
    """hnswlib defines functions that are not inline: two sources that include it do not link."""
    users = [
        path
        for path in files(root)
        if path.startswith("server/index/") and path.endswith(CODE_SUFFIXES)
        and any(target.startswith("hnswlib/") for _, target, _ in includes(root, path))
    ]
    return [f"{path}:1: hnswlib is already included by {users[0]}" for path in users[1:]]


def check_registered(root: pathlib.Path) -> list[str]:
    """Every C++ file and folder of tests is in a CMakeLists.txt; pytest finds every Python test."""
    found = []
    all_files = set(files(root))
    top = "tests/CMakeLists.txt"
    top_words = _cmake_words(root, top) if top in all_files else set()
    for path in sorted(all_files):
        if not path.startswith("tests/"):
            continue
        folder, name = path.rsplit("/", 1)
        cmake = f"{folder}/CMakeLists.txt"
        if path.endswith(".cc"):
            if cmake not in all_files:
                found.append(f"{path}:1: its folder has no CMakeLists.txt")
            elif name not in _cmake_words(root, cmake):
                found.append(f"{path}:1: not listed in {cmake}")
        if name == "CMakeLists.txt" and path != top:
            if folder.removeprefix("tests/") not in top_words:
                found.append(f"{path}:1: its folder is not listed in {top}")
    for path in sorted(all_files):
        if PYTEST_NAME.fullmatch(path.rsplit("/", 1)[-1]) and not path.startswith(PYTEST_FOLDERS):
            found.append(f"{path}:1: pytest looks only in {' and '.join(PYTEST_FOLDERS)}")
    return found


def _cmake_words(root: pathlib.Path, path: str) -> set[str]:
    """The arguments in a CMakeLists.txt, without its comments."""
    text = "\n".join(line.split("#", 1)[0] for line in lines(root, path))
    return set(re.split(r"[\s()\"]+", text))


def check_licenses(root: pathlib.Path) -> list[str]:
    """The first line, or the second after `#!`, names the licence."""
    found = []
    for path in files(root):
        name = path.rsplit("/", 1)[-1]
        script = not name.startswith(".") and "." not in name and _is_script(root / path)
        if not (name.endswith(LICENSED_SUFFIXES) or name in LICENSED_NAMES or script):
            continue
        head = lines(root, path)[:2]
        if head and head[0].startswith("#!"):
            head = head[1:]
        if not head or not LICENSE_LINE.match(head[0]):
            found.append(f"{path}:1: no line `SPDX-License-Identifier: Apache-2.0`")
    return found


def _is_script(path: pathlib.Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


PROTO_ELEMENT = re.compile(
    r"(message|enum|service|rpc|oneof)\s+\w+"
    r"|((optional|repeated|map\s*<)\s*)?[\w.<>, ]+\s+\w+\s*=\s*\d+"
    r"|[A-Z][A-Z0-9_]*\s*=\s*-?\d+"
)
PROTO_OTHER = re.compile(r"(syntax|package|import|option|reserved|extensions)\b|\W")


def check_protos(root: pathlib.Path) -> list[str]:
    """Every message, field, enum, value, oneof, service and method has a comment above it."""
    found = []
    for path in files(root):
        if path.endswith(".proto"):
            found += [
                f"{path}:{number}: no comment above `{text}`"
                for number, text, commented in _proto_statements(lines(root, path))
                if PROTO_ELEMENT.match(text) and not PROTO_OTHER.match(text) and not commented
            ]
    return found


def _proto_statements(content: list[str]) -> Iterator[tuple[int, str, bool]]:
    """Yields (line number, first line, whether a comment is right above) of each statement."""
    inside = False  # A statement that an earlier line began goes on.
    commented = False
    for number, line in enumerate(content, 1):
        code = line.split("//", 1)[0].strip()
        if not code:
            commented = line.strip().startswith("//")
            continue
        if not inside:
            yield number, code, commented
        inside = not code.endswith((";", "{", "}"))
        commented = False


def check_sizes(root: pathlib.Path) -> list[str]:
    """Files stay small enough to review."""
    found = []
    for path in files(root):
        limit = MAX_LINES.get(pathlib.PurePath(path).suffix)
        if limit is not None and not GENERATED.fullmatch(path):
            count = len(lines(root, path))
            if count > limit:
                found.append(f"{path}:{limit}: {count} lines, more than {limit}")
    return found


def check_guards(root: pathlib.Path) -> list[str]:
    """A header's guard is its path: two headers with one guard hide each other."""
    found = []
    for path in files(root):
        if path.endswith(".h"):
            guard = "NEGATRON_" + re.sub(r"\W", "_", path).upper() + "_"
            text = lines(root, path)
            if f"#ifndef {guard}" not in text or f"#define {guard}" not in text:
                found.append(f"{path}:1: no guard {guard}")
    return found


CHECKS: tuple[Callable[[pathlib.Path], list[str]], ...] = (
    check_layers,
    check_registered,
    check_licenses,
    check_protos,
    check_sizes,
    check_guards,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[2])
    root = parser.parse_args().root.resolve()
    count = 0
    for check in CHECKS:
        found = check(root)
        count += len(found)
        print(f"{check.__name__}: {len(found) or 'no'} violations")
        for violation in found:
            print(f"  {violation}")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
