#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures Negatron, against its baselines where it has any, and checks what it draws.

Figures come in groups:
  wire      the server against an echo server and Redis: both are measured in turn, several rounds,
            with the same client beside them on the same cores, and the medians are divided; the
            Python client against the C++ one in the same way
  sampler   a draw in process, without the wire
  scorer    a score in process, by the type of the stored components
  recall    recall of hard searches and their cost, by ef and type (plot_recall.py draws it)
  check     draws counted by an independent checker: what must not be drawn, and the law
  extremes  draws where the catalogue or the row is as bad as it gets, checked against their law
  ingest    latency of sampling while events are written, against idle
  memory    bytes of a pool by structure
  index     hard negatives and embedding updates against stock hnswlib in process, in turn as above;
            the index in process: recall while all vectors move, latency while it is built, memory,
            and starting with it

Without --group all run, those behind `sampler` at a reduced size; with it the named ones at full
size (memory: 10 million items, 100 million events, some ten minutes; index: 100,000 items, 1
million events). Prints a line for each figure and writes them as a JSON list of {name, value, unit,
baseline, ratio}, with the conditions beside. The exit code is 1 if a draw is wrong, or the index or
hnswlib finds too little to be compared.
"""
import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Name, flags of wire_bench, and whether the figure is measured once, on users never asked before.
# Cold figures come first: the others ask for the same users.
WIRE_FIGURES = [
    ("wire_popularity_history_cold", ["--source=popularity", "--histories"], True),
    ("wire_uniform", ["--source=uniform"], False),
    ("wire_popularity", ["--source=popularity"], False),
    ("wire_popularity_history", ["--source=popularity", "--histories"], False),
    ("wire_as_of", ["--source=popularity", "--as-of"], False),
    ("wire_as_of_history", ["--source=popularity", "--as-of", "--histories"], False),
]
# Programs that print figures by themselves: name, and flags at full size, when all groups run, and
# of a smoke test.
PROGRAMS = {
    "check": ("check_draws",
              ["--draws=100000000", "--items=1000000", "--events=10000000"],
              ["--draws=10000000", "--items=200000", "--events=2000000"],
              ["--draws=500000", "--items=20000", "--events=200000"]),
    "extremes": ("extremes_bench",
                 ["--items=1000000", "--events=10000000", "--seconds=1"],
                 ["--items=200000", "--events=2000000", "--seconds=0.3"],
                 ["--items=20000", "--events=200000", "--seconds=0.05"]),
    "ingest": ("ingest_bench",
               ["--items=1000000", "--events=10000000", "--seconds=10"],
               ["--items=200000", "--events=2000000", "--seconds=3"],
               ["--items=20000", "--events=200000", "--seconds=0.5"]),
    "memory": ("pool_memory",
               ["--items=10000000", "--events=100000000"],
               ["--items=1000000", "--events=10000000"],
               ["--items=20000", "--events=200000"]),
    "recall": ("recall_bench", ["--items=100000"], ["--items=50000"], ["--items=5000"]),
}
GROUPS = ["wire", "sampler", "scorer", *PROGRAMS, "index"]
# Items of the index at full size, when all groups run, and of a smoke test; --items overrules.
INDEX_ITEMS = (100_000, 50_000, 20_000)
EVENTS_PER_ITEM = 10
# Below it an index does not count.
LEAST_RECALL = 0.95
PROGRAM_TIMEOUT = 3600
INDEX_TIMEOUT = 4 * PROGRAM_TIMEOUT  # A million items are built again some ten times.
UNIT = "negatives/s"
EVENTS_PER_USER = 100


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="build folder with bin/")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--group", action="append", choices=GROUPS,
                        help="measure only this group, at full size; may be repeated")
    parser.add_argument("--quick", action="store_true",
                        help="a smoke test: 100,000 items, 1,000,000 events (index: 20,000 items), "
                             "short measurements")
    parser.add_argument("--items", type=int,
                        help="items in the catalogue of wire and sampler (default 1,000,000), and "
                             "of index")
    parser.add_argument("--events", type=int, help="events in it (default 10,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each figure")
    parser.add_argument("--seconds", type=float, help="least time of a measurement (default 3)")
    parser.add_argument("--in-flight", type=int, default=4, help="calls, connections at a time")
    parser.add_argument("--load-timeout", type=float, default=3600, help="seconds for the import")
    arguments = parser.parse_args()
    full, reduced, smoke = INDEX_ITEMS
    arguments.index_items = arguments.items or (
        smoke if arguments.quick else full if arguments.group else reduced)
    arguments.items = arguments.items or (100_000 if arguments.quick else 1_000_000)
    arguments.events = arguments.events or (1_000_000 if arguments.quick else 10_000_000)
    arguments.seconds = arguments.seconds or (0.5 if arguments.quick else 3)
    return arguments


def say(text):
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def process(command, log):
    """Runs a server for the length of the block, its output in the file `log`."""
    with open(log, "wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL)
        try:
            yield server
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait_for(ready, server, log, seconds=30):
    """Polls until `ready()` gives something, and returns it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        result = ready()
        if result:
            return result
        time.sleep(0.05)
    raise RuntimeError(f"{server.args[0]} did not start:\n{Path(log).read_text()[-2000:]}")


@contextlib.contextmanager
def grpc_server(command, folder):
    """Runs a server that has --port-file; yields its address."""
    log, port_file = folder / "log", folder / "port"
    with process([*command, f"--port-file={port_file}"], log) as server:
        port = wait_for(lambda: port_file.exists() and port_file.read_text().strip(), server, log)
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def redis_server(folder):
    """Runs a private Redis that keeps nothing; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def answers():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as link:
            link.sendall(b"PING\r\n")
            return link.recv(16).startswith(b"+PONG")
        return False

    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "",
               "--appendonly", "no", "--dir", str(folder)]
    with process(command, folder / "log") as server:
        wait_for(answers, server, folder / "log")
        yield port


def run_json(command, timeout, accepted=(0,)):
    """Runs a program that prints JSON; its progress goes to our standard error."""
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=False,
                            timeout=timeout)
    if result.returncode not in accepted:
        raise RuntimeError(f"{command[0]} failed with exit code {result.returncode}")
    return json.loads(result.stdout)


class Conversation:
    """A program that says what it has prepared, and then measures what it is asked to."""

    def __init__(self, program):
        self.program = program
        self.facts = self._answer()

    def ask(self, measurement):
        self.program.stdin.write(f"{measurement}\n".encode())
        self.program.stdin.flush()
        return self._answer()

    def _answer(self):
        line = self.program.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.program.args[0]} failed")
        return json.loads(line)


@contextlib.contextmanager
def conversation(command):
    """Runs a program that converses; its progress goes to our standard error."""
    with subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as program:
        try:
            yield Conversation(program)
        finally:
            program.terminate()


def text_of(number):
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


class Bench:
    """Measures and keeps the figures."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.bin = arguments.build / "bin"
        self.figures = []
        self.failures = []
        self.conditions = {
            "machine": f"{os.cpu_count()} cores, {cpu_model()}",
            "load_average": round(os.getloadavg()[0], 1),
            "build_type": build_type(arguments.build),
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "items": arguments.items, "events": arguments.events, "rounds": arguments.rounds,
            "seconds": arguments.seconds, "in_flight": arguments.in_flight,
            "quick": arguments.quick,
        }

    def add(self, name, value, baseline=None, unit=UNIT, conditions=None, **more):
        """Keeps a figure and prints its line. A value of None: skipped, with its `reason`."""
        ratio = value / baseline if value and baseline else None
        self.figures.append({"name": name, "value": value, "unit": unit, "baseline": baseline,
                             "ratio": ratio, **more, "conditions": conditions or self.conditions})
        if value is None:
            print(f"{name:32} skipped: {more.get('reason')}", flush=True)
            return
        line = f"{name:32} {text_of(value):>14} {unit}"
        if ratio is not None:
            line += f"   baseline {text_of(baseline):>14}   ratio {ratio:8.3f}"
        numbers = ", ".join(f"{key} {text_of(number)}" for key, number in more.items()
                            if isinstance(number, (int, float)))
        print(f"{line}   {numbers}".rstrip(), flush=True)

    def measure(self, program, flags):
        """One measurement by a Google Benchmark program."""
        command = [self.bin / program, *flags, f"--in-flight={self.arguments.in_flight}",
                   f"--seconds={self.arguments.seconds}", "--benchmark_format=json"]
        result = run_json(command, timeout=180 + 20 * self.arguments.seconds)["benchmarks"][0]
        if result.get("error_occurred") or result.get("skipped"):
            raise RuntimeError(f"{program} {' '.join(map(str, flags))}: {result}")
        return result

    def wire(self, address, flags):
        """One measurement of a gRPC server."""
        users = self.arguments.events // EVENTS_PER_USER
        return self.measure("wire_bench", [*flags, f"--address={address}", f"--users={users}"])

    def compare(self, name, measured, baseline, rounds, unit=UNIT, keys=(), **more):
        """Alternates both and keeps the medians; each returns a result of Google Benchmark, or one
        like it. Keeps further numbers of the results, by `keys`, and `more`."""
        pairs = [(measured(), baseline()) for _ in range(rounds)]

        def median(side, key):
            return statistics.median(pair[side][key] for pair in pairs)

        latencies = {}
        for side, prefix in ((0, ""), (1, "baseline_")):
            for key in ("p50_ms", "p99_ms", *keys):
                if key in pairs[0][side]:
                    latencies[prefix + key] = median(side, key)
        self.add(name, median(0, "items_per_second"), median(1, "items_per_second"), unit,
                 **latencies, **more)

    def load(self, negatrond):
        """Imports the catalogue and keeps the rates."""
        say(f"importing {self.arguments.items:,} items and {self.arguments.events:,} events")
        rates = run_json([self.bin / "load_catalogue", f"--address={negatrond}",
                          f"--items={self.arguments.items}", f"--events={self.arguments.events}"],
                         timeout=self.arguments.load_timeout)
        self.add("import_items", rates["items_per_second"], unit="items/s")
        self.add("import_events", rates["events_per_second"], unit="events/s")

    def run_wire(self, negatrond, echo):
        for name, flags, cold in WIRE_FIGURES:
            say(f"measuring {name}")
            once = ["--once"] if cold else []
            self.compare(name, lambda: self.wire(negatrond, flags + once),
                         lambda: self.wire(echo, flags), 1 if cold else self.arguments.rounds)

    def run_python(self, negatrond):
        """The Python client against the C++ one, both in `wire_popularity`."""
        say("measuring python_vs_cpp")
        command = [sys.executable, Path(__file__).parent / "python_bench.py",
                   f"--address={negatrond}", f"--in-flight={self.arguments.in_flight}",
                   f"--seconds={self.arguments.seconds}"]
        self.compare("python_vs_cpp", lambda: run_json(command, 60 + 10 * self.arguments.seconds),
                     lambda: self.wire(negatrond, ["--source=popularity"]), self.arguments.rounds)

    def run_redis(self, negatrond, folder):
        missing = [what for what, there in (
            ("redis-server", shutil.which("redis-server")),
            ("hiredis", (self.bin / "redis_bench").exists())) if not there]
        if missing:
            self.add("redis_uniform", None, reason=f"no {' and no '.join(missing)}")
            return
        say("measuring redis_uniform")
        with redis_server(folder) as port:
            flags = [f"--port={port}", f"--members={self.arguments.items}"]
            self.compare("redis_uniform", lambda: self.wire(negatrond, ["--source=uniform"]),
                         lambda: self.measure("redis_bench", flags), self.arguments.rounds)

    def run_in_process(self, group, counter, flags=()):
        """A program of Google Benchmark that counts what one draw, or the like, costs."""
        say(f"measuring the {group}")
        command = [self.bin / f"{group}_bench", *flags, "--benchmark_format=json",
                   f"--benchmark_min_time={self.arguments.seconds / 3}"]
        for result in run_json(command, timeout=PROGRAM_TIMEOUT)["benchmarks"]:
            if result.get("error_occurred"):
                self.failures.append(f"{group}_{result['name']}: {result['error_message']}")
            else:
                self.add(f"{group}_{result['name']}", result[counter] * 1e9, unit=f"ns/{counter}")

    def run_group(self, group):
        """A group that one program measures."""
        name, full, reduced, smoke = PROGRAMS[group]
        flags = smoke if self.arguments.quick else full if self.arguments.group else reduced
        self.run_program(name, flags, PROGRAM_TIMEOUT)

    def run_program(self, name, flags, timeout):
        """A program with figures, and perhaps failures, of its own."""
        say(f"running {name} {' '.join(flags)}")
        result = run_json([self.bin / name, *flags], timeout=timeout, accepted=(0, 1))
        conditions = {key: value for key, value in self.conditions.items()
                      if key in ("machine", "load_average", "build_type", "date", "quick")}
        for figure in result["figures"]:
            self.add(**figure, conditions={**conditions, "command": " ".join([name, *flags])})
        self.failures += result["failures"]

    def run_index(self, root):
        """The index behind the server, against hnswlib, and in process."""
        items = self.arguments.index_items
        flags = [f"--items={items}", f"--seconds={self.arguments.seconds}"]
        folder = root / "index"
        folder.mkdir()
        server = [self.bin / "negatrond", "--listen=127.0.0.1:0", "--log-level=warning",
                  f"--data-dir={folder / 'data'}", f"--index-min-items={min(items, 20_000)}"]
        say(f"preparing stock hnswlib with {items:,} items")
        with conversation([self.bin / "hnswlib_bench", *flags]) as stock:
            with grpc_server(server, folder) as negatrond:
                hard = [self.bin / "hard_bench", f"--address={negatrond}", *flags]
                with conversation(hard) as ours:
                    self.compare_index(ours, stock)
            stock_bytes = stock.facts["bytes_per_item"]
        flags += [f"--events={items * EVENTS_PER_ITEM}", f"--stock-bytes={stock_bytes:.1f}",
                  f"--calls={30 if self.arguments.quick else 300}"]
        self.run_program("index_bench", flags, INDEX_TIMEOUT)

    def compare_index(self, ours, stock):
        """Searches first: updates change what there is to find."""
        more = {"conditions": {**self.conditions, "items": self.arguments.index_items, "events": 0}}
        for side, prefix in ((ours, ""), (stock, "baseline_")):
            more.update((prefix + key, value) for key, value in side.facts.items())
            if side.facts["recall"] < LEAST_RECALL:
                self.failures.append(f"hard_vs_hnswlib: {prefix}recall {side.facts['recall']:.3f}")
        for name, command, unit, keys in (
                ("hard_vs_hnswlib", "search", UNIT, ()),
                ("updates_vs_hnswlib", "update", "updates/s", ("durable_per_second",))):
            say(f"measuring {name}")
            self.compare(name, lambda: ours.ask(command), lambda: stock.ask(command),
                         self.arguments.rounds, unit, keys, **more)

    def run(self, root):
        """Measures the groups that were asked for, with files under `root`."""
        for group in self.arguments.group or GROUPS:
            if group == "wire":
                self.run_servers(root)
            elif group == "sampler":
                self.run_in_process(group, "draw", [f"--items={self.arguments.items}",
                                                    f"--events={self.arguments.events}"])
            elif group == "scorer":
                self.run_in_process(group, "vector")
            elif group == "index":
                self.run_index(root)
            else:
                self.run_group(group)

    def run_servers(self, root):
        """Starts the servers with their files under `root` and measures them."""
        folders = {name: root / name for name in ("negatrond", "echo", "redis")}
        for folder in folders.values():
            folder.mkdir()
        server = [self.bin / "negatrond", "--listen=127.0.0.1:0", "--log-level=warning",
                  f"--data-dir={folders['negatrond'] / 'data'}"]
        with grpc_server(server, folders["negatrond"]) as negatrond:
            self.load(negatrond)
            with grpc_server([self.bin / "echo_server"], folders["echo"]) as echo:
                self.run_wire(negatrond, echo)
            self.run_python(negatrond)
            self.run_redis(negatrond, folders["redis"])


def cpu_model():
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def build_type(build):
    with contextlib.suppress(OSError), open(build / "CMakeCache.txt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("CMAKE_BUILD_TYPE:"):
                return line.split("=", 1)[1].strip()
    return "unknown"


def main():
    arguments = parse_arguments()
    # So that servers are stopped and folders removed on SIGTERM too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(arguments)
    with tempfile.TemporaryDirectory(prefix="negatron-bench-") as root:
        bench.run(Path(root))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(bench.figures, indent=2) + "\n")
    say(f"written: {arguments.out}")
    for failure in bench.failures:
        say(f"FAILED: {failure}")
    sys.exit(1 if bench.failures else 0)


if __name__ == "__main__":
    main()
