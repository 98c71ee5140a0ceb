#!/usr/bin/env python3
"""What the kernels of a run took: python3 cuda_kernel_times.py < CSV

The input is what `ncu --csv --page raw --print-units base` prints, lines of the program between it or
not. A line for each kernel and grid, those that took most in all first.
"""
import csv
import re
import sys

TIME, BYTES = "gpu__time_duration.sum", "dram__bytes_read.sum"


def short(name):
    """multiply_few<Codes 6, ...> of what ncu prints: no name spaces, return types and parameters."""
    name = re.sub(r"\(?(linnet::)(cuda::)?\w*\)?(?=\d)", "", name)
    name = re.sub(r"linnet::(cuda::)?", "", name)
    name = re.sub(r"^void ", "", name)
    depth = 0
    for at, letter in enumerate(name):
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "(" and depth == 0:
            return name[:at]
    return name


def number(text):
    return float(text.replace(",", "") or 0)


def main():
    lines = sys.stdin.read().splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith('"ID"')]
    if not starts:
        sys.exit("nothing was measured")
    kernels = {}
    for row in csv.DictReader(lines[starts[0]:]):
        if not (row["ID"] or "").isdigit():
            continue  # the line of units, and what the program printed
        key = (short(row["Kernel Name"]), row["Grid Size"].replace(" ", ""))
        count, time, read = kernels.get(key, (0, 0.0, 0.0))
        kernels[key] = (count + 1, time + number(row[TIME]), read + number(row.get(BYTES) or "0"))
    all_ns = sum(time for _, time, _ in kernels.values())
    print(f"{sum(k[0] for k in kernels.values())} kernels, {all_ns / 1e3:.1f} us in all")
    print(f"{'share':>6} {'count':>6} {'us each':>9} {'GB/s read':>9}  kernel, grid")
    for key, (count, time, read) in sorted(kernels.items(), key=lambda item: -item[1][1])[:25]:
        rate = read / time if time else 0.0  # bytes a nanosecond
        print(f"{100 * time / all_ns:5.1f}% {count:6} {time / count / 1e3:9.2f} {rate:9.0f}  {' '.join(key)}")


main()
