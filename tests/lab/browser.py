"""A real browser on the controller that opens a page of a lab machine."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from xnai.lab import deps
from xnai.lab.machine import Machine
from xnai.lab.waiting import until


@contextmanager
def forwarded(machine: Machine, port: int) -> Iterator[int]:
    """Yield a port of this host's loopback that leads to `port` of the machine's.

    Any free one: the machine's own number may be taken by a stack on this host.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = free.getsockname()[1]
    ssh, *words = machine.ssh_argv()
    process = subprocess.Popen(
        [ssh, "-N", "-o", "ExitOnForwardFailure=yes",
         "-L", f"127.0.0.1:{own}:127.0.0.1:{port}", *words],
        stdin=subprocess.DEVNULL,
    )

    def leads() -> bool:
        try:
            socket.create_connection(("127.0.0.1", own), timeout=1).close()
        except OSError:
            return False
        return True

    try:
        assert until(leads, timeout_s=20), f"ssh -L {own}: exit code {process.poll()}"
        yield own
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def chromium(address: str, own_port: int) -> Iterator[webdriver.Chrome]:
    """Yield a browser in which `address` (host:port) leads to a port of this host.

    The page sees the address that a person types; every other one has no answer.
    """
    program, driver = deps.browser()
    options = webdriver.ChromeOptions()
    options.binary_location = program
    words = [
        "--headless=new",
        "--window-size=1000,1200",
        "--no-proxy-server",
        f"--host-resolver-rules=MAP {address} 127.0.0.1:{own_port}, MAP * ~NOTFOUND",
        # There the machines have their memory.
        "--disable-dev-shm-usage",
        # Chromium refuses to sandbox itself for root.
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ]
    for word in words:
        options.add_argument(word)
    # With the driver's path given Selenium looks for none on the internet.
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield browser
    finally:
        browser.quit()
