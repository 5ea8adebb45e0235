"""Syslog daemon: Debian's syslog-ng on loopback, over TCP and TLS, writing what it understood."""

from __future__ import annotations

import base64
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import trustme
from s3_server import _free_ports, _until
from stores import START_SECONDS, find_program

FIELDS = ("priority", "time", "host", "app", "kind", "event_id", "message")
"""What is written of each message, in base64, so that nothing in it can look like the next."""
CONFIGURATION = """
@version: 3.35
options { keep-hostname(yes); use-dns(no); log-msg-size(1048576); stats-freq(0); flush-lines(1);
          ts-format(iso); frac-digits(6); time-zone("UTC"); create-dirs(no); keep-timestamp(yes); };
source tcp { network(ip("127.0.0.1") port(%(tcp)d) transport("tcp") flags(syslog-protocol)
             max-connections(100)); };
source octets { syslog(ip("127.0.0.1") port(%(octets)d) transport("tcp") max-connections(100)); };
source tls { syslog(ip("127.0.0.1") port(%(tls)d) transport("tls") max-connections(100)
             tls(key-file("%(folder)s/key.pem") cert-file("%(folder)s/cert.pem")
                 peer-verify(optional-untrusted))); };
source mutual { syslog(ip("127.0.0.1") port(%(mutual)d) transport("tls") max-connections(100)
                tls(key-file("%(folder)s/key.pem") cert-file("%(folder)s/cert.pem")
                    ca-file("%(folder)s/client-ca.pem") peer-verify(required-trusted))); };
destination received { file("%(folder)s/received"
    template("$(base64-encode $PRI) $(base64-encode $S_ISODATE) $(base64-encode $HOST) \\
$(base64-encode $PROGRAM) $(base64-encode $MSGID) $(base64-encode ${.SDATA.event@32473.id}) \\
$(base64-encode ${MESSAGE})\\n")); };
log { source(tcp); source(octets); source(tls); source(mutual); destination(received); };
"""


@dataclass(frozen=True)
class Syslog:
    """A running daemon, its ports, and the authority of its certificate."""

    folder: Path
    ports: dict[str, int]
    client_ca: trustme.CA

    @property
    def ca_file(self) -> Path:
        """The authority of its certificate."""
        return self.folder / "ca.pem"

    def count(self) -> int:
        """How many messages it has written so far."""
        path = self.folder / "received"
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def wait_for(self, count: int, start: int) -> list[dict[str, str]]:
        """The messages after the first `start`, once there are so many of them."""
        _until(lambda: self.count() - start >= count, f"{count} messages")
        lines = (self.folder / "received").read_text().splitlines()[start:]
        return [
            {
                name: base64.b64decode(value).decode()
                for name, value in zip(FIELDS, line.split(" "), strict=True)
            }
            for line in lines
        ]


def syslog_ng(folder: Path) -> Iterator[Syslog]:
    """Start a daemon whose files lie in `folder`; it is killed when the generator is closed."""
    program = find_program("syslog-ng", "apt-get install syslog-ng-core")
    names = ("tcp", "octets", "tls", "mutual")
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    ca, client_ca = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    client_ca.cert_pem.write_to_path(str(folder / "client-ca.pem"))
    issued = ca.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    (folder / "syslog-ng.conf").write_text(CONFIGURATION % {"folder": folder, **ports})
    with (folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                "--foreground",
                "--no-caps",
                f"--cfgfile={folder / 'syslog-ng.conf'}",
                f"--persist-file={folder / 'persist'}",
                f"--control={folder / 'control'}",
                f"--pidfile={folder / 'pid'}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _until(lambda: all(map(_listens, ports.values())), "syslog-ng to listen", START_SECONDS)
        yield Syslog(folder, ports, client_ca)
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
