"""`village-edge demo`: a whole village on this machine: simulator, broker, controller and phone page."""

from __future__ import annotations

import argparse
import os
import queue
import shlex
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.typed import Address

if TYPE_CHECKING:
    from edge.children import Child
    from edge.shell.clock import Clock

SUMMARY = (
    "Run a whole village on this machine: a simulated one, a broker that only this machine reaches, the controller and "
    "the phone page, with a QR code that opens it on a phone of the same network. Says what to try; Ctrl-C ends all of "
    "it."
)
SITE = "nguyen-ly"
HOST = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - a phone is another machine; who comes needs the token
USER = "head"
READY_S = 30.0
LOOK_S = 0.05  # between two looks at whether a process is ready
LONGEST_RUN_DIR = 70  # a Unix socket's path has at most 107 bytes, and its name stands below this


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--mqtt-port", type=_port, metavar="PORT",
                        help="the broker's port (default: 1883, or a free one if that is taken)")
    parser.add_argument("--http-port", type=_port, metavar="PORT",
                        help="the phone page's port (default: 8080, or a free one if that is taken)")
    parser.add_argument("--only-here", action="store_true",
                        help="serve the page to this machine alone, not to phones of its network")
    parser.add_argument("--state", type=Path, metavar="DIR",
                        help="keep the state and the logs there (default: a temporary directory, removed at the end)")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: write a number from 1 to 65535")
    return int(text)


class _Stopped(Exception):
    """Somebody wants the demo to end."""


class _Died(Exception):
    """A process ended by itself, or did not become ready."""

    def __init__(self, child: Child, what: str) -> None:
        super().__init__(what)
        self.child = child


def run(args: argparse.Namespace) -> int:
    """Start the four, say what to try, and end them at Ctrl-C: 0, or 1 if one of them ended before."""
    at = HOST if args.only_here else EVERYWHERE
    port, page = _choose_port(HOST, args.mqtt_port, 1883), _choose_port(at, args.http_port, 8080)
    for found, wish, option in ((port, args.mqtt_port, "--mqtt-port"), (page, args.http_port, "--http-port")):
        if found is None:
            print(f"port {wish} is taken: leave {option} out, or name another", file=sys.stderr)
            return 1
    assert port is not None
    assert page is not None
    folder = Path(tempfile.mkdtemp(prefix="village-")) if args.state is None else args.state.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    run_dir = folder / "sim"
    if len(os.fsencode(run_dir)) > LONGEST_RUN_DIR:
        run_dir = Path(tempfile.mkdtemp(prefix="village-sim-"))
    demo = _Demo(folder, run_dir, port, Address(at, page))
    status = demo.run()
    if run_dir.parent != folder:
        shutil.rmtree(run_dir, ignore_errors=True)
    if args.state is None and status == 0:
        shutil.rmtree(folder, ignore_errors=True)
    return status


def _choose_port(host: str, wish: int | None, usual: int) -> int | None:
    """The port asked for, else the usual one, else any that is free. None: the one asked for is taken."""
    for port in [wish] if wish else [usual, 0]:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((host, port))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    return None


class _Demo:
    """The four processes and their common end."""

    def __init__(self, folder: Path, run_dir: Path, port: int, page: Address) -> None:
        from edge.access.hashes import new_token
        from edge.shell.clock import SystemClock
        from edge.shell.files import config_dir

        self._folder = folder
        self._run_dir = run_dir
        self._port = port
        self._page = page
        self._token = new_token()
        self._config = config_dir() / f"{SITE}.yaml"
        self._clock: Clock = SystemClock()
        self._happened: queue.SimpleQueue[Child | None] = queue.SimpleQueue()  # None: a signal came
        self._children: list[Child] = []

    def run(self) -> int:
        """From the first process to the last one's end."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._happened.put(None))
        try:
            return self._run()
        finally:
            for child in reversed(self._children):
                child.end()

    def _run(self) -> int:
        try:
            print("Starting a simulated village, a broker, the controller and the phone page …", flush=True)
            self._start()
            print(_what_to_try(self._port, self._config, self._folder), flush=True)
            print("\n".join(self._way_in()), flush=True)
            self._look(None)
        except _Died as died:
            self._explain(died)
            return 1
        except _Stopped:
            print("\nEnding …", flush=True)
        return 0

    def _start(self) -> None:
        from edge.shell.files import replace_file

        ready = self._run_dir / "ready"
        ready.unlink(missing_ok=True)
        broker_config = self._folder / "broker.yaml"
        settings = _BROKER.format(host=HOST, port=self._port, user=USER, token=self._token)
        replace_file(broker_config, settings.encode(), mode=0o600)
        broker = self._launch("broker", "amqtt.scripts.broker_script", "-c", str(broker_config))
        simulator = self._launch("simulator", "simulator", "--config", str(self._config), "--run", str(self._run_dir))
        page = self._launch(
            "page", "edge", "web", "--listen", str(self._page), "--mqtt", f"{HOST}:{self._port}",
        )  # fmt: skip
        self._wait(broker, lambda: _listens(self._port))
        self._wait(simulator, ready.exists)
        controller = self._launch(
            "controller", "edge", "run", "--config", str(self._config), "--state", str(self._folder / "state"),
            "--sim", str(self._run_dir), "--mqtt", f"{HOST}:{self._port}", "--protocol", "3.1.1",
        )  # fmt: skip
        self._wait_online(controller)
        self._wait(page, lambda: _listens(self._page.port))

    def _way_in(self) -> list[str]:
        """How a browser of this machine, and a phone, open the page logged in."""
        from edge.access.lan import page_here
        from edge.access.qr import entry, terminal_lines

        here = entry(f"http://{HOST}:{self._page.port}", USER, self._token)
        lines = ["", "The phone page (Trang điện thoại):", f"  on this machine  {here}"]
        network = page_here(self._page.port) if self._page.host == EVERYWHERE else None
        if network is not None:
            address = entry(network, USER, self._token)
            lines += [f"  on a phone of this network  {address}", *terminal_lines(address, sys.stdout.isatty())]
        return [*lines, "Ctrl-C ends it all."]

    def _launch(self, name: str, module: str, *arguments: str) -> Child:
        from edge.children import Child

        command = [sys.executable, "-P", "-m", module, *arguments]  # -P: nothing in the current directory is meant
        child = Child(name, command, self._folder / f"{name}.log", self._happened.put)
        self._children.append(child)
        return child

    def _look(self, seconds: float | None) -> None:
        """Wait so long (None: for ever) for something that ends the demo."""
        try:
            happened = self._happened.get(timeout=seconds)
        except queue.Empty:
            return
        if happened is None:
            raise _Stopped
        raise _Died(happened, happened.how_it_ended())

    def _wait(self, child: Child, is_ready: Callable[[], bool]) -> None:
        end = self._clock.mono() + READY_S
        while not is_ready():
            if self._clock.mono() > end:
                raise _Died(child, f"was not ready within {READY_S:g} s")
            self._look(LOOK_S)

    def _wait_online(self, controller: Child) -> None:
        from edge.client import Client, Message

        client = Client(Address(HOST, self._port), [f"village/{SITE}/status"], "3.1.1", self._clock)

        def online() -> bool:
            return any(isinstance(event, Message) and event.payload == b"online" for event in client.events(0))

        try:
            self._wait(controller, online)
        finally:
            client.close()

    def _explain(self, died: _Died) -> None:
        print(f"\nThe {died.child.name} {died}. The last it said:", file=sys.stderr)
        for line in died.child.last_lines() or ["(nothing)"]:
            print(f"  {line}", file=sys.stderr)
        print(f"All it said: {died.child.log}", file=sys.stderr, flush=True)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


_BROKER = """\
# The demo's broker: this machine's commands enter as they are, the phone page with its token.
listeners:
  default:
    type: tcp
    bind: "{host}:{port}"
plugins:
  simulator.demo_door.DemoDoor:
    user: "{user}"
    token: "{token}"
"""

_TEXT = """
The village Thôn Nguyên Lý is running on this machine; nothing real is switched.
Open another terminal in {here} and try:

  See what it tells, as it comes (Theo dõi)
    {me} watch{mqtt}
  Turn on a third of the street for two hours (Bật đèn)
    {me} send light/main-road on --level 33 --for 2h{mqtt}
  Give it back to its program (Tự động)
    {me} send light/main-road auto{mqtt}
  Turn the street off (Tắt đèn)
    {me} send light/main-road off{mqtt}
  Water plot 1 for two minutes (Tưới)
    {me} send valve/plot-1 open --for 2m{mqtt}
  Stop all watering (Dừng tưới)
    {me} water stop{mqtt}
  See what is coming (Lịch bật tắt, lịch tưới)
    {me} plan --config {config} --days 2

The broker is at {host}:{port}, the logs are in {folder}."""


def _what_to_try(port: int, config: Path, folder: Path) -> str:
    return _TEXT.format(
        me=_as_typed(), mqtt="" if port == 1883 else f" --mqtt {HOST}:{port}", config=_from_here(config),
        host=HOST, port=port, folder=folder, here=Path.cwd(),
    )  # fmt: skip


def _as_typed() -> str:
    """This program as a person in this directory can type it."""
    program = Path(sys.argv[0])
    if program.name != "village-edge":
        program = Path(sys.executable).with_name("village-edge")
    if not program.exists():
        return f"{shlex.quote(sys.executable)} -m edge"
    found = shutil.which("village-edge")
    return "village-edge" if found and program.samefile(found) else _from_here(program.absolute())


def _from_here(path: Path) -> str:
    """The shorter of the path and its way from the current directory, quoted for a shell."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
