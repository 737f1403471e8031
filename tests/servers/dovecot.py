"""A real Dovecot on loopback with a configuration of its own: any user, one password, mail in folders of a test.

It is started once for all tests of a process, which each take a user of their own, and ended with the process. Floods
are dropped into the Maildir, since handing in mail by IMAP takes an fsync each.
"""

from __future__ import annotations

import atexit
import contextlib
import grp
import itertools
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers.web import Reply, Request, WebServer, as_json

PASSWORD = "correct-horse"
TOKEN = "ya29.token"
MISSING = "dovecot is not installed; on Debian: apt-get install dovecot-imapd (.ci/servers does so for the checks)"

_numbers = itertools.count(1)

_CONFIGURATION = """
protocols = imap
base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/log
listen = 127.0.0.1
ssl = yes
ssl_cert = <{place}/cert.pem
ssl_key = <{place}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
auth_failure_delay = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:{place}/mail/%u
maildir_stat_dirs = yes
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {place}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={place}/mail/%u
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""

_OAUTH2 = """
introspection_url = {url}/introspect?token=
introspection_mode = auth
username_attribute = email
active_attribute = active
active_value = true
"""


class TokenHost(WebServer):
    """Says whose a token is; a token is the word of all tests and the user behind it."""

    def answer(self, request: Request) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        known, _, user = token.partition("/")
        return as_json({"active": "true", "email": user} if known == TOKEN else {"active": "false"})


@dataclass(frozen=True)
class Dovecot:
    """The running server."""

    place: Path
    port: int
    tls_port: int
    owner: pwd.struct_passwd

    @property
    def certificate(self) -> Path:
        """What to trust."""
        return self.place / "cert.pem"

    def account(self) -> Account:
        """A user nobody had before."""
        return Account(self, f"u{next(_numbers)}-{os.getpid()}")


@dataclass(frozen=True)
class Account:
    """One user's mail."""

    server: Dovecot
    user: str

    def deliver(self, mail: bytes, at: datetime, folder: str = "INBOX") -> Path:
        """A mail that arrived at a time."""
        maildir = self.maildir(folder)
        number = next(_numbers)
        path = maildir / "new" / f"{int(at.timestamp())}.M{number:09}P1.test"
        path.write_bytes(mail)
        os.utime(path, (at.timestamp(), at.timestamp()))
        self._give(path)
        return path

    def maildir(self, folder: str = "INBOX") -> Path:
        """Where a folder lies."""
        place = self.server.place / "mail" / self.user
        place = place if folder == "INBOX" else place / f".{folder}"
        for part in (place.parent, place, *(place / name for name in ("cur", "new", "tmp"))):
            part.mkdir(parents=True, exist_ok=True)
            self._give(part)
        return place

    def lose_numbers(self, folder: str = "INBOX") -> None:
        """Let the server forget how it numbered the mails: it will give new numbers, and a new UIDVALIDITY."""
        numbers = self.maildir(folder) / "dovecot-uidlist"
        version, validity, _next, *rest = numbers.read_text().partition("\n")[0].split(" ")
        for path in self.maildir(folder).glob("dovecot*"):
            path.unlink()
        numbers.write_text(" ".join([version, f"V{int(validity[1:]) + 1}", "N1", *rest]) + "\n")
        self._give(numbers)

    def names(self, folder: str = "INBOX") -> list[str]:
        """Files with their flags, which say whether anything was changed."""
        maildir = self.maildir(folder)
        return sorted(path.name.partition(",")[2] for part in ("cur", "new") for path in (maildir / part).iterdir())

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.server.owner.pw_uid, self.server.owner.pw_gid)


@cache
def running() -> Dovecot:
    """The server, started when it is first asked for; a test is skipped with what is missing where there is none."""
    program = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip(MISSING)
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    place = Path(tempfile.mkdtemp(prefix="tocsin-imap-", dir="/tmp"))
    place.chmod(0o755)
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    _certify(place)
    tokens = TokenHost()
    tokens.__enter__()
    atexit.register(tokens.__exit__, None, None, None)
    (place / "oauth2.conf").write_text(_OAUTH2.format(url=tokens.url))
    (place / "mail").mkdir()
    if os.geteuid() == 0:
        os.chown(place / "mail", owner.pw_uid, owner.pw_gid)
    return _started(program, place, owner)


def _started(program: str, place: Path, owner: pwd.struct_passwd) -> Dovecot:
    for _ in range(3):
        port, tls_port = _free_port(), _free_port()
        text = _CONFIGURATION.format(
            place=place,
            port=port,
            tls_port=tls_port,
            password=PASSWORD,
            user=owner.pw_name,
            group=grp.getgrgid(owner.pw_gid).gr_name,
        )
        (place / "dovecot.conf").write_text(text)
        process = subprocess.Popen(
            [program, "-F", "-c", str(place / "dovecot.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if _answers(process, port):
            atexit.register(_end, process)
            return Dovecot(place, port, tls_port, owner)
        _end(process)
    log = place / "log"
    raise AssertionError(f"dovecot does not start: {log.read_text()[-2000:] if log.exists() else 'it left no log'}")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    ends_at = time.monotonic() + 20
    while time.monotonic() < ends_at and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            if connection.recv(4) == b"* OK":
                return True
        time.sleep(0.02)  # until it listens: another process gives no other sign
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    process.kill()
    process.wait()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _certify(place: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (place / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (place / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    ssl.create_default_context(cafile=place / "cert.pem")  # it loads
