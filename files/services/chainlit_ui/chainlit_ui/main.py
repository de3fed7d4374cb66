"""The ASGI application: `uvicorn chainlit_ui.main:app --host 0.0.0.0 --port 8001`.

Chainlit writes its configuration, translations and session files below one directory, and reads
what it finds there when it is imported. That directory is made first, in /tmp: everything else is
read-only, and there is no HOME.
"""

from __future__ import annotations

import os
import secrets
import shutil
from importlib.util import find_spec
from pathlib import Path

from service_common import secret
from service_common.guard import App, Guard

from chainlit_ui import page, settings, stand_ins
from chainlit_ui.settings import Settings


def _prepare(where: Settings) -> None:
    """Make Chainlit's directory, with our configuration, and tell Chainlit."""
    directory = where.directory
    shutil.rmtree(directory, ignore_errors=True)
    (directory / ".chainlit").mkdir(parents=True, mode=0o700)
    config = Path(__file__).with_name("config.toml").read_text("utf-8")
    config = config.replace("max_size_mb = 32", f"max_size_mb = {where.max_file_mib}")
    if where.ingest_token is None:
        config = config.replace("enabled = true\naccept", "enabled = false\naccept")
    (directory / ".chainlit/config.toml").write_text(config, "utf-8")
    # No welcome text; a missing file would be filled with Chainlit's own.
    (directory / "chainlit.md").touch()
    found = find_spec("chainlit")
    if found is None or found.origin is None:
        raise SystemExit("chainlit is not installed; see requirements.txt")
    page.offline_build(Path(found.origin).parent / "frontend/dist", directory / "build")
    os.environ["CHAINLIT_APP_ROOT"] = str(directory)


def make(where: Settings) -> App:
    """Return the application."""
    _prepare(where)
    stand_ins.install()
    password = secret.read("chainlit_password")
    # Signs the cookie of a person who logged in. A made-up one: a restart asks for the password
    # again.
    os.environ["CHAINLIT_AUTH_SECRET"] = (
        secret.read("chainlit_auth_secret") or secrets.token_urlsafe(48)
    )
    # Importing it reads the directory and the environment, so it comes last.
    from chainlit.config import config
    from chainlit.server import app, get_html_template

    from chainlit_ui import chat

    config.run.headless = True  # else it opens a browser
    config.run.host, config.run.port = "0.0.0.0", 8001  # what it logs
    chat.register(where, password)
    headers = {
        "Content-Security-Policy": page.policy(get_html_template("")),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return Guard(
        page.UploadLimit(page.Headers(app, headers), where.max_file_mib << 20), where.hosts, where.origins,
        hosts_setting=settings.HOSTS, origins_setting=settings.ORIGINS,
    )


app = make(settings.read())
