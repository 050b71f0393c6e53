#!/usr/bin/env python3
"""Measures what HTTP costs on this machine, beside the library without it: throughput with 1, 8, 64 and 512 clients, what becomes of it at
four times as many requests as are answered, the time that HTTP adds at 1,000 requests a second, and the memory of idle connections.

Usage: run.py PROGRAM MINILM_FOLDER [--phases library,clients,overload,paced,idle] [--output FILE.json]. Prints one JSON object. The
requests come from load.cpp beside this file, on the same cores as the server: what it takes of them is told, and so are the shares with
and without it.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LENGTHS = [8, 12, 16, 24, 32, 48, 64, 96, 128]  # tokens, two of them special
WORDS = ["the", "boat", "on", "water", "is", "at", "home", "and", "we", "are", "not", "there"]  # a token each
CORES = len(os.sched_getaffinity(0))


def build_load():
    program = ROOT / "build" / "bin" / "load"
    program.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([os.environ.get("CXX", "c++"), "-std=c++20", "-O2", "-o", str(program), str(HERE / "load.cpp")], check=True)
    return program


def write_bodies(file, model, copies=7):
    texts = [" ".join(WORDS[(i * 5 + n * 7) % len(WORDS)] for i in range(2, length)) for n, length in enumerate(LENGTHS * copies)]
    file.write_text("".join(json.dumps({"model": model, "encoding_format": "base64", "input": text}) + "\n" for text in texts))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024


class Bench:
    def __init__(self, program, minilm):
        self.program, self.minilm, self.load = program, minilm, build_load()

    @contextlib.contextmanager
    def server(self, *models):
        process = subprocess.Popen([self.program, "serve", *models, "--port", "0", "--backend", "cpu", "--precision", "fp32", "--keep-alive", "-1",
                                    "--log-requests", "off", "--preload"], stderr=subprocess.PIPE, text=True)  # fmt: skip
        try:
            yield process, re.search(r":(\d+),", process.stderr.readline()).group(1)
        finally:
            process.terminate()
            process.wait(60)

    def ask(self, process, port, **fields):
        before, begin = cpu_seconds(process.pid), time.monotonic()
        words = [f"{name}={value}" for name, value in fields.items()]
        line = subprocess.run([self.load, port, "path=/v1/embeddings", *words], capture_output=True, text=True, check=True).stdout
        took = time.monotonic() - begin
        return {**json.loads(line), "server_cpu_seconds": cpu_seconds(process.pid) - before, "wall_seconds": took}

    def library(self):
        line = subprocess.run([self.program, "bench", self.minilm, "--lengths", ",".join(map(str, LENGTHS * 7)), "--backend", "cpu", "--precision", "fp32",
                               "--json"], capture_output=True, text=True, check=True).stdout  # fmt: skip
        return json.loads(line)["sequences_per_second"]

    def rate(self, measured):
        """Answers a second, and the same had the load's own part of the cores been the server's."""
        rate = measured["statuses"]["200"]["within"] / measured["seconds"]
        return rate, rate / (1 - measured["own_cpu_seconds"] / (CORES * measured["wall_seconds"]))


def measure_clients(bench, bodies, result, phases):
    with bench.server(f"{bench.minilm}=minilm") as (process, port):
        bench.ask(process, port, bodies=bodies, clients=8, seconds=2)
        saturated = 0
        library = result["library_texts_per_second"]
        if "clients" in phases:
            result["clients"] = {}
            for clients in (1, 8, 64, 512):
                measured = bench.ask(process, port, bodies=bodies, clients=clients, seconds=8, warm=1)
                rate, without_load = bench.rate(measured)
                saturated = max(saturated, rate)
                result["clients"][clients] = {"texts_per_second": rate, "share": rate / library, "share_without_load": without_load / library, **measured}
            result["library_texts_per_second_after"] = bench.library()
        if "overload" in phases:
            if not saturated:
                saturated, _ = bench.rate(bench.ask(process, port, bodies=bodies, clients=512, seconds=8, warm=1))
            measured = bench.ask(process, port, bodies=bodies, clients=8000, rate=4 * saturated, seconds=15, warm=5)
            rate, without_load = bench.rate(measured)
            result["overload"] = {"asked_per_second": 4 * saturated, "saturated_per_second": saturated, "kept": rate / saturated,
                                  "kept_without_load": without_load / saturated, **measured}  # fmt: skip


def measure_paced(bench, bodies, result):
    folder = ROOT / "tests" / "tasks" / "fixtures" / "embed_mean"
    with bench.server(f"{folder}=minilm") as (process, port):
        bench.ask(process, port, bodies=bodies, clients=64, rate=1000, seconds=1)
        result["paced_1000"] = bench.ask(process, port, bodies=bodies, clients=64, rate=1000, seconds=10, warm=1)


def measure_idle(bench, result, count):
    folder = ROOT / "tests" / "tasks" / "fixtures" / "embed_mean"
    with bench.server(f"{folder}=minilm") as (process, port):
        before = resident_bytes(process.pid)
        load = subprocess.Popen([bench.load, port, "path=/health", f"idle={count}", "hold=2"], stdout=subprocess.PIPE, text=True)
        held = json.loads(load.stdout.readline())
        result["idle"] = {"connections": held["idle"], "broken": held["broken"], "bytes": resident_bytes(process.pid) - before}
        load.wait(60)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("minilm")
    parser.add_argument("--phases", default="library,clients,overload,paced,idle")
    parser.add_argument("--idle-connections", type=int, default=10000)
    parser.add_argument("--output")
    wish = parser.parse_args()
    phases = wish.phases.split(",")
    bench = Bench(wish.program, wish.minilm)
    machine = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    result = {"date": datetime.date.today().isoformat(), "machine": machine.group(1) if machine else platform.processor(), "cores": CORES,
              "lengths": LENGTHS, "library_texts_per_second": bench.library() if {"library", "clients"} & set(phases) else 0}  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        bodies = pathlib.Path(temporary) / "bodies.jsonl"
        write_bodies(bodies, "minilm")
        if {"clients", "overload"} & set(phases):
            measure_clients(bench, bodies, result, phases)
        if "paced" in phases:
            short = pathlib.Path(temporary) / "short.jsonl"
            short.write_text('{"model":"minilm","input":"Ada Lovelace wrote the program."}\n')
            measure_paced(bench, short, result)
        if "idle" in phases:
            measure_idle(bench, result, wish.idle_connections)
    text = json.dumps(result, indent=1)
    print(text)
    if wish.output:
        pathlib.Path(wish.output).write_text(text + "\n")


if __name__ == "__main__":
    main()
