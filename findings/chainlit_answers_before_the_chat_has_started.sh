#!/bin/sh
# Chainlit 2.12.0: a message is handled while on_chat_start still runs, and what that sends comes below the answer.
#
# Expected: on_chat_start, "called when a new chat session is created", is over before a message of that session is
#   handled: what it sends (a welcome) stands first, and what it puts into the user session is there.
# Seen: chainlit/socket.py starts it as a task of its own and handles messages beside it. A person who types while it
#   waits for something gets the answer first, with a user session that is not filled, and the welcome below it.
# Fails (exit 1) where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check chainlit==2.12.0 websocket-client==1.8.0
cd "$folder"
cat > app.py <<'END'
import asyncio

import chainlit as cl


@cl.on_chat_start
async def start():
    await asyncio.sleep(2)
    cl.user_session.set("ready", True)
    await cl.Message("welcome").send()


@cl.on_message
async def answer(message):
    await cl.Message(f"answer, ready={cl.user_session.get('ready')}").send()
END
cat > ask.py <<'END'
import json
import socket
import subprocess
import sys
import time
import uuid

import websocket

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
server = subprocess.Popen(
    [sys.argv[1], "run", "app.py", "--headless", "--host", "127.0.0.1", "--port", str(port)],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
try:
    for _ in range(240):
        try:
            link = websocket.create_connection(
                f"ws://127.0.0.1:{port}/ws/socket.io/?EIO=4&transport=websocket", timeout=60
            )
            break
        except OSError:
            time.sleep(0.5)
    link.recv()
    link.send("40" + json.dumps({"sessionId": str(uuid.uuid4()), "clientType": "webapp"}))
    link.recv()
    link.send('42["connection_successful"]')
    message = {"id": str(uuid.uuid4()), "name": "user", "type": "user_message", "output": "hello",
               "createdAt": "2026-01-01T00:00:00Z", "threadId": ""}
    link.send("42" + json.dumps(["client_message", {"message": message, "fileReferences": []}]))
    said = []
    while len(said) < 2:
        text = link.recv()
        if text == "2":
            link.send("3")
        elif text.startswith("42"):
            event, *data = json.loads(text[2:])
            if event == "new_message" and data[0]["type"] == "assistant_message":
                said.append(data[0]["output"])
    print(said)
    sys.exit(said != ["answer, ready=None", "welcome"])
finally:
    server.terminate()
END
if venv/bin/python ask.py venv/bin/chainlit; then
    echo "as seen before"
else
    echo "changed"
    exit 1
fi
