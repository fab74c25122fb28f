"""An engine to be measured, and those who load it; for the rows of this folder."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from statistics import median  # for the rows

BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
CHAMELEON = str(BUILD / "bin" / "chameleon")
MODEL = "models/demo"
DEVICE = os.environ.get("DEVICE", "cpu")  # DEVICE=cuda: the same on a GPU
END = {"done", "error", "adapters", "stats"}  # of the last line to an ask


def say(*what):
    print(*what, file=sys.stderr, flush=True)


@contextlib.contextmanager
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="chameleon-elastic."))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def synth(path, rank, seed=1, model=MODEL, targets=None):
    more = ["--targets", targets] if targets else []
    subprocess.run([CHAMELEON, "synth", "adapter", "--model", model, "--out",
                    str(path), "--rank", str(rank), "--seed", str(seed)] + more,
                   check=True, stdout=subprocess.DEVNULL)


def model_of(shape):
    """A random model of a known shape, kept beside the build."""
    path = BUILD / "bench" / shape
    if not (path / "config.json").exists():
        subprocess.run([CHAMELEON, "synth", "model", shape, "--out", str(path)],
                       check=True, stdout=subprocess.DEVNULL)
    return str(path)


def copies(root, n, ranks, model=MODEL, targets=None):
    """n adapters of these ranks in turn; files of one rank are one on the disk."""
    root.mkdir()
    for rank in sorted(set(ranks)):
        synth(root.parent / f"rank{rank}", rank, model=model, targets=targets)
    for i in range(n):
        to = root / f"a{i:05}"
        to.mkdir()
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            os.link(root.parent / f"rank{ranks[i % len(ranks)]}" / name,
                    to / name)


class Lines:
    """One JSON object a line, to a socket of the engine."""

    def __init__(self, address):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket()
        self.socket.connect(address)
        self.file = self.socket.makefile("r", encoding="utf-8")
        self.n = 0

    def send(self, *objects):
        self.socket.sendall("".join(
            json.dumps(o) + "\n" for o in objects).encode())

    def read(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the engine closed the connection")
        return json.loads(line)

    def ask(self, **fields):
        self.n += 1
        self.send(dict(fields, id=self.n))
        while True:
            reply = self.read()
            if reply.get("id") == self.n and END & reply.keys():
                return reply

    def close(self):
        self.socket.close()


class Engine:
    """Serves until the end of a with statement."""

    def __init__(self, at, adapters=None, **settings):
        self.dir = at / "run"
        self.dir.mkdir(exist_ok=True)
        self.dir.chmod(0o700)
        self.name = f"elastic-{os.getpid()}"
        chosen = {"model": MODEL, "instance": self.name,
                  "run_dir": str(self.dir), "listen": "127.0.0.1:0",
                  "metrics.listen": "", "threads": 1, "log": "warn",
                  "device": DEVICE,
                  "adapters": str(adapters) if adapters else ""}
        chosen.update({k.replace("__", "."): v for k, v in settings.items()})
        self.command = [CHAMELEON, "serve"]
        for key, value in chosen.items():
            self.command += ["--set", f"{key}={value}"]

    def __enter__(self):
        begun = time.monotonic()
        self.log = open(self.dir / "log", "w")
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        for line in self.process.stdout:
            if line.startswith("ready "):
                break
        else:
            raise RuntimeError((self.dir / "log").read_text())
        self.ready_s = time.monotonic() - begun
        host = line.split("listen=")[1].split()[0]
        self.host = host
        self.address = (host.rsplit(":", 1)[0], int(host.rsplit(":", 1)[1]))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def client(self):
        return Lines(self.address)

    def admin(self):
        return Lines(str(self.dir / "admin.sock"))

    def set(self, key, value):
        reply = self.admin().ask(op="set", key=key, value=str(value))
        assert reply.get("done"), reply

    def stats(self):
        return self.client().ask(op="stats")["stats"]

    def load(self, *options):
        """What `chameleon bench` says of a load."""
        r = subprocess.run([CHAMELEON, "bench", "-c", self.host, "--json", "-",
                            "--instance", self.name, *map(str, options)],
                           capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError(f"chameleon bench: {r.stderr[-2000:]}")
        return json.JSONDecoder().raw_decode(r.stdout)[0]


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def result(**numbers):
    print(json.dumps(numbers, indent=1))
