"""TCP ports on loopback for servers that are told where to listen."""
import random
import socket

TRIES = 1000


def free_ports(count):
    """Neighbouring ports that nobody has now, as a list.

    They are below those that the kernel gives to clients (ip_local_port_range): no
    connection of this machine takes one between now and the server's own bind(2), none
    that has ended keeps one in TIME_WAIT, and who tries whether a server answers there
    does not meet himself."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        end = int(f.read().split()[0])
    if end < 20000:  # this kernel leaves no room below
        end = 65536
    for _ in range(TRIES):
        first = random.randrange(10000, end - count)
        try:
            for port in range(first, first + count):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
        except OSError:
            continue
        return list(range(first, first + count))
    raise OSError(f"no {count} neighbouring ports are free between 10000 and {end}")


def free_port():
    return free_ports(1)[0]
