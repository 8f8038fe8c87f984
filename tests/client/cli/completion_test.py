# SPDX-License-Identifier: Apache-2.0
"""The completion scripts, in the shells that are there. NEGATRON_CLI_BINARY names the program."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest

_CLI = os.environ.get("NEGATRON_CLI_BINARY", "")

pytestmark = pytest.mark.skipif(not _CLI, reason="NEGATRON_CLI_BINARY is not set")


def _script(shell: str) -> str:
    return subprocess.run(
        [_CLI, "completion", shell], check=True, capture_output=True, text=True
    ).stdout


def _bash(*words: str) -> list[str]:
    """What bash offers for the last of the words."""
    program = "\n".join((
        _script("bash"),
        f"COMP_WORDS=({' '.join(map(shlex.quote, words))})",
        f"COMP_CWORD={len(words) - 1}",
        "_negatron",
        'printf "%s\\n" "${COMPREPLY[@]}"',
    ))
    done = subprocess.run(
        ["bash", "-euc", program], check=True, capture_output=True, text=True
    )
    assert not done.stderr
    return done.stdout.split()


def test_bash_completes_commands() -> None:
    assert _bash("negatron", "pol") == ["policy"]
    assert _bash("negatron", "policy", "") == ["put", "get", "list", "versions", "delete"]
    assert _bash("negatron", "export", "e") == ["events", "embeddings"]
    # What stands behind an option is its value, even if a command has that name.
    assert _bash("negatron", "--server", "policy", "pol") == ["policy"]


def test_bash_completes_options() -> None:
    offered = _bash("negatron", "sample", "--")
    assert {"--collection", "--count", "--source", "--help", "--server", "--json"} <= set(offered)
    assert len(offered) == len(set(offered))
    assert "--version" not in offered and "--half-life" not in offered
    assert _bash("negatron", "sample", "--collection", "films", "--cou") == ["--count"]
    assert "--version" in _bash("negatron", "--")
    # Names of files, which bash offers when there is nothing else.
    assert _bash("negatron", "export", "items", "--out", "") == []
    assert _bash("negatron", "import", "events", "") == []


def test_bash_is_told_to_use_it() -> None:
    program = _script("bash") + "complete -p negatron"
    done = subprocess.run(["bash", "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["complete", "-o", "default", "-F", "_negatron", "negatron"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_descriptions(shell: str) -> None:
    script = _script(shell)
    assert "Stores policies with a collection" in script
    assert "Id of the collection" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, check=True, text=True)


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_completes() -> None:
    def offered(line: str) -> dict[str, str]:
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"{_script('fish')}\ncomplete -C {shlex.quote(line)}"],
            check=True, capture_output=True, text=True,
        )
        return dict(row.split("\t") for row in done.stdout.splitlines() if "\t" in row)

    assert offered("negatron pol") == {"policy": "Stores policies with a collection"}
    assert offered("negatron policy v")["versions"] == "Lists the versions of a policy"
    assert offered("negatron sample --cou") == {"--count": offered("negatron sample --c")["--count"]}


def test_other_words_are_refused() -> None:
    done = subprocess.run([_CLI, "completion", "csh"], capture_output=True, check=False)
    assert done.returncode == 1
