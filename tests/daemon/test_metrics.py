"""What somebody can see of the daemon: the log as JSON, metrics in a file and over HTTP."""
import contextlib
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import threading
import time

import harness
import samples
from harness import PATIENCE, RULES, Daemon, wait_for
from ports import free_port
from test_messages import SHOP, talk

# What would be a line, a key, an end of the value or a command to a terminal if it got through.
EVIL = 'x\r\n4Forged: action=sign status=ok"},{"level":"error","x":"\\ \x1b[31m\x7f\u202e\u0085\u2028 \u00e4'


# --- the log ---

def objects(d):
    """Each line that the daemon itself has written, as an object."""
    return [json.loads(line) for line in d.log().splitlines()]


def test_log_lines_are_objects_when_asked_for():
    with Daemon(milter={"log_format": "json"}) as d:
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body
        d.configure(raw="[milter]\nnonsense\n")
        assert d.ask("reload").startswith("error")
        d.stop()
        lines = objects(d)
        assert all(line["time"].endswith("Z") and line["level"] for line in lines), lines
        words = " / ".join(line.get("message", "") for line in lines)
        for text in ("starting, ", "serving unix:", f"{d.config}:2: error:", "stopped"):
            assert text in words, words
        signed = [line for line in lines if line.get("action") == "sign"]
        assert len(signed) == 1 and signed[0]["queue_id"] == "4TestId" and isinstance(signed[0]["ms"], int), signed
        assert signed[0]["from"] == "alice@example.org" and signed[0]["rule"] == "shop", signed


def test_objects_have_the_keys_of_the_text():
    keys = {}
    for form in ("text", "json"):
        with Daemon(milter={"log_format": form}) as d, talk(d, SHOP) as c:
            assert c.message(samples.PLAIN, recipients=("<a@example.net>", "<b@example.net>")).body
            d.logged(r"\bms\b")
            if form == "json":
                keys[form] = list([line for line in objects(d) if "action" in line][0])
            else:
                keys[form] = re.findall(r' ([a-z-]+)=(?=[^ ])', re.search("4TestId: .*", d.log()).group(0))
    assert keys["json"] == ["time", "level", "queue_id"] + keys["text"], keys


def test_form_of_the_log_follows_a_reload():
    with Daemon() as d:
        d.milter["log_format"] = "json"
        d.configure()
        assert d.ask("reload").startswith("ok")
        json.loads(d.log().splitlines()[-1])
        d.milter["log_format"] = "text"
        d.configure()
        assert d.ask("reload").startswith("ok")
        assert d.log().splitlines()[-1].startswith("smime-milter: notice: configuration loaded"), d.log()


def signed_by_an_evil_name(d):
    """A message whose certificate, anchored by nobody, is named like an attack."""
    if not shutil.which("openssl"):
        raise harness.Skipped("no openssl")
    key, certificate = (os.path.join(d.directory, name) for name in ("evil.key", "evil.crt"))
    with open(os.path.join(d.directory, "evil.cnf"), "w", encoding="utf-8") as f:
        f.write("[req]\ndistinguished_name = dn\n[dn]\n")
    name = "/CN=" + EVIL[:60].replace("\\", "\\\\").replace("/", "\\/")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8",
                    "-config", f.name, "-subj", name, "-addext", "subjectAltName=email:alice@example.org", "-keyout", key,
                    "-out", certificate, "-days", "30"], check=True, capture_output=True, timeout=60)
    made = subprocess.run(["openssl", "cms", "-sign", "-signer", certificate, "-inkey", key], check=True, capture_output=True,
                          input=b"Content-Type: text/plain\r\n\r\nhello\r\n", timeout=60).stdout
    return b"From: alice@example.org\r\nMessage-ID: <2@example.org>\r\n" + re.sub(rb"\r?\n", b"\r\n", made)


def hostile_traffic(d):
    evil = EVIL.encode()
    raw = evil.decode("latin-1")  # the client's way to say octets
    message = (b"From: \"" + evil.replace(b"\r\n", b"\r\n ") + b"\" <alice@example.org>\r\n"
               b"Message-ID: <1" + evil.replace(b"\r\n", b"\t") + b"\xff>\r\nSubject: x\r\n\r\nhello\r\n")
    with talk(d, SHOP) as c:
        c.message(message, sender=f"<{raw}>", recipients=(f"<{raw}\xff@example.net>",), queue_id=raw)
    with talk(d) as c:
        c.message(signed_by_an_evil_name(d), sender=f"<{raw}>")
    d.logged(r"\b4TestId\b.*alice@example.org.*\bms\b")


def test_nothing_can_be_injected_into_a_text_log():
    with Daemon() as d:
        hostile_traffic(d)
        d.stop()
        for line in d.log().splitlines():
            assert re.match(r"smime-milter: (debug|info|notice|warning|error): ", line), line
            assert re.fullmatch(r"[\x20-\x7e]*", line), line
            assert not re.match(r"smime-milter: \w+: 4Forged", line), line
        assert "issuer=" in d.log(), d.log()


def test_nothing_can_be_injected_into_a_json_log():
    with Daemon(milter={"log_format": "json"}) as d:
        hostile_traffic(d)
        d.stop()
        for line in d.log().splitlines():
            assert re.fullmatch(r"[\x20-\x7e]*", line), line
            assert json.loads(line)["level"] != "error", line
        lines = [line for line in objects(d) if "queue_id" in line]
        assert lines[0]["queue_id"] == EVIL[:len(lines[0]["queue_id"])] and lines[0]["to"].startswith(EVIL), lines
        assert any("4Forged" in line.get("issuer", "") for line in lines), lines


# --- metrics ---

def metrics_of(text):
    """Series -> value."""
    assert text.endswith("\n"), text[-100:]
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            assert series not in found, series
            found[series] = float(value)
    return found


def value(text, series):
    return metrics_of(text)["smime_milter_" + series]


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def http(address, request=b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"):
    """Status line, header and body of the answer."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as s:
        s.settimeout(PATIENCE)
        s.connect(address)
        s.sendall(request)
        answer = b""
        while more := s.recv(65536):
            answer += more
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head.split("\r\n")[0], head, body


@contextlib.contextmanager
def with_file(interval=1, rules=RULES, **more):
    # Beside the milter's socket: a directory that is the daemon's own.
    with Daemon(start=False, rules=rules) as d:
        d.metrics = os.path.join(os.path.dirname(d.socket), "smime-milter.prom")
        d.milter.update(metrics_file=d.metrics, metrics_interval=interval, **more)
        d.configure(rules)
        d.start()
        wait_for(lambda: os.path.exists(d.metrics), "the file")
        yield d


def test_file_has_what_happened_and_goes_with_the_daemon():
    with with_file() as d:
        assert stat.S_IMODE(os.stat(d.metrics).st_mode) == 0o644
        with talk(d) as c:
            c.message(samples.golden("verify-tampered-marked"))
        with talk(d, SHOP) as c:
            for _ in range(3):
                assert c.message(samples.PLAIN).body

            def counted():
                text = read(d.metrics)
                return text if value(text, "duration_seconds_count") == 4 and value(text, "sessions") == 1 else None
            text = wait_for(counted, "four messages and a session in the file")
            assert value(text, "messages_in_flight") == 0, text
        assert value(text, 'messages_total{action="verify",result="fail"}') == 1, text
        assert value(text, 'messages_total{action="sign",result="ok"}') == 3, text
        assert value(text, 'rule_messages_total{rule="shop"}') == 3 and 'rule="inbound"' in text, text
        assert value(text, "message_bytes_count") >= 3
        assert value(text, "message_bytes_sum") >= 3 * len(samples.PLAIN)
        assert value(text, 'errors_total{stage="internal"}') == 0
        assert abs(value(text, "collected_timestamp_seconds") - time.time()) < 60
        assert value(text, "config_last_reload_successful") == 1
        assert value(text, "in_flight_limit_bytes") > 1 << 20
        ends = [v for k, v in metrics_of(text).items() if 'address="alice@example.org",kind="key"' in k]
        assert len(ends) == 1 and ends[0] > time.time(), text
        assert 'kind="anchor"' in text and 'kind="intermediate"' in text, text
        d.stop()
        assert os.listdir(os.path.dirname(d.metrics)) == [os.path.basename(d.socket) + ".lock"], "left behind"


def test_file_is_whole_whenever_it_is_read():
    with with_file() as d:
        last = read(d.metrics).splitlines()[-1].split(" ")[0]
        seen = set()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            text = read(d.metrics)
            assert text.startswith("# HELP smime_milter_build_info") and text.splitlines()[-1].startswith(last + " "), text
            seen.add(value(text, "collected_timestamp_seconds"))
        assert len(seen) >= 2, "it was not written anew"


def test_counters_go_on_through_a_reload_and_a_failed_one_shows():
    with with_file(interval=3600) as d, talk(d, SHOP) as c:
        assert c.message(samples.PLAIN).body
        loaded = value(read(d.metrics), "config_last_reload_success_timestamp_seconds")
        d.configure(rules="\n[rule first]\nsender = nobody@example.org\nsign = clear\n" + RULES)
        assert d.ask("reload").startswith("ok")
        # At once, not after an hour.
        text = wait_for(lambda: 'rule="first"' in read(d.metrics) and read(d.metrics), "the new rule")
        assert value(text, 'rule_messages_total{rule="shop"}') == 1 and value(text, 'rule_messages_total{rule="first"}') == 0
        assert value(text, "config_last_reload_success_timestamp_seconds") >= loaded
        d.configure(raw="nonsense\n")
        assert d.ask("reload").startswith("error")
        wait_for(lambda: value(read(d.metrics), "config_last_reload_successful") == 0, "the failure")
        assert d.status()["reload"].endswith("failed")


def test_file_may_come_move_and_go_with_a_reload():
    with Daemon() as d:
        first, second = (os.path.join(os.path.dirname(d.socket), name) for name in ("a.prom", "b.prom"))
        for path, gone in ((first, None), (second, first), ("", second)):
            d.milter["metrics_file"] = path
            d.configure()
            assert d.ask("reload").startswith("ok")
            if path:
                wait_for(lambda p=path: os.path.exists(p), "the file")
            if gone:
                wait_for(lambda p=gone: not os.path.exists(p), "the old file to go")


def test_file_that_cannot_be_written_is_said_once_and_mail_passes():
    with Daemon(start=False) as d:
        directory = os.path.join(d.directory, "s", "later")
        d.milter.update(metrics_file=os.path.join(directory, "x.prom"), metrics_interval=1)
        d.configure()
        d.start()
        d.logged("x.prom: warning: metrics_file: cannot create|x.prom: error: metrics_file: cannot create")
        time.sleep(2.5)
        assert d.log().count("cannot create") == 1, d.log()
        with talk(d, SHOP) as c:
            assert c.message(samples.PLAIN).body
        os.mkdir(directory)
        d.own()
        d.logged("the metrics are written again")
        assert value(read(os.path.join(directory, "x.prom")), "duration_seconds_count") == 1


def test_endpoint_gives_figures_and_health_and_nothing_else():
    port = free_port()
    with Daemon(milter={"metrics_listen": f"inet:{port}@127.0.0.1"}) as d, talk(d, SHOP) as c:
        assert c.message(samples.PLAIN).body
        status, head, body = http(("127.0.0.1", port))
        assert status == "HTTP/1.1 200 OK" and "\r\nContent-Type: text/plain; version=0.0.4" in head, head
        assert f"\r\nContent-Length: {len(body)}" in head and "\r\nConnection: close" in head, head
        assert value(body, 'messages_total{action="sign",result="ok"}') == 1
        for request, wanted in ((b"GET /healthz HTTP/1.0\r\n\r\n", "200 OK"), (b"GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
                                (b"POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"), (b"\r\n\r\n", "400 Bad Request"),
                                (b"GET /" + b"x" * 5000, "431 Request Header Fields Too Large"),
                                (b"\x16\x03\x01" + b"\0" * 300 + b"\n\n", "400 Bad Request")):
            assert http(("127.0.0.1", port), request)[0] == "HTTP/1.1 " + wanted, request[:40]


def test_endpoint_may_be_a_unix_socket():
    with Daemon(start=False) as d:
        path = os.path.join(d.directory, "s", "metrics.sock")
        d.milter["metrics_listen"] = "unix:" + path
        d.configure()
        d.start()
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
        assert value(http(path)[2], "sessions") == 0
        d.stop()
        assert not os.path.exists(path)


def test_clients_that_are_slow_or_many_keep_nobody_waiting():
    port = free_port()
    with Daemon(milter={"metrics_listen": f"inet:{port}@127.0.0.1"}) as d:
        silent = []
        try:
            for _ in range(40):
                s = socket.create_connection(("127.0.0.1", port), PATIENCE)
                s.sendall(b"GET /met")
                silent.append(s)
            assert http(("127.0.0.1", port))[0] == "HTTP/1.1 200 OK"
            with talk(d, SHOP) as c:
                assert c.message(samples.PLAIN).body
            # Who came last and says no more is told so.
            answer = b""
            while more := silent[-1].recv(4096):
                answer += more
            assert answer.startswith(b"HTTP/1.1 408 "), answer
        finally:
            for s in silent:
                s.close()
        with open(f"/proc/{d.process.pid}/status", encoding="ascii") as f:
            assert int(re.search(r"Threads:\s+(\d+)", f.read()).group(1)) < 20


def test_taken_port_is_said_and_mail_passes():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        with Daemon(milter={"metrics_listen": f"inet:{port}@127.0.0.1"}) as d, talk(d, SHOP) as c:
            d.logged(f"inet:{port}@127.0.0.1: error: cannot bind the socket of metrics_listen.*nobody can ask for metrics")
            assert c.message(samples.PLAIN).body


def test_addresses_that_others_reach_are_refused():
    for address in ("inet:9465@0.0.0.0", "inet:9465@192.0.2.1", "inet:9465@localhost", "inet6:9465@[::]", "inet:9465",
                    "inet6:9465@[2001:db8::1]", "inet:9465@127.0.0.1.example.org", "9465"):
        with Daemon(start=False, milter={"metrics_listen": address}) as d:
            assert d.spawn(extra=["-n"]).wait(PATIENCE) == 78, address
            assert "error: metrics_listen:" in d.log() or "error: metrics_listen" in d.log(), d.log()
    for address in ("inet:9465@127.0.0.1", "inet:9465@127.8.8.8", "inet6:9465@[::1]"):
        with Daemon(start=False, milter={"metrics_listen": address}) as d:
            assert d.spawn(extra=["-n"]).wait(PATIENCE) == 0, d.log()


def test_check_tells_where_metrics_cannot_go():
    with Daemon(start=False) as d:
        nowhere = os.path.join(d.directory, "nowhere")
        d.milter.update(metrics_file=nowhere + "/x.prom", metrics_listen=f"unix:{nowhere}/x.sock")
        d.configure()
        assert d.spawn(extra=["-n"]).wait(PATIENCE) == 0, d.log()
        for key in ("metrics_file", "metrics_listen"):
            assert f"{nowhere}: warning: {key}: the directory does not exist; run: install -d -o {d.user}" in d.log(), d.log()


def test_new_address_takes_a_restart():
    with Daemon() as d:
        d.milter["metrics_listen"] = f"inet:{free_port()}@127.0.0.1"
        d.configure()
        assert "metrics_listen has changed: this takes effect after a restart" in d.ask("reload")


def test_health_says_that_the_daemon_stops():
    port = free_port()
    with Daemon(milter={"metrics_listen": f"inet:{port}@127.0.0.1"}) as d:
        assert http(("127.0.0.1", port), b"GET /healthz HTTP/1.1\r\n\r\n")[2] == "ok\n"
        with talk(d, SHOP) as c:
            c.mail()
            c.rcpt()
            c.header("From", " alice@example.org")
            assert c.end_of_header().code == "c"
            d.signal(15)
            d.logged("stopping, 1 messages in flight")
            status, _, body = http(("127.0.0.1", port), b"GET /healthz HTTP/1.1\r\n\r\n")
            assert (status, body) == ("HTTP/1.1 503 Service Unavailable", "stopping\n")
        assert d.wait() == 0


def test_labels_are_bounded_and_what_is_left_out_is_counted():
    many = "".join(f"\n[rule r{n}]\nsender = a{n}@example.org\nsign = clear\n" for n in range(1100))
    if not shutil.which("openssl"):
        raise harness.Skipped("no openssl")
    with Daemon(start=False, rules=many + RULES) as d:
        key = os.path.join(d.directory, "keys", "many.pem")
        names = ",".join(f"email:a{n}@example.org" for n in range(1200))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
                        "-addext", "subjectAltName=" + names, "-keyout", key, "-out", key + ".crt", "-days", "3000"], check=True,
                       capture_output=True, timeout=60)
        with open(key, "a", encoding="ascii") as f:
            f.write(read(key + ".crt"))
        os.remove(key + ".crt")
        os.chmod(key, 0o600)
        path = os.path.join(os.path.dirname(d.socket), "x.prom")
        d.milter["metrics_file"] = path
        d.configure(many + RULES)
        d.own()
        d.start()
        text = wait_for(lambda: os.path.exists(path) and read(path), "the file")
        found = metrics_of(text)
        assert sum(1 for name in found if name.startswith("smime_milter_rule_messages_total")) == 1000
        assert value(text, "rules_left_out") == 102
        ends = [name for name in found if name.startswith("smime_milter_certificate_not_after_seconds")]
        assert len(ends) == 1000 and value(text, "certificates_left_out") == 204, len(ends)
        # Who ends first stays; alice's certificate has a century to go.
        assert all(re.search(r'address="a\d+@example.org"', name) for name in ends), ends
        assert len(text) < 400_000, len(text)


def test_overload_is_counted_where_it_happens():
    with with_file(max_in_flight="1M") as d, talk(d, SHOP) as c, talk(d, SHOP) as other:
        c.mail()
        c.rcpt()
        for name, content in (("From", " alice@example.org"), ("Subject", " x")):
            c.header(name, content)
        c.end_of_header()
        c.body(samples.text_of(700_000))
        other.message(samples.with_body(samples.text_of(600_000)))
        c.end_of_message()
        text = wait_for(lambda: value(read(d.metrics), 'errors_total{stage="admission"}') == 1 and read(d.metrics), "the error")
        assert value(text, 'messages_total{action="tempfail",result="451 4.3.2"}') == 1, text


def test_figures_stay_right_under_load():
    port = free_port()
    connections, each = 6, 25
    with Daemon(milter={"metrics_listen": f"inet:{port}@127.0.0.1"}) as d:
        def mail():
            with talk(d, SHOP) as c:
                for _ in range(each):
                    assert c.message(samples.PLAIN).body
        threads = [threading.Thread(target=mail) for _ in range(connections)]
        for thread in threads:
            thread.start()
        asked = 0
        while any(thread.is_alive() for thread in threads):
            assert http(("127.0.0.1", port))[0] == "HTTP/1.1 200 OK"
            asked += 1
            if asked % 5 == 0:
                assert d.ask("reload").startswith("ok")
        for thread in threads:
            thread.join()
        text = http(("127.0.0.1", port))[2]
        total = connections * each
        assert value(text, 'messages_total{action="sign",result="ok"}') == total, text
        assert value(text, 'rule_messages_total{rule="shop"}') == total
        assert value(text, 'duration_seconds_bucket{le="+Inf"}') == value(text, "duration_seconds_count") == total
