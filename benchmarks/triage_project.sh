#!/bin/sh
# A podman-compose project in a login user's store, as somebody makes it by hand: no label of ours, no
# generation, no plan. Run by root on a deployed lab machine, whose images it borrows.
set -eu
id anna >/dev/null 2>&1 || useradd --create-home --shell /bin/bash anna
loginctl enable-linger anna
i=0; until [ -S "/run/user/$(id -u anna)/bus" ] || [ $i -ge 300 ]; do i=$((i+1)); sleep 0.1; done
anna() {
    runuser -u anna -- env -C /home/anna XDG_RUNTIME_DIR="/run/user/$(id -u anna)" \
        DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$(id -u anna)/bus" PATH="$PATH" HOME=/home/anna "$@"
}
docs=$(xnai-podman inspect --format '{{.ImageName}}' xnai_docs)
for image in docker.io/library/redis:8.0 "$docs"; do
    anna podman image exists "$image" || xnai-podman save "$image" | anna podman load --quiet
done
anna podman tag "$docs" localhost/chat_python:1
anna mkdir -p chat
cat > /home/anna/chat/service.py <<'PY'
import http.server, os, socket, sys, urllib.request

def upstream():
    if host := os.environ.get("REDIS_HOST"):
        with socket.create_connection((host, int(os.environ["REDIS_PORT"])), 3) as link:
            link.sendall(b"PING\r\n")
            said = link.recv(200)
            if b"PONG" not in said:
                raise RuntimeError(said.decode())
    if url := os.environ.get("RAG_API_URL"):
        urllib.request.urlopen(url, timeout=5).read()

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            upstream()
            code, text = 200, "ok"
        except Exception as error:
            code, text = 503, f"{type(error).__name__}: {error}"
            print("error", text, file=sys.stderr, flush=True)
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
PY
cat > /home/anna/chat/docker-compose.yml <<'YML'
services:
  redis:
    image: docker.io/library/redis:8.0
    command: redis-server --save 60 1
    volumes: [redis_data:/data]
    restart: always
  rag:
    image: localhost/chat_python:1
    user: "0:0"
    command: python /srv/service.py
    volumes: ["/home/anna/chat/service.py:/srv/service.py:ro"]
    environment: {REDIS_HOST: redis, REDIS_PORT: "6379"}
    ports: ["127.0.0.1:9000:8000"]
    restart: always
  chainlit:
    image: localhost/chat_python:1
    user: "0:0"
    command: python /srv/service.py
    volumes: ["/home/anna/chat/service.py:/srv/service.py:ro"]
    environment: {RAG_API_URL: "http://rag:8000"}
    ports: ["127.0.0.1:9001:8000"]
    restart: always
volumes: {redis_data: {}}
YML
chown -R anna: /home/anna/chat
cat > /usr/local/bin/anna-podman <<'SH'
#!/bin/sh
exec runuser -u anna -- env -C /home/anna/chat HOME=/home/anna XDG_RUNTIME_DIR="/run/user/$(id -u anna)" \
    DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$(id -u anna)/bus" podman "$@"
SH
cat > /usr/local/bin/anna-up <<'SH'
#!/bin/sh
anna-podman rm --force --all --time 1 >/dev/null 2>&1
exec runuser -u anna -- env -C /home/anna/chat HOME=/home/anna XDG_RUNTIME_DIR="/run/user/$(id -u anna)" \
    DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$(id -u anna)/bus" PATH="$PATH" \
    /opt/xnai/podman-compose/bin/podman-compose --in-pod=false up --detach
SH
chmod 755 /usr/local/bin/anna-podman /usr/local/bin/anna-up
anna-up
anna-podman ps
