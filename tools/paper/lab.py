"""Simulated runs: made once, kept under build/paper by all that they depend on."""

import concurrent.futures
import csv
import dataclasses
import gzip
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import time

KEEP_ROWS = 24  # results whose requests stay in memory


@dataclasses.dataclass(frozen=True)
class Job:
    """One run of `chameleon sim`; what is None is not passed."""

    system: str
    cost: str
    rps: float
    seed: int = 1
    duration: float | None = None  # s of arrivals, warm-up included
    warm_up: float | None = None
    requests: int | None = None
    slo_ms: float | None = None
    work: tuple = ()       # (option, value), as ("adapters", 100)
    sets: tuple = ()       # "policy.eviction=lru"
    cost_sets: tuple = ()  # "load_stall_ms=5"
    trace: bool = True
    rows: bool = False     # keep every request
    memory: bool = False   # keep memory over time

    def arguments(self, lab):
        out = ["--system", self.system, "--cost", lab.copy(self.cost), "--seed", str(self.seed)]
        if self.trace:
            out += ["--trace", lab.trace, "--rps", f"{self.rps:.6g}"]
        else:
            out += ["--poisson", f"{self.rps:.6g}"]
        for name, value in [("duration", self.duration), ("warm-up", self.warm_up),
                            ("requests", self.requests), ("slo-ms", self.slo_ms), *self.work]:
            if value is not None:
                text = f"{value:.6g}" if isinstance(value, float) else str(value)
                out.append(f"--{name}={text}")
        for text in self.sets:
            out += ["--set", text]
        for text in self.cost_sets:
            out += ["--cost-set", text]
        return out


class Result:
    """A run's JSON, and its requests where they were kept."""

    def __init__(self, lab, job, data, key):
        self.lab, self.job, self.data, self.key = lab, job, data, key

    def __getitem__(self, name):
        return self.data[name]

    @property
    def failed_share(self):
        return self.data["failed"] / max(1, self.data["requests"])

    def ttft(self, which="p99"):
        """In ms; infinite when more than one request in a hundred failed."""
        if which == "p99" and self.failed_share > 0.01:
            return math.inf
        return self.data["ttft_ms"][which]

    def rows(self):
        return self.lab.rows(self)

    def memory(self):
        """(s, GB of KV, of adapters in use, of idle ones) of each second."""
        path = self.lab.path(self.key, ".memory.tsv")
        with open(path, encoding="utf-8") as file:
            return [[float(x) for x in line.split()] for line in file]


def digest_file(path):
    h = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            h.update(block)
    return h.hexdigest()


class Lab:
    def __init__(self, binary, trace, root, folder, workers, quiet=False):
        self.trace, self.root, self.folder = trace, root, folder
        self.workers, self.quiet = workers, quiet
        os.makedirs(folder, exist_ok=True)
        self.digests, self.copies = {}, {}
        self.binary_digest = digest_file(binary)
        self.binary = self.keep_binary(binary)
        self.results, self.recent = {}, []
        self.made = self.found = 0
        self.start = time.monotonic()
        self.what = ""

    def keep_binary(self, path):
        """A copy, so that a build meanwhile does not change what is measured."""
        mine = os.path.join(self.folder, f"chameleon-{self.binary_digest[:12]}")
        if not os.path.exists(mine):
            shutil.copy2(path, mine + f".{os.getpid()}")
            os.replace(mine + f".{os.getpid()}", mine)
        return mine

    def copy(self, path):
        """Likewise of a cost model."""
        if path not in self.copies:
            name = os.path.splitext(os.path.basename(path))[0]
            mine = os.path.join(self.folder, f"{name}-{self.digest(path)[:12]}.yaml")
            if not os.path.exists(mine):
                shutil.copy2(os.path.join(self.root, path), mine)
            self.copies[path] = mine
        return self.copies[path]

    def digest(self, path):
        if path not in self.digests:
            self.digests[path] = digest_file(os.path.join(self.root, path))
        return self.digests[path]

    def key(self, job):
        given = {self.trace: self.digest(self.trace), self.copy(job.cost): self.digest(job.cost)}
        text = "\0".join([self.binary_digest, *(given.get(a, a) for a in job.arguments(self))])
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def path(self, key, end):
        return os.path.join(self.folder, key[:2], key + end)

    def get(self, jobs):
        """The results of jobs, in their order; those that lack are run."""
        keys = [self.key(job) for job in jobs]
        todo = {}
        for key, job in zip(keys, jobs):
            old = self.results.get(key)
            if old is None and (old := self.load(key, job)) is not None:
                self.results[key] = old
                self.found += 1
            if old is None or not self.complete(key, job):
                if key in todo:
                    job = dataclasses.replace(job, rows=job.rows or todo[key].rows,
                                              memory=job.memory or todo[key].memory)
                todo[key] = job
        self.run_all(todo)
        return [self.results[key] for key in keys]

    def one(self, job):
        return self.get([job])[0]

    def complete(self, key, job):
        return ((not job.rows or os.path.exists(self.path(key, ".csv.gz"))) and
                (not job.memory or os.path.exists(self.path(key, ".memory.tsv"))))

    def load(self, key, job):
        try:
            with open(self.path(key, ".json"), encoding="utf-8") as file:
                return Result(self, job, json.load(file), key)
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def run_all(self, todo):
        done = 0
        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            waiting = {pool.submit(self.run, key, job): key for key, job in todo.items()}
            try:
                for future in concurrent.futures.as_completed(waiting):
                    self.results[waiting[future]] = future.result()
                    done += 1
                    self.made += 1
                    self.show(done, len(todo))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def show(self, done, of):
        if self.quiet:
            return
        passed = int(time.monotonic() - self.start)
        text = (f"{self.what}: {done} of {of} runs; {self.made} made, {self.found} found, "
                f"{passed // 60}:{passed % 60:02} min")
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="\n" if done == of else "", file=sys.stderr, flush=True)
        elif done == of and of > 1:
            print(text, file=sys.stderr, flush=True)

    def run(self, key, job):
        part = self.path(key, f".{os.getpid()}")
        os.makedirs(os.path.dirname(part), exist_ok=True)
        command = [self.binary, "sim", *job.arguments(self), "--quiet", "--json", part + ".json"]
        if job.rows:
            command += ["--csv", part + ".csv"]
        if job.memory:
            command += ["--plots", part + ".plots"]
        ran = subprocess.run(command, cwd=self.root, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, check=False)
        if ran.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{ran.stderr[-2000:]}")
        if job.rows:
            with open(part + ".csv", "rb") as plain, \
                    gzip.GzipFile(part + ".gz", "wb", compresslevel=3, mtime=0) as packed:
                shutil.copyfileobj(plain, packed)
            os.remove(part + ".csv")
            os.replace(part + ".gz", self.path(key, ".csv.gz"))
        if job.memory:
            os.replace(os.path.join(part + ".plots", "memory.tsv"), self.path(key, ".memory.tsv"))
            shutil.rmtree(part + ".plots")
        os.replace(part + ".json", self.path(key, ".json"))
        return self.load(key, job)

    def rows(self, result):
        """{column: values} of the requests that counted and did not fail."""
        for key, rows in self.recent:
            if key == result.key:
                return rows
        with gzip.open(self.path(result.key, ".csv.gz"), "rt", encoding="ascii") as file:
            reader = csv.reader(file)
            names = next(reader)
            failed = names.index("failed")
            lines = [line for line in reader if line[failed] == "0"]
        rows = {name: list(map(float, column)) for name, column in zip(names, zip(*lines))}
        rows = rows or {name: [] for name in names}
        self.recent = [(result.key, rows), *self.recent[:KEEP_ROWS - 1]]
        return rows
