"""Series with known steps, in the families that `docs/statistics.md` describes, from seeds of one's own.

    python3 benches/changes/generate.py 7 100 series.csv truth.csv
    backsight changepoints --csv series.csv | grep step > found.jsonl

writes 100 series a family. Standard library only.
"""
import math
import random
import sys


def noise(family, n, sigma, rng):
    if family == "gauss":
        return [rng.gauss(0, sigma) for _ in range(n)]
    if family == "heavy":
        t = [rng.gauss(0, 1) / math.sqrt(rng.gammavariate(1.5, 2) / 3) for _ in range(n)]
        return [sigma * x + (sigma * rng.uniform(8, 30) if rng.random() < 0.03 else 0) for x in t]
    if family == "bimodal":
        gap = rng.uniform(4, 8) * sigma
        return [rng.gauss(0, sigma) + (gap if rng.random() < 0.5 else 0) for _ in range(n)]
    if family in ("ar3", "ar6"):
        rho = {"ar3": 0.3, "ar6": 0.6}[family]
        x, out = rng.gauss(0, 1), []
        for _ in range(n):
            x = rho * x + math.sqrt(1 - rho * rho) * rng.gauss(0, 1)
            out.append(sigma * x)
        return out
    if family == "skewed":
        return [sigma * (rng.expovariate(1) - 1) for _ in range(n)]
    if family == "drift":
        total = rng.choice((-1, 1)) * rng.uniform(3, 10) * sigma
        return [rng.gauss(0, sigma) + total * i / (n - 1) for i in range(n)]
    if family == "periodic":
        period, amplitude, phase = rng.uniform(7, 40), rng.uniform(1, 4) * sigma, rng.uniform(0, 7)
        return [rng.gauss(0, sigma) + amplitude * math.sin(2 * math.pi * i / period + phase) for i in range(n)]
    raise ValueError(family)


def main():
    seed, count, series, truth = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    rng = random.Random(seed)
    with open(series, "w") as values, open(truth, "w") as steps:
        values.write("series_id,index,value\n")
        steps.write("series_id,index\n")
        for family in ("gauss", "heavy", "bimodal", "ar3", "ar6", "skewed", "drift", "periodic"):
            for kind in ("null",) if family in ("drift", "periodic") else ("null", "step"):
                for number in range(count):
                    n = rng.choice((40, 80, 120, 200))
                    sigma = rng.uniform(0.005, 0.05)
                    base = noise(family, n, sigma, rng)
                    at = []
                    if kind == "step":
                        at = sorted(rng.sample(range(12, n - 12), 1))
                        if n >= 80 and rng.random() < 0.4:
                            second = rng.randrange(12, n - 12)
                            at = sorted({at[0], second}) if abs(second - at[0]) >= 20 else at
                    level, name = 0.0, f"{family}_{kind}-{number:04}"
                    for i in range(n):
                        if i in at:
                            level += rng.choice((-1, 1, 1)) * rng.choice((2, 4, 8)) * sigma
                            steps.write(f"{name},{i}\n")
                        values.write(f"{name},{i},{100 * math.exp(base[i] + level)!r}\n")


main()
