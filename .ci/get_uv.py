"""Put the uv version that uv.lock names into .tools/uv, without root and without pip.

Run by `make setup` with the system's Python (3.11 or newer, standard library only).
The wheel's address and sha256 come from uv.lock, so nothing is trusted that the repository
does not name.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / ".tools" / "uv"


def wanted_wheel() -> tuple[str, str, str]:
    """Return (version, address, sha256) of the uv wheel for this machine.

    Raises SystemExit with a sentence where uv.lock has no wheel for it.
    """
    import tomllib  # not in Python 3.10: main() has said so before this line

    packages = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    uv = next(package for package in packages if package["name"] == "uv")
    libc = "musllinux" if platform.libc_ver()[0] == "" else "manylinux"
    for wheel in uv["wheels"]:
        name = wheel["url"].rsplit("/", 1)[1]
        if libc in name and f"_{platform.machine()}." in name:
            return uv["version"], wheel["url"], wheel["hash"].removeprefix("sha256:")
    sys.exit(
        f"uv {uv['version']}: no wheel for {platform.machine()} ({libc}) in uv.lock. "
        "Install uv yourself (https://docs.astral.sh/uv/) and run make setup again."
    )


def main() -> None:
    """Download, verify and unpack uv, unless this version is already there."""
    if sys.version_info < (3, 11):  # noqa: UP036  (the system's Python is what it is)
        sys.exit(
            f"Python {platform.python_version()} found, 3.11 or newer needed. Install a newer "
            "python3, or install uv yourself (it brings a Python) and run make setup again."
        )
    version, address, sha256 = wanted_wheel()
    marker = TARGET.parent / "uv.version"
    if TARGET.exists() and marker.exists() and marker.read_text("utf-8") == version:
        return
    print(f"Fetching uv {version} from PyPI into .tools/ ...", flush=True)
    started = time.monotonic()
    try:
        with urllib.request.urlopen(address, timeout=120) as response:  # noqa: S310 (https, from uv.lock)
            data = response.read()
    except OSError as error:
        sys.exit(f"Could not fetch {address}: {error}. Check the network or the proxy, then retry.")
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        sys.exit(f"{address}: sha256 is {found}, uv.lock wants {sha256}. Nothing was installed.")
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        member = next(name for name in wheel.namelist() if name.endswith("/scripts/uv"))
        TARGET.parent.mkdir(exist_ok=True)
        partial = TARGET.with_suffix(f".{os.getpid()}")
        partial.write_bytes(wheel.read(member))
    partial.chmod(0o755)
    partial.replace(TARGET)
    marker.write_text(version, "utf-8")
    print(f"uv {version} is in .tools/uv ({time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
