"""A TCP relay in front of the server, so that a client can be cut off without being told.

Not a fault injector: it is open or shut. Shut means that every connection is closed and new ones are refused.
"""

import socket
import threading


class Gate:
    """Relays 127.0.0.1:port (chosen by the system) to 127.0.0.1:server_port."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.lock = threading.Lock()
        self.listener, self.pairs, self.port = None, [], 0
        self.open()

    def open(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.listener, self.port = listener, listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self):
        # A blocked accept would keep the port listening: shutdown wakes it.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                hang_up(end)

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.server_port), timeout=10)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.pairs.append((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=relay, args=(source, sink), daemon=True).start()


def relay(source, sink):
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
    except OSError:
        pass
    hang_up(sink)
    hang_up(source)


def hang_up(end):
    """Ends both directions; closing alone would not wake the thread that reads from it."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
