"""Clients that send without a pause to real MTAs while something happens to the milter,
and the judgement afterwards: what was accepted was delivered, signed and once, and
nothing else was.  Clients do what mail servers do: after 4xx they come again."""
import collections
import os
import re
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]

import octets  # noqa: E402
import smtp  # noqa: E402
import verifiers  # noqa: E402
from gateway import wait_for  # noqa: E402
from suite import same  # noqa: E402

ALICE, OUTSIDE, PASSWORD = "alice@example.org", "someone@example.net", "alices-secret"
RULES = """
[rule staff]
sender        = *@example.org
sign          = clear
sign_required = yes
"""
CLIENTS = 6  # at a time, in turn at each MTA


class Load(threading.Thread):
    """A client.  It has a favourite server, and goes to the next one with the next try, as
    by MX records or a list of smart hosts.  `cluster` has `.mtas`."""

    def __init__(self, cluster, number, lines=4000):
        super().__init__(daemon=True)
        self.cluster, self.number, self.lines, self.ending = cluster, number, lines, threading.Event()
        self.accepted, self.postponed, self.trouble = {}, [], []

    def run(self):
        count = 0
        while not self.ending.is_set():
            count += 1
            for attempt in range(200):
                # Each try has a mark of its own, so that what came of it can be told.
                mark, message = sample(f"load-{self.number}-{count}-{attempt}", self.lines)
                try:
                    if self.send(message, (self.number + attempt) % len(self.cluster.mtas)):
                        self.accepted[mark] = message
                        break
                    self.postponed.append(mark)
                except Exception as why:  # neither accepted nor postponed: never right
                    self.trouble.append(f"{mark}: {why!r}")
                    break
                time.sleep(0.05)
            else:
                self.trouble.append(f"message {count} was never accepted")

    def send(self, message, which):
        """True: accepted, False: 4xx."""
        try:
            with smtp.Client(self.cluster.mtas[which].submission, (ALICE, PASSWORD)) as client:
                client.send(ALICE, [OUTSIDE], message)
        except smtp.Refused as reply:
            if not 400 <= reply.code < 500:
                raise
            return False
        return True


def sample(name, lines=4000):
    """Several pieces of replacebody, so that there is a middle in which to die."""
    mark = f"{name}-{os.getpid()}@example.org"
    body = "".join(f"line {n} of {name}\n" for n in range(lines))
    return mark.encode(), octets.crlf(f"From: {ALICE}\nTo: {OUTSIDE}\nSubject: {name}\nMessage-ID: <{mark}>\n"
                                      f"Date: Mon, 23 Nov 2026 12:00:00 +0000\nMIME-Version: 1.0\nContent-Type: text/plain\n\n{body}")


def under_load(cluster, events, number=CLIENTS, lines=4000):
    """Runs the events while clients send; returns the clients."""
    clients = [Load(cluster, n, lines) for n in range(number)]
    for client in clients:
        client.start()
    try:
        for event in events:
            event()
    finally:
        for client in clients:
            client.ending.set()
        for client in clients:
            client.join(60)
    same([trouble for client in clients for trouble in client.trouble], [], "replies that are neither 2xx nor 4xx")
    return clients


def judge(cluster, clients):
    """Nothing lost, nothing twice, nothing half; how many were accepted.  `cluster` has
    `.mtas`, `.sink` and `.anchor`."""
    accepted = {mark: message for client in clients for mark, message in client.accepted.items()}
    wait_for(lambda: len(cluster.sink.deliveries) >= len(accepted), f"{len(accepted)} messages to be delivered", 300)
    for mta in cluster.mtas:
        wait_for(lambda m=mta: not m.queue(), "an empty queue", 30)
        same(mta.corrupt(), [], "messages that Postfix has lost")
        same(mta.complaints(), [], "what Postfix says")
    delivered = collections.defaultdict(list)
    for delivery in cluster.sink.deliveries:
        delivered[re.search(rb"Message-ID: <([^>]*)>", delivery.message).group(1)].append(delivery.message)
    same(sorted(delivered), sorted(accepted), "what was delivered, and what was accepted")
    for number, (mark, message) in enumerate(sorted(accepted.items())):
        same(len(delivered[mark]), 1, f"deliveries of {mark}")
        signed = octets.Signed(delivered[mark][0])
        same(signed.content, octets.entity(message), "signed content")  # once: what is inside is not signed again
        if number % 10 == 0:  # the rest differ from these in no more than their text
            same(verifiers.openssl(cluster.anchor, signed, ALICE), octets.entity(message), "what openssl has verified")
    return len(accepted)
