#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Negatives a second as NumPy arrays through the Python client.

One client with several calls of 4096 rows x 8 in flight, as `negatron.overlap` keeps them: what
wire_bench asks for with --source=popularity. Prints a JSON object with `items_per_second`.
"""
import argparse
import itertools
import json
import time

import numpy as np

import negatron

COLLECTION = "bench"
ROWS, NEGATIVES = 4096, 8
REQUESTS = 16


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", required=True, help="server, host:port")
    parser.add_argument("--in-flight", type=int, default=4, help="calls at a time")
    parser.add_argument("--seconds", type=float, default=2, help="least time of the measurement")
    return parser.parse_args()


def take(samples, seconds):
    """Takes samples for so long; returns their number and the time that it took."""
    begin = time.monotonic()
    for count in itertools.count(1):
        sample = next(samples)
        if sample.items.shape != (ROWS, NEGATIVES) or sample.log_q.shape != (ROWS, NEGATIVES):
            raise RuntimeError("a response has another shape")
        if (sample.drawn_counts != NEGATIVES).any():
            raise RuntimeError("a response is not full")
        elapsed = time.monotonic() - begin
        if elapsed >= seconds:
            return count, elapsed


def main():
    arguments = parse_arguments()
    random = np.random.default_rng(1)
    keys = random.integers(0, 2**63, (REQUESTS, ROWS), np.int64)
    with negatron.Client(arguments.address) as client:
        def start(row_keys):
            return client.sample_async(COLLECTION, NEGATIVES, policy=negatron.Popularity(),
                                       row_keys=row_keys, outputs=["log_q"])

        answers = negatron.overlap(itertools.cycle(keys), start, arguments.in_flight)
        samples = (sample for _, sample in answers)
        take(samples, 0.2 * arguments.seconds)
        count, elapsed = take(samples, arguments.seconds)
        answers.close()
    print(json.dumps({"items_per_second": count * ROWS * NEGATIVES / elapsed}))


if __name__ == "__main__":
    main()
