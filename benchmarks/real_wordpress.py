"""A WordPress of its own for benchmarks/real_comments.py: PHP's own web server, and a MariaDB with its own folder.

Nothing of the machine's services or configuration is used: the program's files are copied, since they look for their
configuration beside themselves, and database and site are gone with their folder. Comments are written by WordPress's
own functions, in a process of PHP that stays, at moments that are given: its guard against floods is what a visitor
meets, and no visitor is played here.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PATIENCE = 60.0
NEEDED = {
    "php": "php-cli",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "mariadb": "mariadb-client",
}
"""Commands, and the packages of Debian that have them."""
CONFIGURATION = """<?php
define('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{socket}'); define('DB_CHARSET', 'utf8mb4');
define('WP_HOME', '{url}'); define('WP_SITEURL', '{url}');
define('DISABLE_WP_CRON', true); define('WP_HTTP_BLOCK_EXTERNAL', true); define('AUTOMATIC_UPDATER_DISABLED', true);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
WRITER = """<?php
if (in_array('install', $argv)) define('WP_INSTALLING', true);
require __DIR__ . '/wp-load.php';
add_filter('pre_wp_mail', '__return_false');
$deeds = [
    'install' => function ($said) {
        require_once ABSPATH . 'wp-admin/includes/upgrade.php';
        wp_install('Blog', 'editor', 'editor@blog.example', true, '', wp_generate_password());
        return true;
    },
    'set' => function ($said) { return update_option($said['name'], $said['value']); },
    'clear' => function ($said) {
        foreach (get_posts(['numberposts' => -1, 'post_status' => 'any']) as $post) wp_delete_post($post->ID, true);
        return true;
    },
    'article' => function ($said) {
        $words = ['post_title' => 'Norrvik recalls', 'post_content' => 'Bring it back.'];
        if (!$said['drafted']) return wp_insert_post($words + ['post_status' => 'publish']);
        $post = wp_insert_post($words);
        wp_update_post(['ID' => $post, 'post_status' => 'publish']);  // a draft first, as editors do: it names the guid
        return $post;
    },
    'comment' => function ($said) {
        return wp_insert_comment(wp_slash(['comment_post_ID' => $said['article'], 'comment_content' => $said['text'],
            'comment_author' => 'Ann', 'comment_author_email' => 'ann@blog.example',
            'comment_parent' => $said['parent'], 'comment_approved' => $said['approved'],
            'comment_date_gmt' => $said['at'], 'comment_date' => get_date_from_gmt($said['at'])]));
    },
    'approve' => function ($said) { return wp_set_comment_status($said['comment'], 'approve'); },
    'rules' => function ($said) {
        global $wp_rewrite;
        $wp_rewrite->set_permalink_structure($said['structure']);
        $wp_rewrite->flush_rules(false);
        return true;
    },
    'shown' => function ($said) { return get_comments(['fields' => 'ids', 'status' => 'approve']); },
];
while (($line = fgets(STDIN)) !== false) {
    $said = json_decode($line, true);
    echo json_encode($deeds[$said['do']]($said)), "\\n";
}
"""


@dataclass
class WordPress:
    """The running blog."""

    url: str
    writer: subprocess.Popen[str]

    def do(self, deed: str, **said: Any) -> Any:
        """Let WordPress do something, and return what it answers."""
        return _asked(self.writer, deed, **said)


def missing(folder: Path) -> list[str]:
    """The packages of Debian without which there is no WordPress here."""
    packages = {package for command, package in NEEDED.items() if not _command(command)}
    if not (folder / "wp-load.php").is_file():
        packages.add("wordpress")
    php = _command("php")
    listed = [php, "-m"]
    if not php or "mysqli" not in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split():
        packages.add("php-mysql")
    return sorted(packages)


@contextmanager
def running(folder: Path) -> Iterator[WordPress]:
    """The WordPress whose program is in `folder`, with an empty blog, in a zone seven hours behind UTC."""
    if packages := missing(folder):
        raise SystemExit(f"WordPress cannot be run here; missing: apt-get install {' '.join(packages)}")
    with tempfile.TemporaryDirectory(prefix="blog-") as made, ExitStack() as stack:
        site, data = Path(made, "site"), Path(made, "data")
        shutil.copytree(folder, site, ignore=shutil.ignore_patterns("wp-config.php", ".htaccess"))
        port = _free_port()
        url = f"http://127.0.0.1:{port}"
        line = stack.enter_context(_database(data))
        (site / "wp-config.php").write_text(CONFIGURATION.format(socket=line, url=url), encoding="utf-8")
        (site / "writer.php").write_text(WRITER, encoding="utf-8")
        with _writer(site, "install") as installer:
            _asked(installer, "install")
        served = [_command("php"), "-S", f"127.0.0.1:{port}", "-t", str(site)]
        stack.enter_context(_process(served, port))
        writer = stack.enter_context(_writer(site))
        _asked(writer, "set", name="timezone_string", value="America/Phoenix")
        yield WordPress(url, writer)


@contextmanager
def _database(data: Path) -> Iterator[Path]:
    """A MariaDB that listens on a socket of its own alone."""
    line, user = data.with_suffix(".sock"), f"--user={os.environ.get('USER') or 'root'}"
    made = [_command("mariadb-install-db"), "--no-defaults", user, f"--datadir={data}", "--skip-test-db"]
    subprocess.run([*made, "--auth-root-authentication-method=normal"], check=True, stdout=subprocess.DEVNULL)
    served = [_command("mariadbd"), "--no-defaults", user, f"--datadir={data}", f"--socket={line}", "--skip-networking"]
    with _process([*served, f"--pid-file={data.with_suffix('.pid')}"], line):
        client = [_command("mariadb"), "--no-defaults", f"--socket={line}", "--user=root"]
        subprocess.run([*client, "-e", "CREATE DATABASE wordpress CHARACTER SET utf8mb4"], check=True)
        yield line


@contextmanager
def _process(command: list[str], door: int | Path) -> Iterator[None]:
    """A server, from when it lets somebody in by its port or its socket until the end."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + PATIENCE
        while not _is_open(door):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{Path(command[0]).name} did not start")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _writer(site: Path, *said: str) -> Iterator[subprocess.Popen[str]]:
    command = [_command("php"), str(site / "writer.php"), *said]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def _asked(writer: subprocess.Popen[str], deed: str, **said: Any) -> Any:
    if writer.stdin is None or writer.stdout is None:
        raise RuntimeError("the writer has no pipes")
    writer.stdin.write(json.dumps({"do": deed, **said}) + "\n")
    writer.stdin.flush()
    answer = writer.stdout.readline()
    try:
        return json.loads(answer)
    except ValueError:
        raise SystemExit(f"WordPress did not do what it was asked ({deed}): {answer!r:.300}") from None


def _is_open(door: int | Path) -> bool:
    family = socket.AF_INET if isinstance(door, int) else socket.AF_UNIX
    with socket.socket(family) as line:
        return line.connect_ex(("127.0.0.1", door) if isinstance(door, int) else str(door)) == 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _command(name: str) -> str:
    """Where a command is; servers are often where only the system looks."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""


def written(moment: datetime) -> str:
    """A moment as WordPress writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
